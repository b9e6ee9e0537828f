"""Words put in place of a row's own: for those that nothing here leads to."""

import re
from collections.abc import Collection
from typing import Any

from brokers.simulator.faults import Faults

Row = dict[str, Any]


def dressed_account(row: Row, faults: Faults, accounts: Collection[str]) -> Row:
    """The row with what ``account_field`` faults say; ``accounts`` are all the names the account goes by."""
    return _dressed(row, faults, "account_field", accounts, ())


def dressed_market(row: Row, faults: Faults, symbols: Collection[str]) -> Row:
    """The row with what ``market_field`` faults say of a symbol."""
    return _dressed(row, faults, "market_field", (), symbols)


def _dressed(row: Row, faults: Faults, effect: str, accounts: Collection[str], symbols: Collection[str]) -> Row:
    """A fault says field=value. A field keeps its kind: true or false where it is that, a whole number where it is one;
    a row that lacks it stays as it is. Rows inside are dressed, too."""
    if not faults.planned((effect,)):
        return row
    found = dict(row)
    for name, value in row.items():
        if isinstance(value, dict):
            found[name] = _dressed(value, faults, effect, accounts, symbols)
            continue
        fault = faults.struck(effect, accounts, symbols, kinds=re.compile(f"{re.escape(name)}=.*", re.DOTALL))
        if fault is not None and not isinstance(value, list):
            found[name] = _as(value, fault.kind.partition("=")[2])
    return found


def _as(value: Any, text: str) -> Any:
    if isinstance(value, bool):
        return text == "true"
    return int(text) if isinstance(value, int) and text.isascii() and text.isdecimal() else text
