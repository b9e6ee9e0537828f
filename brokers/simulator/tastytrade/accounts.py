"""Customers, accounts and what these may do (section 4.1)."""

from typing import Any

from brokers.simulator.dressing import dressed_account
from brokers.simulator.exchange import SimAccount, SimBalance, Standing
from brokers.simulator.tastytrade.envelope import Reply, items, moment, not_found
from brokers.simulator.tastytrade.guard import Ask

OPTIONS_LEVELS = {0: "No Options", 1: "Covered And Cash Secured", 2: "Covered And Cash Secured"}
OPTIONS_LEVELS |= {3: "Defined Risk Spreads", 4: "No Restrictions", 5: "No Restrictions"}

CLOSING_ONLY = (Standing.CLOSING_ONLY, Standing.MARGIN_CALL, Standing.NINETY_DAYS)


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
    return items([listed(each, ask) for each in accounts])


def listed(account: SimAccount, ask: Ask) -> dict[str, Any]:
    """An account, and what the caller may do with it: ``owner``, unless a fault says another word."""
    row = dressed_account({"authority-level": "owner"}, ask.world.faults, [account.number])
    return {"account": dressed_account(account_json(account), ask.world.faults, [account.number]), **row}


def get_account(ask: Ask) -> Reply:
    """The account itself in ``data``, without its wrapping."""
    body = account_json(ask.world.exchange.accounts[ask.account])
    return Reply(dressed_account(body, ask.world.faults, [ask.account]))


def account_json(account: SimAccount) -> dict[str, Any]:
    """A cash account shows fewer of the optional answers to the broker's questions, as accounts do."""
    opened = moment(account.opened_at)
    body = {
        "account-number": account.number,
        "external-id": f"A-{account.number}",
        "opened-at": opened,
        "nickname": account.nickname,
        "account-type-name": "Individual",
        "day-trader-status": False,
        "is-closed": account.standing is Standing.CLOSED,
        "is-firm-error": False,
        "is-firm-proprietary": False,
        "is-futures-approved": trades_futures(account),
        "is-test-drive": False,
        "margin-or-cash": "Margin" if account.margin else "Cash",
        "is-foreign": False,
        "funding-date": account.opened_at.date().isoformat(),
        "investment-objective": "SPECULATION",
        "suitable-options-level": options_level(account),
        "created-at": opened,
    }
    if account.margin:
        body |= {"liquidity-needs": "SHORT", "risk-tolerance": "SPECULATION", "investment-time-horizon": "SHORT"}
        body |= {"futures-account-purpose": "SPECULATING"}
    return body


def trades_futures(account: SimAccount) -> bool:
    return account.kind in ("margin", "futures")


def options_level(account: SimAccount) -> str:
    """In a cash account nothing uncovered can be sold, whatever the level."""
    return OPTIONS_LEVELS[min(account.option_level, 5 if account.margin else 2)]


def trading_status(ask: Ask) -> Reply:
    balance = ask.world.exchange.balance(ask.account)
    body = status_json(ask.world.exchange.accounts[ask.account], balance)
    return Reply(dressed_account(body, ask.world.faults, [ask.account]))


def status_json(account: SimAccount, balance: SimBalance) -> dict[str, Any]:
    futures, opened = trades_futures(account), moment(account.opened_at)
    no = (
        "has-intraday-equities-margin is-aggregated-at-clearing is-cryptocurrency-enabled "
        "is-equity-offering-closing-only is-equity-offering-enabled is-full-equity-margin-required "
        "is-futures-closing-only is-in-day-trade-equity-maintenance-call is-pattern-day-trader "
        "is-portfolio-margin-enabled are-deep-itm-carry-options-enabled "
        "are-options-values-restricted-to-nlv are-single-tick-expiring-hedges-ignored"
    )
    return {
        "id": int(account.number[-5:], 36),
        "account-number": account.number,
        "day-trade-count": balance.day_trades,
        "fee-schedule-name": "default",
        "equities-margin-calculation-type": "Reg T" if account.margin else "Cash Secured Margin",
        "futures-margin-rate-multiplier": "1.0" if futures else "0.0",
        "small-notional-futures-margin-rate-multiplier": "1.0" if futures else "0.0",
        **dict.fromkeys(no.split(), False),
        "is-in-margin-call": balance.maintenance_call > 0 or account.standing is Standing.MARGIN_CALL,
        "is-closed": account.standing is Standing.CLOSED,
        "is-closing-only": account.standing in CLOSING_ONLY,
        "is-frozen": account.standing in (Standing.RESTRICTED, Standing.INACTIVE),
        "is-risk-reducing-only": account.standing is Standing.LIQUIDATING,
        "is-futures-enabled": futures,
        "is-futures-intra-day-enabled": futures,
        "is-small-notional-futures-intra-day-enabled": futures,
        "is-cryptocurrency-closing-only": True,
        "is-roll-the-day-forward-enabled": True,
        "are-far-otm-net-options-restricted": True,
        "short-calls-enabled": account.margin and account.option_level >= 4,
        "options-level": options_level(account),
        "enhanced-fraud-safeguards-enabled-at": opened,
        "updated-at": opened,
    }
