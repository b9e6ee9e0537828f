"""What an order does to the account, as tastytrade foresees it: buying power, margin, fees (section 5.3)."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from brokers.simulator.exchange import Preview
from brokers.simulator.tastytrade.envelope import with_effect
from brokers.simulator.tastytrade.refusals import warning_json

ZERO = Decimal(0)
# Kind of fee: its name on the wire, that of its breakdown, and the parts that are always shown.
FEES: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "regulatory": ("regulatory-fees", "regulatory-fees-breakdown", ("exchange", "nfa", "orf", "sec", "taf")),
    "clearing": ("clearing-fees", "clearing-fees-breakdown", ("clearing",)),
    "commission": ("commission", "commission-breakdown", ("brokerage",)),
    "proprietary": ("proprietary-index-option-fees", "proprietary-fees-breakdown", ("proprietary",)),
}


def placed_json(order: dict[str, Any], preview: Preview, warnings: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """The answer to placing and to a dry run: the order and what it does to the account."""
    return {
        "buying-power-effect": buying_power_json(preview, is_spread=len(order["legs"]) > 1),
        "fee-calculation": fees_json(preview),
        "order": order,
        "notes": [],
        "warnings": [warning_json(code, message) for code, message in warnings],
    }


def buying_power_json(preview: Preview, *, is_spread: bool) -> dict[str, Any]:
    change = with_effect("change-in-buying-power", preview.buying_power_change)
    return {
        **with_effect("change-in-margin-requirement", preview.margin_change),
        **change,
        **with_effect("current-buying-power", preview.buying_power_before),
        **with_effect("new-buying-power", preview.buying_power_after),
        **with_effect("isolated-order-margin-requirement", -abs(preview.isolated_margin)),
        "is-spread": is_spread,
        "impact": change["change-in-buying-power"],
        "effect": change["change-in-buying-power-effect"],
    }


def fees_json(preview: Preview) -> dict[str, Any]:
    """Fees by kind, each with its parts; a part that costs nothing is shown as nothing."""
    body: dict[str, Any] = {}
    for kind, (name, breakdown, usual) in FEES.items():
        body |= with_effect(name, preview.fees.get(kind, ZERO))
        parts = dict.fromkeys(usual, ZERO) | preview.fee_parts.get(kind, {})
        body[breakdown] = [named(part, value) for part, value in parts.items()]
    body |= with_effect("total-fees", preview.total_fees) | with_effect("rebates", ZERO)
    return body | {"rebates-breakdown": [named("rebate", ZERO)], "per-quantity": False}


def named(part: str, value: Decimal) -> dict[str, str]:
    signed = with_effect("value", value)
    return {"name": part, "value": signed["value"], "effect": signed["value-effect"]}


def total_of(previews: Sequence[Preview]) -> Preview:
    """Several orders that will all be done, as one."""
    first, last = previews[0], previews[-1]
    change = sum((each.buying_power_change for each in previews), ZERO)
    fees: dict[str, Decimal] = {}
    parts: dict[str, dict[str, Decimal]] = {}
    for each in previews:
        for kind, value in each.fees.items():
            fees[kind] = fees.get(kind, ZERO) + value
        for kind, found in each.fee_parts.items():
            sums = parts.setdefault(kind, {})
            for name, value in found.items():
                sums[name] = sums.get(name, ZERO) + value
    return Preview(
        fees=fees,
        total_fees=sum((each.total_fees for each in previews), ZERO),
        buying_power_before=first.buying_power_before,
        buying_power_after=first.buying_power_before + change,
        buying_power_change=change,
        margin_change=sum((each.margin_change for each in previews), ZERO),
        isolated_margin=sum((each.isolated_margin for each in previews), ZERO),
        fee_parts=parts,
        warnings=list(last.warnings),
    )
