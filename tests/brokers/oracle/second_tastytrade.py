"""tastytrade's order bodies by a second table, written from the wire reference (5.1, 5.2, 6) and nothing else."""

from decimal import Decimal
from typing import Any

from brokers.domain.instruments import Equity, Future, FutureOption, Instrument, Option
from brokers.domain.orders import OrderTicket

REFUSAL = b'{"error": {"code": "refused", "message": "No."}}'
ACTIONS = {
    "buy_to_open": "Buy to Open",
    "sell_to_open": "Sell to Open",
    "buy_to_close": "Buy to Close",
    "sell_to_close": "Sell to Close",
    "buy": "Buy",
    "sell": "Sell",
}
TYPES = {
    "market": "Market",
    "limit": "Limit",
    "stop": "Stop",
    "stop_limit": "Stop Limit",
    "marketable_limit": "Marketable Limit",
}
FORCES = {
    "day": "Day",
    "gtc": "GTC",
    "gtd": "GTD",
    "ioc": "IOC",
    "ext": "Ext",
    "gtc_ext": "GTC Ext",
    "ext_overnight": "Ext Overnight",
    "gtc_ext_overnight": "GTC Ext Overnight",
}
MONTHS = {1: "F", 2: "G", 3: "H", 4: "J", 5: "K", 6: "M", 7: "N", 8: "Q", 9: "U", 10: "V", 11: "X", 12: "Z"}


def digits(number: Decimal) -> str:
    """The shortest spelling without exponent."""
    whole, _, part = str(number).partition(".")
    assert "E" not in whole + part
    part = part.rstrip("0")
    return f"{whole}.{part}" if part else whole


def spelled(instrument: Instrument) -> tuple[str, str]:
    """The class's name and the symbol."""
    if isinstance(instrument, Equity):
        return "Equity", instrument.symbol.replace(".", "/")
    if isinstance(instrument, Option):
        thousandths = str(int(instrument.strike * 1000)).zfill(8)
        return "Equity Option", instrument.root.ljust(6) + day(instrument) + instrument.right.value + thousandths
    if isinstance(instrument, Future):
        return "Future", "/" + instrument.product + MONTHS[instrument.month] + str(instrument.year)[-1]
    assert isinstance(instrument, FutureOption)
    contract = instrument.contract[:-2] + instrument.contract[-1]
    future = spelled(instrument.future)[1]
    last = day(instrument) + instrument.right.value + digits(instrument.strike)
    return "Future Option", "." + future + " " + contract.ljust(6) + last


def day(instrument: Option | FutureOption) -> str:
    return instrument.expiry.strftime("%y%m%d")


def expected(ticket: OrderTicket) -> dict[str, Any]:
    """The body but for ``source`` and our reference."""
    rows: list[dict[str, Any]] = []
    for leg in ticket.legs:
        kind, symbol = spelled(leg.instrument)
        text = digits(leg.quantity)
        quantity: int | str = text if "." in text else int(text)
        row = {"instrument-type": kind, "symbol": symbol, "quantity": quantity, "action": ACTIONS[leg.action.value]}
        rows.append(row)
    body: dict[str, Any] = {
        "order-type": TYPES[ticket.order_type.value],
        "time-in-force": FORCES[ticket.time_in_force.value],
        "legs": rows,
    }
    if ticket.limit_price is not None:
        text = digits(ticket.limit_price)
        is_debit = text.startswith("-") or text in ("0", "-0")
        body |= {"price": text.lstrip("-"), "price-effect": "Debit" if is_debit else "Credit"}
    if ticket.stop_price is not None:
        body["stop-trigger"] = digits(ticket.stop_price)
    if ticket.gtd_date is not None:
        body["gtc-date"] = ticket.gtd_date.strftime("%Y-%m-%d")
    if any(row["action"].endswith("Close") for row in rows):
        body["advanced-instructions"] = {"strict-position-effect-validation": True}
    return body


def path(account: str) -> str:
    return f"/accounts/{account}/orders"


def check_reference(body: dict[str, Any], ref: str) -> dict[str, Any]:
    """The body without our reference, which must be there as it was given."""
    assert body.pop("external-identifier") == ref
    assert body.pop("source") == "blotter"
    return body
