"""tastytrade's live upstream: the quote socket and the account socket, side by side, each kept alive."""

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from datetime import date
from functools import partial

from websockets.exceptions import WebSocketException

from brokers.domain.instruments import Instrument
from brokers.port import AccessToken, Hosts
from brokers.tastytrade.account_feed import ACCOUNT, AccountFeed
from brokers.tastytrade.client import TastytradeBroker
from brokers.tastytrade.quote_feed import QUOTES, QuoteFeed
from brokers.tastytrade.sockets import Timings
from brokers.upstream.keeping import keep
from brokers.upstream.parts import Upstream


class TastytradeStream(Upstream):
    """The ``Stream`` port for one connection.

    Tokens and quote passes are fetched in threads, for they block. The account socket replays nothing:
    "account" turning LIVE means that orders, positions and balances must be read again.
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
        self._timings = timings or Timings(closures=closures)
        plain = not hosts.api.startswith("https://")
        self._quotes = QuoteFeed(TastytradeBroker(hosts, token), self._outbox, self._timings, plain=plain)
        self._sessions: dict[str, Callable[[], Awaitable[None]]] = {QUOTES: self._quotes.session}
        if accounts and hosts.streamer:
            account = AccountFeed(hosts.streamer, token, accounts, self._outbox, self._timings)
            self._sessions[ACCOUNT] = account.session

    def watch(self, instruments: Collection[Instrument]) -> None:
        self._quotes.watch(instruments)

    def sources(self) -> Iterable[str]:
        return self._sessions

    def parts(self) -> Iterable[Awaitable[None]]:
        return [self._kept(source, session) for source, session in self._sessions.items()]

    def _kept(self, source: str, session: Callable[[], Awaitable[None]]) -> Awaitable[None]:
        say = partial(self._outbox.say, source)
        return keep(source, session, say, self._timings, title="tastytrade", breaks=(WebSocketException,))
