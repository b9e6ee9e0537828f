"""Margin: what ties it up, what an order would, the rates, and how large orders may be (section 4.5)."""

from decimal import Decimal
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from brokers.domain.instruments import Future, Index, Instrument, parse_instrument
from brokers.simulator.exchange import OrderRefused, SimAccount, SimPosition
from brokers.simulator.exchange.margin.report import MarginGroup, MarginPart, MarginReport
from brokers.simulator.exchange.margin.rules import LONG_KEEP, SHARE_INITIAL, SHORT_KEEP, rates_of
from brokers.simulator.market.pricing import RATE
from brokers.simulator.tastytrade.accounts import options_level
from brokers.simulator.tastytrade.envelope import Reply, amount, epoch_ms, nginx_401, not_found, with_effect
from brokers.simulator.tastytrade.guard import PREFIX, Ask, has_user_agent
from brokers.simulator.tastytrade.instruments import number_of
from brokers.simulator.tastytrade.previews import buying_power_json
from brokers.simulator.tastytrade.refusals import refused
from brokers.simulator.tastytrade.symbols import api_symbol, listed, type_name
from brokers.simulator.tastytrade.tickets import read_ticket

WORDS = {"future": "FUTURE", "covered": "COVERED", "spread": "SPREAD", "straddle": "STRANGLE", "naked": "NAKED"}
ORDER_LIMITS = {
    "equity-order-size": 10_000,
    "equity-option-order-size": 1_000,
    "future-order-size": 100,
    "future-option-order-size": 100,
    "underlying-opening-order-limit": 100,
    "equity-position-size": 100_000,
    "equity-option-position-size": 10_000,
    "future-position-size": 500,
    "future-option-position-size": 500,
}
# How far the broker's own risk figures move an underlying up and down.
SCENARIOS = {
    "expected-price-range-up-percent": "0.05",
    "expected-price-range-down-percent": "-0.05",
    "point-of-no-return-percent": "-0.6",
    "price-increase-percent": "0.5",
    "price-decrease-percent": "-0.5",
}
Held = dict[Instrument, SimPosition]


# The report


def requirements(ask: Ask) -> Reply:
    exchange = ask.world.exchange
    held = {position.instrument: position for position in exchange.positions(ask.account)}
    return Reply(report_json(exchange.margin_report(ask.account), exchange.accounts[ask.account], held))


def report_json(report: MarginReport, account: SimAccount, held: Held) -> dict[str, Any]:
    balance = report.balance
    return {
        "account-number": report.account_number,
        "description": "Total",
        "margin-calculation-type": calculation(account),
        "option-level": options_level(account),
        **needed("margin", report.initial),
        **needed("initial", report.initial),
        **needed("maintenance", report.maintenance),
        **with_effect("margin-equity", balance.margin_equity),
        **with_effect("option-buying-power", balance.derivative_buying_power),
        **needed("reg-t-margin", report.initial),
        **with_effect("reg-t-option-buying-power", balance.derivative_buying_power),
        **with_effect("maintenance-excess", balance.maintenance_excess),
        "last-state-timestamp": epoch_ms(report.at),
        "groups": [group_json(group, account, held) for group in report.groups],
    }


def calculation(account: SimAccount) -> str:
    return "Reg T" if account.margin else "Cash Secured Margin"


def needed(name: str, dollars: Decimal) -> dict[str, str]:
    """A requirement: a debit, or nothing."""
    return with_effect(f"{name}-requirement", -dollars)


def group_json(group: MarginGroup, account: SimAccount, held: Held) -> dict[str, Any]:
    symbol, kind = underlying_of(group)
    return {
        "description": symbol,
        "code": symbol,
        "underlying-symbol": symbol,
        "underlying-type": kind,
        **SCENARIOS,
        "margin-calculation-type": calculation(account),
        **needed("margin", group.initial),
        **needed("initial", group.initial),
        **needed("maintenance", group.maintenance),
        **with_effect("buying-power", -group.initial),
        "groups": [part_json(part, group, held) for part in group.parts],
    }


def underlying_of(group: MarginGroup) -> tuple[str, str]:
    """The API symbol and type of what a group is about; futures of a product stand under the product."""
    try:
        instrument = parse_instrument(group.underlying)
    except ValueError:
        return group.underlying, "Future"
    return api_symbol(instrument), "Equity" if isinstance(instrument, Index) else type_name(instrument)


def part_json(part: MarginPart, group: MarginGroup, held: Held) -> dict[str, Any]:
    """A part's upkeep is its share of the group's."""
    keep = part.requirement * group.maintenance / group.initial if group.initial else part.requirement
    return {
        "description": words_for(part),
        **needed("margin", part.requirement),
        **needed("maintenance", keep.quantize(Decimal("0.01"))),
        "includes-working-order": False,
        **with_effect("buying-power", -part.requirement),
        "position-entries": [entry_json(instrument, size, held) for instrument, size in part.legs],
    }


def words_for(part: MarginPart) -> str:
    if part.kind == "outright":
        return "LONG_UNDERLYING" if part.legs[0][1] > 0 else "SHORT_UNDERLYING"
    return WORDS.get(part.kind, part.kind.upper())


def entry_json(instrument: Instrument, size: Decimal, held: Held) -> dict[str, Any]:
    position = held.get(instrument)
    close = position.close_price if position else None
    return {
        "instrument-symbol": api_symbol(instrument),
        "instrument-type": type_name(instrument),
        "quantity": amount(size),
        "close-price": "NaN" if close is None else amount(close),
        "fixing-price": "NaN",
    }


# An order's margin, rates and limits


def dry_run(ask: Ask) -> Reply:
    """What an order in the body would tie up; refused as the order itself would be."""
    try:
        ticket = read_ticket(ask.json(), ask.world.market)
        preview = ask.world.exchange.preview(ask.account, ticket)
    except OrderRefused as error:
        raise refused(error) from None
    return Reply(buying_power_json(preview, is_spread=len(ticket.legs) > 1))


def effective(ask: Ask) -> Reply:
    """The rates that hold for one underlying in one account."""
    found = listed(ask.world.market, ask.names["symbol"])
    if found is None or found.underlying is not None or isinstance(found.instrument, Future):
        raise not_found("underlying")
    rates, margin = rates_of(str(found.instrument)), ask.world.exchange.accounts[ask.account].margin
    numbers = {
        "long-equity-initial": SHARE_INITIAL if margin else Decimal(1),
        "long-equity-maintenance": LONG_KEEP if margin else Decimal(1),
        "short-equity-initial": SHARE_INITIAL,
        "short-equity-maintenance": SHORT_KEEP,
        "naked-option-standard": rates.standard,
        "naked-option-minimum": rates.minimum,
        "naked-option-floor": rates.floor,
    }
    return Reply({"underlying-symbol": ask.names["symbol"]} | {name: amount(rate) for name, rate in numbers.items()})


def position_limit(ask: Ask) -> Reply:
    return Reply({"id": number_of(ask.account), "account-number": ask.account} | ORDER_LIMITS)


async def public_configuration(request: Request) -> Response:
    """Open to everybody: no token is asked for."""
    if not has_user_agent(request):
        return nginx_401()
    return Reply({"risk-free-rate": str(RATE)}).answer(request.url.path.removeprefix(PREFIX))
