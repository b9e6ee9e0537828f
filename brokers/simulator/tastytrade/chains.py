"""Options and their chains: symbols only, as at the broker; prices are market data (section 4.7)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import Any

from brokers.domain.instruments import Index, Instrument, Option
from brokers.domain.market import Chain, Expiration, Strike
from brokers.simulator.market import Market
from brokers.simulator.tastytrade.daily import for_today
from brokers.simulator.tastytrade.envelope import Reply, amount, moment, not_found
from brokers.simulator.tastytrade.guard import Ask
from brokers.simulator.tastytrade.instruments import KINDS, find_equity, increments_json, number_of
from brokers.simulator.tastytrade.symbols import api_symbol, listed, streamer_symbol


@dataclass(frozen=True)
class Series:
    """The options of one underlying that share root, kind and day, and what all of them have in common."""

    underlying: Instrument
    expiration: Expiration
    market: Market
    today: date

    @cached_property
    def options(self) -> list[Option]:
        listed = (each for strike in self.expiration.strikes for each in (strike.call, strike.put))
        return [each for each in listed if isinstance(each, Option)]

    @cached_property
    def ends(self) -> datetime:
        return self.market.expires_at(self.options[0])

    @cached_property
    def stops(self) -> datetime:
        """The end of trading: the evening before for what settles in the morning."""
        if self.expiration.settlement != "AM":
            return self.ends
        calendar = self.market.calendar(self.underlying)
        before = calendar.on(calendar.previous(self.expiration.expiry))
        return before.close_at if before else self.ends

    @cached_property
    def common(self) -> dict[str, Any]:
        """An option's JSON but for what tells it from its neighbours."""
        each = self.expiration
        return {
            "instrument-type": "Equity Option",
            "underlying-symbol": api_symbol(self.underlying),
            "root-symbol": each.root,
            "exercise-style": "European" if isinstance(self.underlying, Index) else "American",
            "expiration-date": each.expiry.isoformat(),
            "expiration-type": KINDS[each.kind],
            "expires-at": moment(self.ends),
            "stops-trading-at": moment(self.stops),
            "days-to-expiration": (each.expiry - self.today).days,
            "settlement-type": each.settlement,
            "option-chain-type": chain_type(each.root, self.market),
            "shares-per-contract": int(each.multiplier),
            "market-time-instrument-collection": "Equity Option",
            "is-closing-only": False,
            "active": True,
        }

    def option_json(self, option: Option) -> dict[str, Any]:
        return {
            "symbol": api_symbol(option),
            **self.common,
            "strike-price": amount(option.strike),
            "option-type": option.right.value,
            "streamer-symbol": streamer_symbol(option),
        }


def chain_type(root: str, market: Market) -> str:
    deliverable = market.deliverable(root)
    return "Standard" if deliverable is None or deliverable.standard else "Non-standard"


def get_option(ask: Ask) -> Reply:
    market = ask.world.market
    found = listed(market, ask.names["symbol"])
    if found is None or not isinstance(found.instrument, Option) or found.underlying is None:
        raise not_found("instrument")
    chain = market.chain(found.underlying)
    for expiration in chain.expirations if chain else ():
        if (expiration.root, expiration.expiry) == (found.instrument.root, found.instrument.expiry):
            series = Series(found.underlying, expiration, market, ask.world.today())
            return Reply(series.option_json(found.instrument))
    raise not_found("instrument")


# Chains


def find_chain(ask: Ask) -> Chain:
    listing = find_equity(ask, ask.names["symbol"])
    chain = ask.world.market.chain(listing.instrument)
    if chain is None:
        raise not_found("option chain")
    return chain


def series_of(ask: Ask, chain: Chain) -> Iterator[Series]:
    for expiration in chain.expirations:
        yield Series(chain.underlying, expiration, ask.world.market, ask.world.today())


def get_chain(ask: Ask) -> Reply:
    chain = find_chain(ask)

    def make() -> dict[str, Any]:
        return {"items": [each.option_json(option) for each in series_of(ask, chain) for option in each.options]}

    return Reply(for_today(ask.world, ("options", str(chain.underlying)), make))


def get_nested_chain(ask: Ask) -> Reply:
    """One item per root and contract size; strikes carry symbols only."""
    chain = find_chain(ask)

    def make() -> dict[str, Any]:
        groups: dict[tuple[str, int], list[Expiration]] = {}
        for expiration in chain.expirations:
            groups.setdefault((expiration.root, int(expiration.multiplier)), []).append(expiration)
        return {"items": [nested_json(ask, chain, root, shares, each) for (root, shares), each in groups.items()]}

    return Reply(for_today(ask.world, ("nested options", str(chain.underlying)), make))


def nested_json(ask: Ask, chain: Chain, root: str, shares: int, expirations: Iterable[Expiration]) -> dict[str, Any]:
    rows = list(expirations)
    return root_json(chain.underlying, root, shares, ask.world.market) | {
        "tick-sizes": increments_json(rows[0].increments),
        "expirations": [expiration_json(each, ask.world.today()) for each in rows],
    }


def root_json(underlying: Instrument, root: str, shares: int, market: Market) -> dict[str, Any]:
    return {
        "underlying-symbol": api_symbol(underlying),
        "root-symbol": root,
        "option-chain-type": chain_type(root, market),
        "shares-per-contract": shares,
        "deliverables": deliverables_json(underlying, root, shares, market),
    }


def deliverables_json(underlying: Instrument, root: str, shares: int, market: Market) -> list[dict[str, Any]]:
    """What one contract delivers: shares, and money beside them where an adjustment left some."""
    symbol, found = api_symbol(underlying), market.deliverable(root)
    count = f"{shares}.0" if found is None else amount(found.shares)
    stock = {
        "id": number_of(root),
        "root-symbol": root,
        "deliverable-type": "Shares",
        "description": f"{count.removesuffix('.0')} shares of {symbol}",
        "amount": count,
        "symbol": symbol,
        "instrument-type": "Equity",
        "percent": "100",
    }
    if found is None or not found.cash:
        return [stock]
    money = {
        "id": number_of(f"{root} cash"),
        "root-symbol": root,
        "deliverable-type": "Cash",
        "description": f"${found.cash:.2f} cash",
        "amount": amount(found.cash),
        "percent": "0",
    }
    return [stock, money]


def expiration_json(expiration: Expiration, today: date) -> dict[str, Any]:
    return {
        "expiration-type": KINDS[expiration.kind],
        "expiration-date": expiration.expiry.isoformat(),
        "days-to-expiration": (expiration.expiry - today).days,
        "settlement-type": expiration.settlement,
        "strikes": [strike_json(strike) for strike in expiration.strikes],
    }


def strike_json(strike: Strike) -> dict[str, str]:
    body = {"strike-price": amount(strike.price)}
    for name, option in (("call", strike.call), ("put", strike.put)):
        if option is not None:
            body |= {name: api_symbol(option), f"{name}-streamer-symbol": streamer_symbol(option)}
    return body


def get_compact_chain(ask: Ask) -> Reply:
    """One item per root, settlement and kind of expiration; dates mixed in two parallel lists."""
    chain = find_chain(ask)

    def make() -> dict[str, Any]:
        groups: dict[tuple[str, str, str, int], list[Option]] = {}
        for each in series_of(ask, chain):
            of = each.expiration
            groups.setdefault((of.root, of.settlement, of.kind, int(of.multiplier)), []).extend(each.options)
        return {"items": [compact_json(chain.underlying, key, rows, ask.world.market) for key, rows in groups.items()]}

    return Reply(for_today(ask.world, ("compact options", str(chain.underlying)), make))


def compact_json(
    underlying: Instrument, key: tuple[str, str, str, int], options: list[Option], market: Market
) -> dict[str, Any]:
    root, settlement, kind, shares = key
    return root_json(underlying, root, shares, market) | {
        "settlement-type": settlement,
        "expiration-type": KINDS[kind],
        "symbols": [api_symbol(option) for option in options],
        "streamer-symbols": [streamer_symbol(option) for option in options],
    }
