"""What an account was worth over time (section 4.3)."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from brokers.simulator.tastytrade.envelope import Reply, amount, items, moment_in, with_effect, wrong
from brokers.simulator.tastytrade.guard import Ask

LOOKS_IN_A_ROW = 2
MOST_ROWS = 2500
DAY = timedelta(days=1)
# how far back, and the length of a row
PERIODS = {
    "1d": (DAY, timedelta(minutes=5)),
    "1w": (timedelta(weeks=1), timedelta(minutes=30)),
    "1m": (timedelta(days=31), timedelta(hours=2)),
    "3m": (timedelta(days=92), DAY),
    "6m": (timedelta(days=184), DAY),
    "1y": (timedelta(days=366), DAY),
}
INTERVAL = re.compile(r"(\d{1,3})(min|m|h|d|w)")
UNITS = {"m": timedelta(minutes=1), "min": timedelta(minutes=1), "h": timedelta(hours=1), "d": DAY, "w": 7 * DAY}


def current(ask: Ask) -> Reply:
    """The value now."""
    balance = ask.world.exchange.balance(ask.account)
    body = {"account-number": ask.account, **with_effect("net-liquidating-value", balance.net_liquidating_value)}
    return Reply(body | {"pending-cash": amount(balance.pending_cash)})


def history(ask: Ask) -> Reply:
    """Rows of the value at their begin, highest, lowest and end, oldest first."""
    start, end, length = span(ask)
    step = length / LOOKS_IN_A_ROW
    looks = ask.world.exchange.net_liq_history(ask.account, start, end, step)
    rows = [looks[at : at + LOOKS_IN_A_ROW + 1] for at in range(0, len(looks) - 1, LOOKS_IN_A_ROW)]
    if not rows and looks:
        rows = [looks]
    return items([row_json(row) for row in rows])


def span(ask: Ask) -> tuple[datetime, datetime, timedelta]:
    """From when to when, and the length of a row; raises ``Refusal``."""
    now, opened = ask.world.clock.now(), ask.world.exchange.accounts[ask.account].opened_at
    back, start = ask.query.get("time-back"), moment_in(ask.query, "start-time")
    if back and start:
        raise wrong("time-back", "can not be used together with start-time")
    if back == "all":
        start, length = opened, DAY
    elif back:
        if back not in PERIODS:
            raise wrong("time-back", "does not have a valid value")
        start, length = now - PERIODS[back][0], PERIODS[back][1]
    elif start:
        length = PERIODS["1d"][1]
    else:
        raise wrong("time-back", "is missing")
    end = min(moment_in(ask.query, "end-time") or now, now)
    start = max(start, opened)
    if end < start:
        return start, start, length
    length = read_interval(ask.query.get("interval")) or length
    while (end - start) / length > MOST_ROWS:
        length *= 2
    return start, end, length


def read_interval(text: str | None) -> timedelta | None:
    """``5m``, ``1h``, ``1d`` …; None when it was not given."""
    if not text:
        return None
    found = INTERVAL.fullmatch(text)
    if found is None or int(found[1]) == 0:
        raise wrong("interval", "does not have a valid value")
    return int(found[1]) * UNITS[found[2]]


def row_json(looks: Sequence[tuple[datetime, Decimal]]) -> dict[str, Any]:
    """One row. Money on its way is none, so the total is the value itself."""
    values = [value for _, value in looks]
    figures = {"open": values[0], "high": max(values), "low": min(values), "close": values[-1]}
    body = {name: amount(value) for name, value in figures.items()}
    body |= {f"pending-cash-{name}": "0.0" for name in figures}
    body |= {f"total-{name}": amount(value) for name, value in figures.items()}
    return body | {"time": f"{looks[0][0].astimezone(timezone.utc):%Y-%m-%d %H:%M:%S}+00"}
