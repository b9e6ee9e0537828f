"""Customers, accounts and balances (sections 4.1 and 4.2)."""

from datetime import date
from decimal import Decimal
from typing import Any

from brokers.simulator.exchange import SimAccount, SimBalance
from brokers.simulator.tastytrade.envelope import (
    Reply,
    amount,
    invalid,
    items,
    moment,
    not_found,
    paged,
    with_effect,
)
from brokers.simulator.tastytrade.guard import Ask

NOTHING = """
maintenance-call-value reg-t-call-value day-trading-call-value day-equity-call-value long-futures-value
short-futures-value long-futures-derivative-value short-futures-derivative-value long-index-derivative-value
short-index-derivative-value long-cryptocurrency-value short-cryptocurrency-value cryptocurrency-margin-requirement
effective-cryptocurrency-buying-power long-bond-value bond-margin-requirement long-fixed-income-security-value
fixed-income-security-margin-requirement equity-offering-margin-requirement futures-margin-requirement
futures-overnight-margin-requirement futures-intraday-margin-requirement used-derivative-buying-power
pending-margin-interest margin-settle-balance closed-loop-available-balance sma-equity-option-buying-power
special-memorandum-account-value special-memorandum-account-apex-adjustment total-pending-liquidity-pool-rebate
""".split()  # noqa: SIM905 (a list of names reads better as words)
TIMES_OF_DAY = ("BOD", "EOD", "Intraday")


def get_customer(ask: Ask) -> Reply:
    """The made-up person behind the token. ``me`` is the only customer there is."""
    if ask.names.get("customer", "me") != "me":
        raise not_found("customer")
    return Reply(customer_json(ask.caller.user))


def customer_json(user: str) -> dict[str, Any]:
    address = {
        "street-one": "1 Main St",
        "city": "Chicago",
        "state-region": "IL",
        "postal-code": "60601",
        "country": "USA",
        "is-domestic": True,
        "is-foreign": False,
    }
    margin_types = [{"name": "Reg T", "is_margin": True}, {"name": "Cash", "is_margin": False}]
    individual = {
        "name": "Individual",
        "description": "Individual",
        "is_tax_advantaged": False,
        "is_publicly_available": True,
        "has_multiple_owners": False,
        "margin_types": margin_types,
    }
    no = "is-foreign subject-to-tax-withholding has-industry-affiliation has-listed-affiliation "
    no += "has-political-affiliation has-delayed-quotes is-professional"
    return {
        "id": "me",
        "first-name": user.title(),
        "last-name": "Example",
        "email": f"{user}@example.invalid",
        "birth-date": "1990-01-01",
        "mobile-phone-number": "15555550100",
        "address": address,
        "mailing-address": address,
        "regulatory-domain": "USA",
        "usa-citizenship-type": "Citizen",
        "tax-number-type": "SSN",
        "agreed-to-margining": True,
        "has-pending-or-approved-application": True,
        **dict.fromkeys(no.split(), False),
        "permitted-account-types": [individual],
        "created-at": "2026-01-05T17:20:00.000+00:00",
        "external-id": f"C-{user}",
        "identifiable-type": "Person",
    }


def list_accounts(ask: Ask) -> Reply:
    accounts = [ask.world.exchange.accounts[number] for number in ask.world.accounts_of(ask.caller.user)]
    return items([{"account": account_json(each), "authority-level": "owner"} for each in accounts])


def get_account(ask: Ask) -> Reply:
    """The account itself in ``data``, without its wrapping."""
    return Reply(account_json(ask.world.exchange.accounts[ask.account]))


def account_json(account: SimAccount) -> dict[str, Any]:
    opened = moment(account.opened_at)
    return {
        "account-number": account.number,
        "external-id": f"A-{account.number}",
        "opened-at": opened,
        "nickname": account.nickname,
        "account-type-name": "Individual",
        "day-trader-status": False,
        "is-closed": False,
        "is-firm-error": False,
        "is-firm-proprietary": False,
        "is-futures-approved": False,
        "is-test-drive": False,
        "margin-or-cash": "Margin" if account.margin else "Cash",
        "is-foreign": False,
        "funding-date": account.opened_at.date().isoformat(),
        "investment-objective": "SPECULATION",
        "suitable-options-level": options_level(account),
        "created-at": opened,
    }


def options_level(account: SimAccount) -> str:
    return "No Restrictions" if account.margin else "Covered And Cash Secured"


def trading_status(ask: Ask) -> Reply:
    account = ask.world.exchange.accounts[ask.account]
    no = (
        "has-intraday-equities-margin is-aggregated-at-clearing is-closed is-closing-only is-cryptocurrency-enabled "
        "is-equity-offering-closing-only is-equity-offering-enabled is-frozen is-full-equity-margin-required "
        "is-futures-closing-only is-futures-enabled is-futures-intra-day-enabled "
        "is-in-day-trade-equity-maintenance-call is-in-margin-call is-pattern-day-trader is-portfolio-margin-enabled "
        "is-risk-reducing-only is-small-notional-futures-intra-day-enabled are-deep-itm-carry-options-enabled "
        "are-options-values-restricted-to-nlv are-single-tick-expiring-hedges-ignored"
    )
    body: dict[str, Any] = {"id": int(account.number[-5:], 36), "account-number": account.number}
    body |= {"day-trade-count": 0, "fee-schedule-name": "default"}
    body |= {"equities-margin-calculation-type": "Reg T" if account.margin else "Cash Secured Margin"}
    body |= {"futures-margin-rate-multiplier": "1.0", "small-notional-futures-margin-rate-multiplier": "1.0"}
    body |= dict.fromkeys(no.split(), False)
    body |= {"is-cryptocurrency-closing-only": True, "is-roll-the-day-forward-enabled": True}
    body |= {"are-far-otm-net-options-restricted": True, "short-calls-enabled": account.margin}
    body |= {"options-level": options_level(account), "updated-at": moment(account.opened_at)}
    return Reply(body | {"enhanced-fraud-safeguards-enabled-at": moment(account.opened_at)})


# Balances


def get_balances(ask: Ask) -> Reply:
    """A list, one entry per currency; a switch brings back the single object of old API versions."""
    body = balance_json(ask.world.exchange.balance(ask.account), ask.world.today())
    return Reply(body) if ask.world.switches.balances_as_object else items([body])


def get_balance(ask: Ask) -> Reply:
    if ask.names["currency"] != "USD":
        raise not_found("balance")
    return Reply(balance_json(ask.world.exchange.balance(ask.account), ask.world.today()))


def balance_json(balance: SimBalance, today: date) -> dict[str, Any]:
    numbers = {
        "cash-balance": balance.cash,
        "net-liquidating-value": balance.net_liquidating_value,
        "equity-buying-power": balance.equity_buying_power,
        "derivative-buying-power": balance.derivative_buying_power,
        "day-trading-buying-power": balance.day_trading_buying_power,
        "available-trading-funds": balance.derivative_buying_power,
        "cash-available-to-withdraw": max(min(balance.cash, balance.derivative_buying_power), Decimal(0)),
        "maintenance-requirement": balance.maintenance_requirement,
        "maintenance-excess": balance.maintenance_excess,
        "reg-t-margin-requirement": balance.initial_requirement,
        "day-trade-excess": balance.maintenance_excess,
        "margin-equity": balance.margin_equity,
        "long-equity-value": balance.long_equity_value,
        "short-equity-value": balance.short_equity_value,
        "long-derivative-value": balance.long_derivative_value,
        "short-derivative-value": balance.short_derivative_value,
        "long-margineable-value": balance.long_equity_value,
        "short-margineable-value": balance.short_equity_value,
        "cash-settle-balance": balance.cash,
        "total-settle-balance": balance.cash,
    }
    body: dict[str, Any] = {"account-number": balance.account_number, "currency": balance.currency}
    body |= {name: amount(number) for name, number in numbers.items()}
    body |= with_effect("pending-cash", balance.pending_cash)
    body |= dict.fromkeys(NOTHING, "0.0")
    body |= {"unsettled-cryptocurrency-fiat-amount": "0.0", "unsettled-cryptocurrency-fiat-effect": "None"}
    body |= with_effect("buying-power-adjustment", Decimal(0))
    return body | {"snapshot-date": today.isoformat(), "updated-at": moment(balance.updated_at)}


def balance_snapshots(ask: Ask) -> Reply:
    """Today's figures alone: the simulator keeps no earlier days."""
    time_of_day = ask.query.get("time-of-day")
    if time_of_day not in TIMES_OF_DAY:
        raise invalid(time_of_day="is missing" if time_of_day is None else "does not have a valid value")
    today = ask.world.today().isoformat()
    start = ask.query.get("snapshot-date") or ask.query.get("start-date") or today
    end = ask.query.get("snapshot-date") or ask.query.get("end-date") or today
    body = balance_json(ask.world.exchange.balance(ask.account), ask.world.today())
    del body["updated-at"]
    rows = [body | {"time-of-day": time_of_day}] if start <= today <= end else []
    return paged(rows, ask.query, 250)
