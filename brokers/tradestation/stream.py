"""TradeStation's live upstream: quotes, Greeks, accounts and the look at the listing, side by side."""

from collections.abc import Awaitable, Collection, Iterable, Mapping, Sequence
from datetime import date

from brokers.domain.instruments import Instrument
from brokers.port import AccessToken, Hosts
from brokers.tradestation.account_feed import ACCOUNT, AccountFeed
from brokers.tradestation.calls import Calls
from brokers.tradestation.codec.envelope import BROKER, read_error
from brokers.tradestation.greeks_feed import ChainLines, GreeksFeed
from brokers.tradestation.lines import Lines, Timings
from brokers.tradestation.quote_feed import QUOTES, QuoteFeed
from brokers.transport import Transport
from brokers.upstream.parts import Upstream


class TradestationStream(Upstream):
    """The ``Stream`` port for one connection.

    Tokens and listings are fetched in threads, for they block. "account" turning LIVE means that orders,
    positions and balances must be read again.
    """

    def __init__(
        self,
        hosts: Hosts,
        token: AccessToken,
        accounts: Sequence[str],
        *,
        closures: Mapping[date, str] = {},
        timings: Timings | None = None,
    ) -> None:
        super().__init__()
        timings = timings or Timings(closures=closures)
        self._lines = Lines(hosts.api, token, timings)
        self._quotes = QuoteFeed(self._lines, self._outbox, timings)
        self._chain_lines = ChainLines(hosts.api, token, timings)
        self._greeks = GreeksFeed(self._chain_lines, Calls(hosts, token), self._outbox, timings)
        self._account: AccountFeed | None = None
        if accounts:
            door = Transport(hosts.api, token, broker=BROKER, read_error=read_error)
            self._account = AccountFeed(self._lines, door, accounts, self._outbox, timings)

    def watch(self, instruments: Collection[Instrument]) -> None:
        self._quotes.watch(instruments)
        self._greeks.watch(instruments)

    def carried(self) -> frozenset[Instrument]:
        return self._quotes.carried

    def sources(self) -> Iterable[str]:
        return (QUOTES,) if self._account is None else (QUOTES, ACCOUNT)

    def parts(self) -> Iterable[Awaitable[None]]:
        accounts = self._account.tasks() if self._account is not None else ()
        return [self._quotes.run(), self._greeks.run(), *accounts]

    async def release(self) -> None:
        await self._lines.close()
        await self._chain_lines.close()
