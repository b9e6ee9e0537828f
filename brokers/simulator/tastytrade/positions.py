"""Positions (section 4.4)."""

from datetime import date
from decimal import Decimal
from typing import Any

from brokers.domain.instruments import Crypto, Future, FutureOption, Instrument, Option, parse_instrument
from brokers.simulator.exchange import SimPosition
from brokers.simulator.market import Market
from brokers.simulator.tastytrade.envelope import Reply, amount, items, moment, quantity, truth, with_effect
from brokers.simulator.tastytrade.guard import Ask
from brokers.simulator.tastytrade.symbols import api_symbol, streamer_symbol, type_name


def list_positions(ask: Ask) -> Reply:
    """Not paged. Holdings are net per symbol already, so ``net-positions`` changes nothing."""
    closed = truth(ask.query, "include-closed-positions") or False
    marks = truth(ask.query, "include-marks") or False
    held = [each for each in ask.world.exchange.positions(ask.account, closed) if is_wanted(ask, each)]
    return items([position_json(each, ask.world.market, ask.world.today(), marks=marks) for each in held])


def is_wanted(ask: Ask, position: SimPosition) -> bool:
    instrument = position.instrument
    underlyings, partitions = ask.many("underlying-symbol"), ask.many("partition-keys")
    return (
        (not underlyings or underlying_symbol(position.underlying) in underlyings)
        and not partitions
        and ask.query.get("symbol") in (None, "", api_symbol(instrument))
        and ask.query.get("instrument-type") in (None, "", type_name(instrument))
        and ask.query.get("underlying-product-code") in (None, "", product_of(instrument))
    )


def product_of(instrument: Instrument) -> str | None:
    """The futures product behind a holding."""
    match instrument:
        case Future(product) | FutureOption(Future(product)):
            return product
        case _:
            return None


def underlying_symbol(canonical: str) -> str:
    """The API symbol of an underlying that the exchange names."""
    return api_symbol(parse_instrument(canonical))


def position_json(position: SimPosition, market: Market, today: date, *, marks: bool = False) -> dict[str, Any]:
    """A position as REST and the account streamer show it."""
    instrument, long = position.instrument, position.quantity > 0
    close = position.close_price or Decimal(0)
    body: dict[str, Any] = {
        "account-number": position.account_number,
        "symbol": api_symbol(instrument),
        "instrument-type": type_name(instrument),
        "underlying-symbol": underlying_symbol(position.underlying),
        "streamer-symbol": streamer_symbol(instrument),
        "quantity": quantity_in(instrument, abs(position.quantity)),
        "quantity-direction": "Zero" if not position.quantity else "Long" if long else "Short",
        "average-open-price": amount(position.average_open_price),
        "average-daily-market-close-price": amount(position.day_open_price or close),
        "average-yearly-market-close-price": amount(position.average_open_price),
        "close-price": amount(close),
        "multiplier": multiplier_in(instrument, position.multiplier),
        "cost-effect": "Credit" if long else "Debit",
        "is-suppressed": False,
        "is-frozen": False,
        "restricted-quantity": 0,
    }
    body |= ending(instrument, market)
    if marks and position.mark is not None:
        body["mark"] = amount(position.mark * abs(position.quantity) * position.multiplier)
        body["mark-price"] = amount(position.mark)
    for name, gain in (("realized-day-gain", position.realized_day), ("realized-today", position.realized_today)):
        body |= with_effect(name, gain)
        body[f"{name}-date"] = today.isoformat()
    return body | {"created-at": moment(position.created_at), "updated-at": moment(position.updated_at)}


def quantity_in(instrument: Instrument, size: Decimal) -> int | float | str:
    """The broker mixes its types: text where a class came later (crypto, options on futures), else a number."""
    return amount(size) if isinstance(instrument, Crypto | FutureOption) else quantity(size)


def multiplier_in(instrument: Instrument, multiplier: Decimal) -> int | str:
    """A number for options on shares, text for all else, as the broker mixes them."""
    return int(multiplier) if isinstance(instrument, Option) else amount(multiplier)


def ending(instrument: Instrument, market: Market) -> dict[str, str]:
    """When a derivative ends, and what an option delivers."""
    if not isinstance(instrument, Option | Future | FutureOption):
        return {}
    body = {"expires-at": moment(market.expires_at(instrument))}
    if isinstance(instrument, Option):
        deliverable = market.deliverable(instrument.root)
        mixed = deliverable is not None and deliverable.cash > 0
        body["deliverable-type"] = "Shares And Cash" if mixed else "Shares"
    return body
