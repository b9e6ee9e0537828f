"""Accounts, balances, positions (section 4.1, B1, B2, B4)."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal

from brokers.domain.accounts import AccountInfo, AccountKind, Balance, PastBalance, Position, Restrictions
from brokers.domain.instruments import Instrument, Other, contract_multiplier, plain
from brokers.tradestation.codec.envelope import account_path, number, price, text
from brokers.tradestation.symbols import read_symbol, underlying_of
from brokers.wire import Node, Request

KINDS = {"margin": AccountKind.MARGIN, "cash": AccountKind.CASH, "futures": AccountKind.FUTURES}
SIGNS = {"Long": 1, "Short": -1}
MOST_COUNTED = 10**6
SMALLEST_SIZE, LARGEST_SIZE = Decimal("0.0001"), Decimal(10) ** 9
ACTIVE, CLOSED, INACTIVE = "active", "closed", "inactive"


# --- B1 -----------------------------------------------------------------------------------------------------------


def accounts_request() -> Request:
    return Request("GET", "/brokerage/accounts")


def read_accounts(node: Node) -> list[AccountInfo]:
    return [_account(item) for item in node["Accounts"].items()]


def _account(item: Node) -> AccountInfo:
    """Accounts that may only close positions can trade: what they may not open the broker refuses."""
    kind, status = item["AccountType"].text(), item["Status"].text()
    word = status.strip().lower()
    return AccountInfo(
        number=item["AccountID"].text(),
        nickname=text(item, "Alias"),
        kind=KINDS.get(kind.lower(), AccountKind.OTHER),
        type_name=kind if word == ACTIVE else f"{kind} ({status})",
        is_closed=word == CLOSED,
        can_trade=word not in (CLOSED, INACTIVE),
    )


CLOSING = ("closing", "liquidating")


def read_restrictions(node: Node, account_number: str, now: datetime) -> Restrictions:
    """By the status of its row: active takes all orders, what names closing or liquidating only those that close.
    Any other word, known or not, takes none."""
    rows = [row for row in node["Accounts"].items() if _is_of(row, account_number)]
    if len(rows) != 1:
        raise node["Accounts"].wrong("the one row of this account")
    status = rows[0]["Status"].text().strip()
    word = status.lower()
    if word == ACTIVE:
        return Restrictions(account_number, now)
    closing = any(each in word for each in CLOSING)
    return Restrictions(account_number, now, is_frozen=not closing, closing_only=closing, words=status or "no status")


# --- B2 -----------------------------------------------------------------------------------------------------------


def balance_request(account_number: str) -> Request:
    return Request("GET", account_path(account_number, "balances"))


def read_balance(node: Node, account_number: str, now: datetime) -> Balance:
    """The account's figures as of now: the broker gives them no time. What it says of margin for shares and
    options is no maintenance requirement, so that is told for futures alone."""
    rows = [row for row in node["Balances"].items() if _is_of(row, account_number)]
    if len(rows) != 1:
        raise node["Balances"].wrong("the one balance of this account")
    row = rows[0]
    detail = row.get("BalanceDetail")
    return Balance(
        account_number=account_number,
        currency="USD",
        cash=number(row, "CashBalance"),
        net_liquidating_value=number(row, "Equity"),
        stock_buying_power=number(row, "BuyingPower"),
        option_buying_power=number(detail, "OptionBuyingPower") if detail is not None else None,
        maintenance_requirement=number(detail, "MaintenanceMargin") if detail is not None else None,
        pending_cash=number(row, "UnclearedDeposit"),
        as_of=now,
        day_trades=_count(detail, "DayTrades") if detail is not None else None,
    )


def _count(row: Node, key: str) -> int | None:
    """A whole number of a sensible size; anything else is not known."""
    found = number(row, key)
    return int(found) if found is not None and 0 <= found < MOST_COUNTED and found == int(found) else None


def _is_of(row: Node, account_number: str) -> bool:
    return row["AccountID"].text().casefold() == account_number.casefold()


# --- B3 -----------------------------------------------------------------------------------------------------------


def opening_balance_request(account_number: str) -> Request:
    return Request("GET", account_path(account_number, "bodbalances"))


def read_opening_balance(node: Node, account_number: str, today: date) -> PastBalance:
    """The figures with which ``today`` began: the broker says no date."""
    rows = [row for row in node["BODBalances"].items() if _is_of(row, account_number)]
    if len(rows) != 1:
        raise node["BODBalances"].wrong("the one balance of this account")
    detail = rows[0]["BalanceDetail"]
    return PastBalance(
        account_number=account_number,
        day=today,
        is_opening=True,
        cash=number(detail, "NetCash"),
        net_liquidating_value=number(detail, "Equity"),
        option_buying_power=number(detail, "OptionBuyingPower"),
    )


# --- B4 -----------------------------------------------------------------------------------------------------------


def positions_request(account_number: str) -> Request:
    return Request("GET", account_path(account_number, "positions"))


def position_rows(node: Node, account_number: str) -> list[Node]:
    """The rows of an answer, all of the account that was asked for."""
    rows = list(node["Positions"].items())
    if not all(_is_of(row, account_number) for row in rows):
        raise node["Positions"].wrong("of the account that was asked for")
    return rows


def held(row: Node) -> Instrument:
    return read_symbol(row["Symbol"].text(), text(row, "AssetType"))


def of_unknown_size(rows: Iterable[Node]) -> set[Instrument]:
    """What is held whose dollars per point must be asked for: futures, adjusted options."""
    return {instrument for row in rows if contract_multiplier(instrument := held(row)) is None}


def read_position(row: Node, now: datetime, multipliers: Mapping[Instrument, Decimal] | None = None) -> Position:
    """One row, also of the positions stream.

    ``multipliers`` are dollars per point as the broker's details give them; without one it is told by the row's
    own cost. The broker's mark-to-market price is what its day's P/L counts from; yesterday's close it leaves out.
    """
    instrument = held(row)
    return Position(
        account_number=row["AccountID"].text(),
        instrument=instrument,
        underlying=str(underlying_of(instrument)),
        quantity=abs(row["Quantity"].number()) * row["LongShort"].one_of(SIGNS),
        multiplier=contract_multiplier(instrument) or (multipliers or {}).get(instrument) or _by_cost(row, instrument),
        average_open_price=number(row, "AveragePrice"),
        day_open_price=price(row, "MarkToMarketPrice"),
        close_price=None,
        mark=price(row, "Last"),
        realized_day=None,
        opened_at=None,
        as_of=now,
        day_gain=number(row, "TodaysProfitLoss"),
        settles_daily=False,
    )


def _by_cost(row: Node, instrument: Instrument) -> Decimal:
    """Dollars per point, by the broker's arithmetic: cost = average price x quantity x dollars per point."""
    points = (number(row, "AveragePrice") or Decimal(0)) * row["Quantity"].number()
    cost = number(row, "TotalCost") or Decimal(0)
    size = abs(cost / points) if points else Decimal(0)
    if SMALLEST_SIZE <= size < LARGEST_SIZE:
        return Decimal(plain(size.quantize(SMALLEST_SIZE)))
    if isinstance(instrument, Other):
        return Decimal(1)  # the desk does not value it
    raise row["TotalCost"].wrong("a cost that tells the size of a contract")
