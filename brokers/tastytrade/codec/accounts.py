"""Accounts, balances, positions, transactions (sections 4.1, 4.2, 4.4, 4.6)."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal

from brokers.domain.accounts import AccountInfo, AccountKind, Balance, PastBalance, Position, Restrictions, Transaction
from brokers.domain.instruments import Instrument
from brokers.tastytrade.codec.envelope import escaped, items, signed
from brokers.tastytrade.codec.words import ACTIONS
from brokers.tastytrade.symbols import read_symbol, read_underlying
from brokers.wire import Node, Request, optional_instant, optional_number, optional_text

KINDS = {"Margin": AccountKind.MARGIN, "Cash": AccountKind.CASH}
TRADERS = frozenset({"owner", "trade-only"})
DIRECTIONS = {"Long": 1, "Short": -1, "Zero": 0}
FEES = ("commission", "clearing-fees", "regulatory-fees", "proprietary-index-option-fees", "other-charge")
TRANSACTIONS_A_PAGE = SNAPSHOTS_A_PAGE = 250


def account_path(account_number: str, *rest: str) -> str:
    return "/".join(("/accounts", escaped(account_number), *rest))


# --- GET /customers/me/accounts -----------------------------------------------------------------------------------


def accounts_request() -> Request:
    return Request("GET", "/customers/me/accounts")


def read_accounts(node: Node) -> list[AccountInfo]:
    return [_account(item) for item in items(node)]


def _account(item: Node) -> AccountInfo:
    account = item["account"]
    closed = account.get("is-closed")
    return AccountInfo(
        number=account["account-number"].text(),
        nickname=optional_text(account, "nickname"),
        kind=KINDS.get(optional_text(account, "margin-or-cash"), AccountKind.OTHER),
        type_name=optional_text(account, "account-type-name"),
        is_closed=closed.boolean() if closed is not None else False,
        can_trade=optional_text(item, "authority-level") in TRADERS,
    )


# --- GET /accounts/{n}/trading-status -----------------------------------------------------------------------------

FROZEN = {"is-frozen": "frozen", "is-closed": "closed"}
CLOSING_ONLY = {"is-closing-only": "closing only", "is-risk-reducing-only": "risk reducing only"}
FUTURES_CLOSING_ONLY = {"is-futures-closing-only": "futures closing only"}
ALWAYS_TOLD = frozenset({"is-frozen", "is-closing-only"})


def restrictions_request(account_number: str) -> Request:
    return Request("GET", account_path(account_number, "trading-status"))


def read_restrictions(node: Node, account_number: str, now: datetime) -> Restrictions:
    """The account's flags. Without the two that say most it is not known what it may do: ``UnexpectedReply``."""
    data = node["data"]
    if data["account-number"].text() != account_number:
        raise data["account-number"].wrong("the account that was asked for")
    frozen, closing, futures = (_raised(data, flags) for flags in (FROZEN, CLOSING_ONLY, FUTURES_CLOSING_ONLY))
    return Restrictions(
        account_number=account_number,
        as_of=now,
        is_frozen=bool(frozen),
        closing_only=bool(closing),
        futures_closing_only=bool(futures),
        words=", ".join((*frozen, *closing, *futures)),
    )


def _raised(data: Node, flags: Mapping[str, str]) -> list[str]:
    """The words of those flags that are up."""
    told = {name: data[name] if name in ALWAYS_TOLD else data.get(name) for name in flags}
    return [flags[name] for name, flag in told.items() if flag is not None and flag.boolean()]


# --- GET /accounts/{n}/balances -----------------------------------------------------------------------------------


def balance_request(account_number: str) -> Request:
    return Request("GET", account_path(account_number, "balances"))


def read_balance(node: Node, account_number: str) -> Balance:
    """The dollars of a list or of a single object, of the account that was asked for."""
    found = [read_balance_item(item) for item in items(node)]
    mine = [balance for balance in found if balance.account_number == account_number and balance.currency == "USD"]
    if len(mine) != 1:
        raise node["data"].wrong("the one dollar balance of this account")
    return mine[0]


def read_balance_item(item: Node) -> Balance:
    return Balance(
        account_number=item["account-number"].text(),
        currency=optional_text(item, "currency") or "USD",
        cash=optional_number(item, "cash-balance"),
        net_liquidating_value=optional_number(item, "net-liquidating-value"),
        stock_buying_power=optional_number(item, "equity-buying-power"),
        option_buying_power=optional_number(item, "derivative-buying-power"),
        maintenance_requirement=optional_number(item, "maintenance-requirement"),
        pending_cash=signed(item, "pending-cash"),
        as_of=item["updated-at"].instant(),
    )


# --- GET /accounts/{n}/balance-snapshots --------------------------------------------------------------------------

OPENING, CLOSING = "BOD", "EOD"


def snapshots_request(
    account_number: str, time_of_day: str, since: date | None = None, until: date | None = None
) -> Request:
    params = [("time-of-day", time_of_day), ("currency", "USD"), ("per-page", str(SNAPSHOTS_A_PAGE))]
    params += [("start-date", since.isoformat())] if since is not None else []
    params += [("end-date", until.isoformat())] if until is not None else []
    return Request("GET", account_path(account_number, "balance-snapshots"), tuple(params))


def read_snapshots(node: Node, account_number: str) -> list[PastBalance]:
    """The dollars of each day of a page, in the broker's order."""
    found = [_snapshot(item) for item in items(node)]
    if any(balance.account_number != account_number for balance in found):
        raise node["data"].wrong("of the account that was asked for")
    return found


def _snapshot(item: Node) -> PastBalance:
    return PastBalance(
        account_number=item["account-number"].text(),
        day=item["snapshot-date"].day(),
        is_opening=optional_text(item, "time-of-day") == OPENING,
        cash=optional_number(item, "cash-balance"),
        net_liquidating_value=optional_number(item, "net-liquidating-value"),
        option_buying_power=optional_number(item, "derivative-buying-power"),
    )


# --- GET /accounts/{n}/positions ----------------------------------------------------------------------------------


def positions_request(account_number: str) -> Request:
    params = (("include-marks", "true"), ("include-closed-positions", "true"))
    return Request("GET", account_path(account_number, "positions"), params)


def read_positions(node: Node, account_number: str, today: date) -> list[Position]:
    """What is held, whole; what the desk cannot name is there as ``Other``.

    Of the flat rows those that were closed today stay, for the day's P/L is theirs too.
    """
    rows = (item for item in node["data"]["items"].items() if not _is_history(item, today))
    found = [read_position(item, today) for item in rows]
    if any(position.account_number != account_number for position in found):
        raise node["data"]["items"].wrong("of the account that was asked for")
    return found


def _is_history(item: Node, today: date) -> bool:
    return not item["quantity"].number() and not _realized(item, today)


def read_position(item: Node, today: date) -> Position:
    """One row, also of the account streamer. ``close-price`` and the day's average are yesterday's close."""
    instrument = _instrument(item, today)
    direction = item["quantity-direction"].one_of(DIRECTIONS)
    return Position(
        account_number=item["account-number"].text(),
        instrument=instrument,
        underlying=_underlying(item, instrument, today),
        quantity=item["quantity"].number() * direction,
        multiplier=item["multiplier"].number(),
        average_open_price=optional_number(item, "average-open-price"),
        day_open_price=optional_number(item, "average-daily-market-close-price"),
        close_price=optional_number(item, "close-price"),
        mark=optional_number(item, "mark-price"),
        realized_day=_realized(item, today),
        opened_at=optional_instant(item, "created-at"),
        as_of=item["updated-at"].instant(),
    )


def _realized(item: Node, today: date) -> Decimal | None:
    """Dollars closed today. The broker leaves an earlier day's figure standing, with its date."""
    dated = item.get("realized-today-date")
    if dated is not None and dated.day() < today:
        return Decimal(0)
    return signed(item, "realized-today")


def _instrument(item: Node, on: date) -> Instrument:
    return read_symbol(item["symbol"].text(), item["instrument-type"].text(), on)


def _underlying(item: Node, instrument: Instrument, on: date) -> str:
    symbol = optional_text(item, "underlying-symbol")
    if not symbol:
        return str(instrument)
    return str(read_symbol(symbol, "Future", on) if symbol.startswith("/") else read_underlying(symbol))


# --- GET /accounts/{n}/transactions -------------------------------------------------------------------------------


def transactions_request(account_number: str, since: date, until: date | None) -> Request:
    params = [("start-date", since.isoformat()), ("per-page", str(TRANSACTIONS_A_PAGE))]
    if until is not None:
        params.append(("end-date", until.isoformat()))
    return Request("GET", account_path(account_number, "transactions"), tuple(params))


def read_transactions(node: Node) -> list[Transaction]:
    return [_transaction(item) for item in node["data"]["items"].items()]


def _transaction(item: Node) -> Transaction:
    executed_at: datetime = item["executed-at"].instant()
    order_id = item.get("order-id")
    named = "symbol" in item and "instrument-type" in item
    return Transaction(
        account_number=item["account-number"].text(),
        transaction_id=item["id"].identifier(),
        kind=item["transaction-type"].text(),
        sub_kind=optional_text(item, "transaction-sub-type"),
        description=optional_text(item, "description"),
        instrument=_instrument(item, executed_at.date()) if named else None,
        action=ACTIONS.get(optional_text(item, "action")),
        quantity=optional_number(item, "quantity"),
        price=optional_number(item, "price"),
        value=signed(item, "value") or Decimal(0),
        net_value=signed(item, "net-value") or Decimal(0),
        fees=sum((signed(item, name) or Decimal(0) for name in FEES), Decimal(0)),
        executed_at=executed_at,
        date=item["transaction-date"].day(),
        broker_order_id=order_id.identifier() if order_id is not None else None,
    )
