"""What a trade costs: commission, clearing, regulatory and index fees. Dollars from the account's side: never above 0.

A ``Schedule`` is what differs between brokers; clearing, exchange and regulatory rates are the market's.
"""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from brokers.domain.instruments import Crypto, Equity, Future, FutureOption, Instrument, Option
from brokers.domain.orders import Action

ZERO = Decimal(0)
MILL, CENT = Decimal("0.001"), Decimal("0.01")
KINDS = ("commission", "clearing", "regulatory", "proprietary")
OPTION_CLEARING, SHARE_CLEARING, FUTURE_CLEARING = Decimal("0.10"), Decimal("0.0008"), Decimal("0.30")
OPTION_REGULATORY, NFA = Decimal("0.02"), Decimal("0.02")
SALE_SHARE = Decimal("0.0000278")  # of the dollars of a sale of shares or options on them
OPTION_ACTIVITY, SHARE_ACTIVITY, ACTIVITY_CAP = Decimal("0.00279"), Decimal("0.000166"), Decimal("8.30")
MICROS = frozenset({"MES", "MNQ", "M2K", "MYM", "MCL", "MGC", "SIL", "M6E", "MBT", "MET"})
FUTURE_EXCHANGE, MICRO_EXCHANGE = Decimal("1.38"), Decimal("0.35")
FUTURE_EXCHANGES = {"CL": "1.50", "NG": "1.50", "GC": "1.55", "SI": "1.55", "ZB": "0.87", "ZN": "0.80", "6E": "1.60"}
INDEX_FEES = {
    **dict.fromkeys(("SPX", "SPXW", "VIX", "VIXW"), Decimal("0.65")),
    **dict.fromkeys(("NDX", "NDXP", "RUT", "RUTW", "DJX"), Decimal("0.18")),
}

Parts = dict[str, dict[str, Decimal]]


@dataclass(frozen=True, slots=True)
class Schedule:
    """A broker's commissions in dollars a contract: ``…_open`` and ``…_close``, futures a side, ``share`` a share.

    ``option_cap`` is the most for a leg (None: no cap); ``crypto`` a part of the dollars of a fill.
    """

    option_open: Decimal
    option_close: Decimal
    option_cap: Decimal | None
    future: Decimal
    micro_future: Decimal
    future_option_open: Decimal
    future_option_close: Decimal
    micro_option_open: Decimal
    micro_option_close: Decimal
    share: Decimal
    crypto: Decimal
    crypto_cap: Decimal | None


STANDARD = Schedule(
    option_open=Decimal("1.00"),
    option_close=ZERO,
    option_cap=Decimal("10.00"),
    future=Decimal("1.25"),
    micro_future=Decimal("0.85"),
    future_option_open=Decimal("2.50"),
    future_option_close=ZERO,
    micro_option_open=Decimal("1.50"),
    micro_option_close=ZERO,
    share=ZERO,
    crypto=Decimal("0.01"),
    crypto_cap=Decimal("10.00"),
)
FLAT = Schedule(
    option_open=Decimal("0.60"),
    option_close=Decimal("0.60"),
    option_cap=None,
    future=Decimal("1.75"),
    micro_future=Decimal("0.85"),
    future_option_open=Decimal("1.75"),
    future_option_close=Decimal("1.75"),
    micro_option_open=Decimal("0.85"),
    micro_option_close=Decimal("0.85"),
    share=ZERO,
    crypto=Decimal("0.006"),
    crypto_cap=None,
)
SCHEDULES = {"standard": STANDARD, "flat": FLAT}


def charge(
    instrument: Instrument,
    action: Action,
    quantity: Decimal,
    price: Decimal,
    before: Decimal,
    schedule: Schedule = STANDARD,
    multiplier: Decimal | None = None,
) -> Parts:
    """The fees of one execution by kind and part, to a tenth of a cent.

    ``price`` per unit; ``before`` is what the same leg has filled already: option commissions are capped for a leg.
    ``multiplier`` of the instrument; 100 is taken for options where it is not given.
    """
    size = multiplier if multiplier is not None else Decimal(100 if isinstance(instrument, Option) else 1)
    commission = _commission(instrument, action, quantity, quantity * price * size, before, schedule)
    return {
        "commission": {"brokerage": _mills(commission)},
        "clearing": {"clearing": _mills(quantity * _clearing(instrument))},
        "regulatory": _regulatory(instrument, action, quantity, quantity * price * size),
        "proprietary": {"proprietary": _mills(quantity * _index_fee(instrument))},
    }


def by_kind(parts: Parts) -> dict[str, Decimal]:
    """The fees by kind, as exact as the parts."""
    return {kind: sum(parts[kind].values(), ZERO) for kind in KINDS}


def settled(parts: Parts) -> dict[str, Decimal]:
    """The fees by kind as they are taken from the cash: in whole cents."""
    return {kind: amount.quantize(CENT, ROUND_HALF_UP) for kind, amount in by_kind(parts).items()}


def add(one: Parts, other: Parts) -> Parts:
    return {kind: {name: one[kind][name] + other[kind][name] for name in parts} for kind, parts in one.items()}


def _commission(
    instrument: Instrument, action: Action, quantity: Decimal, dollars: Decimal, before: Decimal, schedule: Schedule
) -> Decimal:
    match instrument:
        case Option():
            rate = schedule.option_open if action.opens else schedule.option_close
            return _capped((before + quantity) * rate, schedule.option_cap) - _capped(
                before * rate, schedule.option_cap
            )
        case FutureOption(future=future) if future.product in MICROS:
            return quantity * (schedule.micro_option_open if action.opens else schedule.micro_option_close)
        case FutureOption():
            return quantity * (schedule.future_option_open if action.opens else schedule.future_option_close)
        case Future(product=product):
            return quantity * (schedule.micro_future if product in MICROS else schedule.future)
        case Crypto():
            return _capped(dollars * schedule.crypto, schedule.crypto_cap)
        case _:
            return quantity * schedule.share


def _capped(amount: Decimal, most: Decimal | None) -> Decimal:
    return amount if most is None else min(amount, most)


def _clearing(instrument: Instrument) -> Decimal:
    match instrument:
        case Option():
            return OPTION_CLEARING
        case Future() | FutureOption():
            return FUTURE_CLEARING
        case Equity():
            return SHARE_CLEARING
        case _:
            return ZERO


def _regulatory(instrument: Instrument, action: Action, quantity: Decimal, dollars: Decimal) -> dict[str, Decimal]:
    """Exchange and NFA fees of futures; the options regulatory fee; SEC and trading activity fees of sales."""
    listed, derivative = isinstance(instrument, Equity | Option), isinstance(instrument, Future | FutureOption)
    option, sale = isinstance(instrument, Option), listed and not action.is_buy
    activity = quantity * (OPTION_ACTIVITY if option else SHARE_ACTIVITY) if sale else ZERO
    return {
        "exchange": _mills(quantity * _exchange_rate(instrument)),
        "nfa": _mills(quantity * NFA if derivative else ZERO),
        "orf": _mills(quantity * OPTION_REGULATORY if option else ZERO),
        "sec": _mills(dollars * SALE_SHARE if sale else ZERO),
        "taf": _mills(min(activity, ACTIVITY_CAP)),
    }


def _exchange_rate(instrument: Instrument) -> Decimal:
    match instrument:
        case Future(product=product) | FutureOption(future=Future(product=product)):
            found = FUTURE_EXCHANGES.get(product)
            return MICRO_EXCHANGE if product in MICROS else Decimal(found) if found else FUTURE_EXCHANGE
        case _:
            return ZERO


def _index_fee(instrument: Instrument) -> Decimal:
    return INDEX_FEES.get(instrument.root, ZERO) if isinstance(instrument, Option) else ZERO


def _mills(amount: Decimal) -> Decimal:
    """A fee of so much, as an amount of the account's: negative, and a plain 0 where there is none."""
    found = amount.quantize(MILL, ROUND_HALF_UP)
    return -found if found else ZERO
