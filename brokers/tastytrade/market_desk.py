"""What the ``Broker`` port says of markets, at tastytrade: quotes, chains, bars, hours, metrics, watchlists."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import date, datetime, timezone
from zoneinfo import ZoneInfo

from brokers.domain.instruments import Future, FutureOption, Instrument, Option
from brokers.domain.market import (
    Bar,
    Chain,
    Details,
    Expiration,
    Interval,
    MarketStatus,
    Match,
    Metrics,
    PriceIncrements,
    Quote,
    Watchlist,
)
from brokers.tastytrade.calls import Calls, named
from brokers.tastytrade.charts import fetch_bars
from brokers.tastytrade.codec import future_chains, hours, market, metrics, watchlists

NEW_YORK = ZoneInfo("America/New_York")


class MarketDesk(Calls):
    """Market data of one connection."""

    def get_quotes(self, instruments: Collection[Instrument]) -> dict[Instrument, Quote]:
        now = _now()
        quotes: dict[Instrument, Quote] = {}
        for request, asked in market.quotes_requests(instruments):
            quotes |= market.read_quotes(self._answer(request), asked, now)
        return quotes

    def get_details(self, instrument: Instrument) -> Details:
        request = market.details_request(instrument)
        details = self._ask(request, lambda node: market.read_details(node, instrument, _today()))
        if not isinstance(instrument, Option | FutureOption) or details.underlying is None:
            return details
        return replace(details, increments=self._option_increments(details.underlying))

    def _option_increments(self, underlying: Instrument) -> PriceIncrements:
        return self._ask(market.details_request(underlying), market.read_option_increments)

    def get_chain(self, underlying: Instrument) -> Chain:
        if isinstance(underlying, Future):
            request = future_chains.future_chain_request(underlying)
            return self._ask(request, lambda node: future_chains.read_future_chain(node, underlying, _today()))
        return self._ask(market.chain_request(underlying), lambda node: market.read_chain(node, underlying))

    def with_strikes(self, underlying: Instrument, expirations: Sequence[Expiration]) -> list[Expiration]:
        """A chain comes whole, with one call: it is asked for anew where one is without."""
        if all(each.strikes for each in expirations):
            return list(expirations)
        whole = {(each.expiry, each.root): each for each in self.get_chain(underlying).expirations}
        return [whole.get((each.expiry, each.root), each) for each in expirations]

    def get_bars(
        self,
        instrument: Instrument,
        interval: Interval,
        start: datetime,
        end: datetime | None = None,
        *,
        extended: bool = False,
    ) -> list[Bar]:
        """Over the quote socket, opened for this alone: the broker has bars nowhere else."""
        leave = self.get_quote_pass()
        return named(lambda: fetch_bars(leave, instrument, interval, start, end, plain=self._plain, extended=extended))

    def search(self, text: str) -> list[Match]:
        if not text.strip():
            return []
        return self._ask(market.search_request(text.strip()), lambda node: market.read_matches(node, _today()))

    def get_quote_pass(self) -> market.QuotePass:
        """Leave to open the quote socket; not of the port, for the stream."""
        return self._ask(market.quote_pass_request(), market.read_quote_pass)

    def get_market_status(self) -> list[MarketStatus]:
        """Sessions, and for each exchange its holidays and half days."""
        now = _now()
        days = {name: self._ask(request, hours.read_days) for name, request in hours.days_requests()}
        return self._ask(hours.sessions_request(), lambda node: hours.read_sessions(node, days, now))

    def get_metrics(self, instruments: Collection[Instrument]) -> dict[Instrument, Metrics]:
        found: dict[Instrument, Metrics] = {}
        for request, asked in metrics.metrics_requests(instruments):
            found |= self._ask(request, lambda node, asked=asked: metrics.read_metrics(node, asked))  # type: ignore[misc]
        return found

    def get_watchlists(self) -> list[Watchlist]:
        """The person's own, then the broker's public ones."""
        read = watchlists.read_watchlists
        own = self._ask(watchlists.own_request(), lambda node: read(node, _today(), writable=True))
        return own + self._ask(watchlists.public_request(), lambda node: read(node, _today(), writable=False))

    def save_watchlist(self, watchlist: Watchlist) -> Watchlist:
        """A list that is there is read first: what the desk does not know of it, and of its entries, is kept."""
        if not watchlist.id:
            request = watchlists.create_request(watchlist)
        else:
            name = watchlists.own_name(watchlist.id)
            request = self._ask(watchlists.one_request(name), lambda node: watchlists.replacing(node, name, watchlist))
        return self._act(request, lambda node: watchlists.read_watchlist(node["data"], _today(), writable=True))

    def delete_watchlist(self, watchlist_id: str) -> None:
        self._act(watchlists.delete_request(watchlists.own_name(watchlist_id)), lambda node: None)


def _today() -> date:
    return datetime.now(NEW_YORK).date()


def _now() -> datetime:
    return datetime.now(timezone.utc)
