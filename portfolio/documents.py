"""Balances and positions as the API's JSON: plain dictionaries, decimals as text, null for the unknown."""

from datetime import datetime, timezone
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from brokers.domain.accounts import Balance, Position
from brokers.domain.instruments import FutureOption, Instrument, Option, describe, plain
from brokers.errors import BrokerError
from brokers.models import Account
from portfolio.holdings import Held, Part
from portfolio.valuation import Sum, Totals, Valued, in_order, total, value_all

Document = dict[str, Any]
PERCENT_STEP = Decimal("0.0001")


def balance_document(account: Account, balance: Balance, part: Part[Balance]) -> Document:
    """The balance that ``part`` knows, with where it is from."""
    return {
        "account": str(account.pk),
        "currency": balance.currency,
        "net_liquidating_value": digits(balance.net_liquidating_value),
        "cash": digits(balance.cash),
        "stock_buying_power": digits(balance.stock_buying_power),
        "option_buying_power": digits(balance.option_buying_power),
        "maintenance_requirement": digits(balance.maintenance_requirement),
        "pending_cash": digits(balance.pending_cash),
        "as_of": instant(balance.as_of),
        **_provenance(part),
    }


def positions_document(account: Account, positions: tuple[Position, ...], held: Held, now: datetime) -> Document:
    """The positions that ``held`` knows, valued by its quotes; none is an empty list."""
    valued = in_order(value_all(positions, held.quotes, now))
    return {
        "account": str(account.pk),
        "positions": [_position(each) for each in valued],
        "totals": _totals(total(valued)),
        "as_of": instant(held.positions.seen_at),
        **_provenance(held.positions),
        "quotes_reason": _reason(held.quotes_error),
    }


def _provenance(part: Part[Any]) -> Document:
    return {
        "read_at": instant(part.seen_at),
        "source": part.source.value if part.source else None,
        "stale": part.is_stale,
        "reason": _reason(part.error),
    }


def _reason(error: BrokerError | None) -> Document | None:
    if error is None:
        return None
    return {"code": error.code, "detail": error.message, "retryable": error.retryable}


def _position(valued: Valued) -> Document:
    position, quote = valued.position, valued.quote
    return {
        **_instrument(position.instrument),
        "underlying": position.underlying or None,
        "quantity": digits(position.quantity),
        "multiplier": digits(position.multiplier),
        "average_open_price": digits(position.average_open_price),
        "day_open_price": digits(valued.day_open_price),
        "close_price": digits(position.close_price),
        "bid": digits(quote.bid) if quote else None,
        "ask": digits(quote.ask) if quote else None,
        "mark": digits(valued.mark),
        "mark_as_of": instant(valued.marked_at),
        "days_to_expiry": valued.days_to_expiry,
        "cost": digits(valued.cost),
        "market_value": digits(valued.value),
        "profit_loss_open": digits(valued.gain_open),
        "profit_loss_open_percent": in_percent(valued.gain_open_share),
        "profit_loss_day": digits(valued.gain_day),
        "realized_day": digits(position.realized_day),
        "change": digits(valued.change),
        "change_percent": in_percent(valued.change_share),
        "opened_at": instant(position.opened_at),
        "as_of": instant(position.as_of),
    }


def _instrument(instrument: Instrument) -> Document:
    option = instrument if isinstance(instrument, Option | FutureOption) else None
    return {
        "symbol": str(instrument),
        "description": describe(instrument),
        "kind": KINDS[type(instrument).__name__],
        "expiration": option.expiry.isoformat() if option else None,
        "strike": plain(option.strike) if option else None,
        "right": option.right.name.lower() if option else None,
    }


KINDS = {
    "Equity": "equity",
    "Index": "index",
    "Option": "option",
    "Future": "future",
    "FutureOption": "future_option",
    "Crypto": "crypto",
    "Other": "other",
}


def _totals(totals: Totals) -> Document:
    return {
        "cost": _sum(totals.cost),
        "market_value": _sum(totals.value),
        "profit_loss_open": _sum(totals.gain_open),
        "profit_loss_open_percent": in_percent(totals.gain_open_share),
        "profit_loss_day": _sum(totals.gain_day),
        "mark_as_of": instant(totals.marked_at),
    }


def _sum(known: Sum) -> Document:
    return {"amount": digits(known.amount), "missing": known.missing}


def digits(number: Decimal | None) -> str | None:
    return None if number is None else f"{number:f}"


def in_percent(share: Decimal | None) -> str | None:
    return None if share is None else digits((share * 100).quantize(PERCENT_STEP, ROUND_HALF_UP))


def instant(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(timezone.utc).isoformat().replace("+00:00", "Z")
