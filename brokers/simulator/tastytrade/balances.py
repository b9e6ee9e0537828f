"""Balances, now and at the ends of days (section 4.2)."""

from datetime import date
from decimal import Decimal
from typing import Any

from brokers.simulator.exchange import SimBalance
from brokers.simulator.tastytrade.envelope import (
    Reply,
    amount,
    day_in,
    items,
    moment,
    not_found,
    paged,
    with_effect,
    wrong,
)
from brokers.simulator.tastytrade.guard import Ask

LIST_SINCE = 20240501
ZERO = Decimal(0)
# What this broker has fields for and this market nothing to put there.
NOTHING = (
    "day-trading-call-value",
    "day-equity-call-value",
    "short-cryptocurrency-value",
    "cryptocurrency-margin-requirement",
    "long-bond-value",
    "bond-margin-requirement",
    "long-fixed-income-security-value",
    "fixed-income-security-margin-requirement",
    "equity-offering-margin-requirement",
    "pending-margin-interest",
    "closed-loop-available-balance",
    "sma-equity-option-buying-power",
    "special-memorandum-account-value",
    "special-memorandum-account-apex-adjustment",
    "total-pending-liquidity-pool-rebate",
)


def get_balances(ask: Ask) -> Reply:
    """A list, one entry per currency; old API versions (or a switch) have the single object."""
    body = balance_json(ask.world.exchange.balance(ask.account), ask.world.today())
    single = ask.world.switches.balances_as_object or ask.version < LIST_SINCE
    return Reply(body) if single else items([body])


def get_balance(ask: Ask) -> Reply:
    if ask.names["currency"] != "USD":
        raise not_found("balance")
    return Reply(balance_json(ask.world.exchange.balance(ask.account), ask.world.today()))


def balance_snapshots(ask: Ask) -> Reply:
    """Days newest first. ``Intraday`` is today as it is now."""
    time_of_day = ask.query.get("time-of-day")
    if time_of_day not in ("BOD", "EOD", "Intraday"):
        raise wrong("time-of-day", "is missing" if time_of_day is None else "does not have a valid value")
    if ask.query.get("currency", "USD") != "USD":
        return paged([], ask.query, 250)
    only = day_in(ask.query, "snapshot-date")
    start, end = only or day_in(ask.query, "start-date"), only or day_in(ask.query, "end-date")
    rows = [
        snapshot_json(balance, day, time_of_day)
        for day, balance in days_of(ask, time_of_day)
        if (start is None or day >= start) and (end is None or day <= end)
    ]
    return paged(rows, ask.query, 250, 2000)


def days_of(ask: Ask, time_of_day: str) -> list[tuple[date, SimBalance]]:
    exchange = ask.world.exchange
    if time_of_day == "Intraday":
        return [(ask.world.today(), exchange.balance(ask.account))]
    return exchange.balance_snapshots(ask.account, "BOD" if time_of_day == "BOD" else "EOD")


def snapshot_json(balance: SimBalance, day: date, time_of_day: str) -> dict[str, Any]:
    body = balance_json(balance, day) | {"time-of-day": time_of_day}
    del body["updated-at"]
    return body


def balance_json(balance: SimBalance, today: date) -> dict[str, Any]:
    """Options on futures and on indexes stand beside the other derivatives, not among them."""
    free = max(min(balance.cash, balance.derivative_buying_power), ZERO)
    apart = balance.long_future_option_value + balance.long_index_option_value
    apart_short = balance.short_future_option_value + balance.short_index_option_value
    numbers = {
        "cash-balance": balance.cash,
        "net-liquidating-value": balance.net_liquidating_value,
        "equity-buying-power": balance.equity_buying_power,
        "derivative-buying-power": balance.derivative_buying_power,
        "day-trading-buying-power": balance.day_trading_buying_power,
        "available-trading-funds": balance.derivative_buying_power,
        "cash-available-to-withdraw": free - min(balance.unsettled, free),
        "maintenance-requirement": balance.maintenance_requirement,
        "maintenance-excess": balance.maintenance_excess,
        "maintenance-call-value": balance.maintenance_call,
        "reg-t-call-value": balance.initial_call,
        "reg-t-margin-requirement": balance.initial_requirement,
        "day-trade-excess": balance.maintenance_excess,
        "margin-equity": balance.margin_equity,
        "long-equity-value": balance.long_equity_value,
        "short-equity-value": balance.short_equity_value,
        "long-derivative-value": balance.long_derivative_value - apart,
        "short-derivative-value": balance.short_derivative_value - apart_short,
        "long-futures-value": balance.long_futures_value,
        "short-futures-value": balance.short_futures_value,
        "long-futures-derivative-value": balance.long_future_option_value,
        "short-futures-derivative-value": balance.short_future_option_value,
        "long-index-derivative-value": balance.long_index_option_value,
        "short-index-derivative-value": balance.short_index_option_value,
        "long-margineable-value": balance.long_equity_value,
        "short-margineable-value": balance.short_equity_value,
        "long-cryptocurrency-value": balance.long_crypto_value,
        "effective-cryptocurrency-buying-power": free,
        "futures-margin-requirement": balance.futures_initial_margin,
        "futures-overnight-margin-requirement": balance.futures_initial_margin,
        "futures-intraday-margin-requirement": balance.futures_maintenance_margin,
        "used-derivative-buying-power": balance.reserved,
        "cash-settle-balance": max(balance.cash, ZERO),
        "margin-settle-balance": min(balance.cash, ZERO),
        "total-settle-balance": balance.cash,
    }
    body: dict[str, Any] = {"account-number": balance.account_number, "currency": balance.currency}
    body |= {name: amount(number) for name, number in numbers.items()}
    body |= dict.fromkeys(NOTHING, "0.0")
    body |= with_effect("pending-cash", balance.pending_cash) | with_effect("buying-power-adjustment", ZERO)
    body |= with_effect("unsettled-cryptocurrency-fiat-amount", ZERO)
    body["unsettled-cryptocurrency-fiat-effect"] = body.pop("unsettled-cryptocurrency-fiat-amount-effect")
    body |= with_effect("intraday-futures-cash-amount", balance.open_trade_equity + balance.futures_realized)
    body["intraday-futures-cash-effect"] = body.pop("intraday-futures-cash-amount-effect")
    return body | {"snapshot-date": today.isoformat(), "updated-at": moment(balance.updated_at)}
