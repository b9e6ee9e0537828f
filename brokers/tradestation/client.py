"""TradeStation behind the desk's port: codec and transport, a line or few per call."""

from collections.abc import Collection, Sequence
from datetime import date, datetime, timezone
from decimal import Decimal
from functools import partial
from zoneinfo import ZoneInfo

from brokers.domain.accounts import AccountInfo, Balance, PastBalance, Position, Restrictions, Transaction
from brokers.domain.instruments import Instrument, Other, contract_multiplier
from brokers.domain.market import (
    Bar,
    Chain,
    Details,
    Expiration,
    Interval,
    MarketStatus,
    Match,
    Metrics,
    Quote,
    Watchlist,
)
from brokers.errors import BrokerError, Refused
from brokers.tradestation.calls import named
from brokers.tradestation.codec import accounts, bars, market, today
from brokers.tradestation.codec.envelope import BROKER
from brokers.tradestation.order_desk import OrderDesk
from brokers.tradestation.symbols import read_symbol

NEW_YORK = ZoneInfo("America/New_York")
NO_LISTS = "TradeStation keeps no watchlists for programs. Keep yours here."


class TradestationBroker(OrderDesk):
    """The ``Broker`` port for one connection."""

    # --- accounts ---

    def get_accounts(self) -> list[AccountInfo]:
        return self._calls.ask(accounts.accounts_request(), accounts.read_accounts)

    def get_restrictions(self, account_number: str) -> Restrictions:
        read = partial(accounts.read_restrictions, account_number=account_number, now=_now())
        return self._calls.ask(accounts.accounts_request(), read)

    def get_balance(self, account_number: str) -> Balance:
        request = accounts.balance_request(account_number)
        return self._calls.ask_account(request, lambda node: accounts.read_balance(node, account_number, _now()))

    def get_opening_balance(self, account_number: str) -> PastBalance:
        request = accounts.opening_balance_request(account_number)
        return self._calls.ask_account(
            request, lambda node: accounts.read_opening_balance(node, account_number, _today())
        )

    def get_balance_history(self, account_number: str, since: date, until: date | None = None) -> list[PastBalance]:
        raise Refused("TradeStation gives no balances of past days to programs.", broker=BROKER)

    def get_positions(self, account_number: str) -> list[Position]:
        request = accounts.positions_request(account_number)
        rows = self._calls.ask_account(request, lambda node: accounts.position_rows(node, account_number))
        sizes = self._sizes(named(lambda: accounts.of_unknown_size(rows)))
        now = _now()
        return named(lambda: [accounts.read_position(row, now, sizes) for row in rows])

    def with_day_gains(self, account_number: str, positions: Sequence[Position]) -> list[Position]:
        """By today's orders, for the broker's rows leave out what was closed, and of futures the whole day."""
        now = _now()
        traded = today.traded_today(self._current_orders(account_number), now)
        held = {position.instrument for position in positions}
        gone = {each for each in traded if each not in held and not isinstance(each, Other)}
        wanted = {each.instrument for each in positions if today.needs_close(each, traded.get(each.instrument))}
        quotes = self.get_quotes(wanted | gone)
        closes = {instrument: quote.prev_close for instrument, quote in quotes.items()}
        sizes = {each: contract_multiplier(each) for each in gone} | self._sizes(
            {each for each in gone if contract_multiplier(each) is None}
        )
        completed = [
            today.with_day(each, traded.get(each.instrument), closes.get(each.instrument)) for each in positions
        ]
        return completed + today.closed_today(account_number, held, traded, closes, sizes, now)

    def get_transactions(self, account_number: str, since: date, until: date | None = None) -> list[Transaction]:
        """There are none: what could be made of orders would leave out dividends, deposits and expirations."""
        raise Refused("TradeStation gives no account history to programs. See it on its own site.", broker=BROKER)

    # --- market ---

    def get_quotes(self, instruments: Collection[Instrument]) -> dict[Instrument, Quote]:
        quotes: dict[Instrument, Quote] = {}
        for request, asked in market.quotes_requests(instruments):
            quotes |= self._calls.ask(request, partial(market.read_quotes, asked=asked, now=_now()))
        return quotes

    def get_details(self, instrument: Instrument) -> Details:
        found = self._details([instrument]).get(instrument)
        if found is None:
            raise Refused(f"TradeStation does not know {instrument}.", broker=BROKER)
        return found

    def get_chain(self, underlying: Instrument) -> Chain:
        """Without strikes: those of each day cost a call, of ninety a minute."""
        request = market.expirations_request(underlying)
        listed = self._calls.ask(request, lambda node: market.read_expirations(node, underlying))
        return Chain(underlying, tuple(each for each in listed if each.expiry >= _today()))

    def with_strikes(self, underlying: Instrument, expirations: Sequence[Expiration]) -> list[Expiration]:
        """A call for each day, and one for an option of each root."""
        strikes = {
            expiry: self._calls.ask(market.strikes_request(underlying, expiry), market.read_strikes)
            for expiry in dict.fromkeys(each.expiry for each in expirations)
        }
        listed = [market.with_strikes(each, strikes[each.expiry]) for each in expirations]
        samples = market.samples(listed)
        details = self._details(samples.values())
        terms = {root: details.get(option) for root, option in samples.items()}
        return [market.with_terms(each, terms.get(each.root)) for each in listed]

    def get_bars(
        self,
        instrument: Instrument,
        interval: Interval,
        start: datetime,
        end: datetime | None = None,
        *,
        extended: bool = False,
    ) -> list[Bar]:
        request = bars.bars_request(instrument, interval, start, end, _now(), extended=extended)
        return self._calls.ask(request, lambda node: bars.read_bars(node, interval, start, end))

    def search(self, text: str) -> list[Match]:
        """By the API's second version. Where a host has only the third, the exact symbol is looked up."""
        if not text.strip():
            return []
        try:
            return self._calls.ask_old(market.search_request(text.strip()), market.read_matches)
        except Refused as refused:
            if refused.status != 404:
                raise
        instrument = read_symbol(text)
        found = {} if isinstance(instrument, Other) else self._details([instrument])
        return [Match(each, details.description, details.has_options) for each, details in found.items()]

    def get_market_status(self) -> list[MarketStatus]:
        raise Refused("TradeStation tells programs no market hours.", broker=BROKER)

    def get_metrics(self, instruments: Collection[Instrument]) -> dict[Instrument, Metrics]:
        raise Refused("TradeStation tells programs no ranks of volatility, earnings or dividends.", broker=BROKER)

    def get_watchlists(self) -> list[Watchlist]:
        raise Refused(NO_LISTS, broker=BROKER)

    def save_watchlist(self, watchlist: Watchlist) -> Watchlist:
        raise Refused(NO_LISTS, broker=BROKER)

    def delete_watchlist(self, watchlist_id: str) -> None:
        raise Refused(NO_LISTS, broker=BROKER)

    # --- how ---

    def _details(self, instruments: Collection[Instrument]) -> dict[Instrument, Details]:
        """Of those that the broker knows."""
        found: dict[Instrument, Details] = {}
        for request, asked in market.details_requests(instruments):
            found |= self._calls.ask(request, partial(market.read_details, asked=asked))
        return found

    def _sizes(self, instruments: Collection[Instrument]) -> dict[Instrument, Decimal]:
        """Dollars per point. Who may not see market data sees what is held all the same: its cost tells the size."""
        try:
            return {instrument: found.multiplier for instrument, found in self._details(instruments).items()}
        except BrokerError:
            return {}


def _now() -> datetime:
    return datetime.now(timezone.utc)


def _today() -> date:
    return datetime.now(NEW_YORK).date()
