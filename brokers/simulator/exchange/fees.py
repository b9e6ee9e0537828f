"""What a trade costs: commission, clearing and regulatory fees. Dollars from the account's side: negative or zero."""

from decimal import ROUND_HALF_UP, Decimal

from brokers.domain.instruments import Instrument, Option
from brokers.domain.orders import Action

MILL, CENT = Decimal("0.001"), Decimal("0.01")
KINDS = ("commission", "clearing", "regulatory", "proprietary")
OPTION_COMMISSION, COMMISSION_CAP = Decimal("1.00"), Decimal("10.00")
OPTION_CLEARING, SHARE_CLEARING = Decimal("0.10"), Decimal("0.0008")
OPTION_REGULATORY = Decimal("0.02")
SALE_SHARE = Decimal("0.0000278")  # of the dollars of a sale
OPTION_ACTIVITY, SHARE_ACTIVITY, ACTIVITY_CAP = Decimal("0.00279"), Decimal("0.000166"), Decimal("8.30")

Parts = dict[str, dict[str, Decimal]]


def charge(instrument: Instrument, action: Action, quantity: Decimal, price: Decimal, before: Decimal) -> Parts:
    """The fees of one execution by kind and part, to a tenth of a cent.

    ``price`` per unit; ``before`` is what the same leg has filled already: the commission is capped for a leg.
    """
    option = isinstance(instrument, Option)
    dollars = quantity * price * (100 if option else 1)
    sale = Decimal(0) if action.is_buy else dollars * SALE_SHARE
    activity = Decimal(0) if action.is_buy else quantity * (OPTION_ACTIVITY if option else SHARE_ACTIVITY)
    commission = _commission(before + quantity) - _commission(before) if option and action.opens else Decimal(0)
    return {
        "commission": {"brokerage": _mills(commission)},
        "clearing": {"clearing": _mills(quantity * (OPTION_CLEARING if option else SHARE_CLEARING))},
        "regulatory": {
            "orf": _mills(quantity * OPTION_REGULATORY if option else Decimal(0)),
            "sec": _mills(sale),
            "taf": _mills(min(activity, ACTIVITY_CAP)),
        },
        "proprietary": {"proprietary": Decimal(0)},
    }


def by_kind(parts: Parts) -> dict[str, Decimal]:
    """The fees by kind, as exact as the parts."""
    return {kind: sum(parts[kind].values(), Decimal(0)) for kind in KINDS}


def settled(parts: Parts) -> dict[str, Decimal]:
    """The fees by kind as they are taken from the cash: in whole cents."""
    return {kind: amount.quantize(CENT, ROUND_HALF_UP) for kind, amount in by_kind(parts).items()}


def add(one: Parts, other: Parts) -> Parts:
    return {kind: {name: one[kind][name] + other[kind][name] for name in parts} for kind, parts in one.items()}


def _commission(contracts: Decimal) -> Decimal:
    return min(contracts * OPTION_COMMISSION, COMMISSION_CAP)


def _mills(amount: Decimal) -> Decimal:
    """A fee of so much, as an amount of the account's: negative, and a plain 0 where there is none."""
    found = amount.quantize(MILL, ROUND_HALF_UP)
    return -found if found else Decimal(0)
