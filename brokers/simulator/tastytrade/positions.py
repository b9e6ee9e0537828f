"""Positions (section 4.4)."""

from datetime import date
from decimal import Decimal
from typing import Any

from brokers.domain.instruments import Option
from brokers.simulator.exchange import SimPosition
from brokers.simulator.market import Market
from brokers.simulator.tastytrade.envelope import Reply, amount, items, moment, quantity, truth, with_effect
from brokers.simulator.tastytrade.guard import Ask
from brokers.simulator.tastytrade.symbols import api_symbol, streamer_symbol, type_name


def list_positions(ask: Ask) -> Reply:
    closed = truth(ask.query, "include-closed-positions") or False
    marks = truth(ask.query, "include-marks") or False
    underlyings, symbol = ask.many("underlying-symbol"), ask.query.get("symbol")
    kind, market = ask.query.get("instrument-type"), ask.world.market
    rows = [
        position_json(position, market, ask.world.today(), marks=marks)
        for position in ask.world.exchange.positions(ask.account, closed)
    ]
    return items(
        [
            row
            for row in rows
            if (not underlyings or row["underlying-symbol"] in underlyings)
            and symbol in (None, row["symbol"])
            and kind in (None, row["instrument-type"])
        ]
    )


def position_json(position: SimPosition, market: Market, today: date, *, marks: bool = False) -> dict[str, Any]:
    """A position; the multiplier is text for shares and a number for options, as the broker mixes them."""
    instrument, long = position.instrument, position.quantity > 0
    is_option = isinstance(instrument, Option)
    close = position.close_price or Decimal(0)
    body: dict[str, Any] = {
        "account-number": position.account_number,
        "symbol": api_symbol(instrument),
        "instrument-type": type_name(instrument),
        "underlying-symbol": position.underlying.replace(".", "/").removeprefix("$"),
        "streamer-symbol": streamer_symbol(instrument),
        "quantity": quantity(abs(position.quantity)),
        "quantity-direction": "Zero" if not position.quantity else "Long" if long else "Short",
        "average-open-price": amount(position.average_open_price),
        "average-daily-market-close-price": amount(position.day_open_price or close),
        "average-yearly-market-close-price": amount(position.average_open_price),
        "close-price": amount(close),
        "multiplier": int(position.multiplier) if is_option else amount(position.multiplier),
        "cost-effect": "Credit" if long else "Debit",
        "is-suppressed": False,
        "is-frozen": False,
        "restricted-quantity": 0,
    }
    if isinstance(instrument, Option):
        body |= {"expires-at": moment(market.expires_at(instrument)), "deliverable-type": "Shares"}
    if marks and position.mark is not None:
        body["mark"] = amount(position.mark * abs(position.quantity) * position.multiplier)
        body["mark-price"] = amount(position.mark)
    for name in ("realized-day-gain", "realized-today"):
        body |= with_effect(name, position.realized_day)
        body[f"{name}-date"] = today.isoformat()
    return body | {"created-at": moment(position.created_at), "updated-at": moment(position.updated_at)}
