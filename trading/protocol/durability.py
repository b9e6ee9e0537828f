"""Whether the database keeps what it has committed: an order that could be forgotten after a crash is not sent."""

import time
from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.core.checks import CheckMessage, Error, register
from django.db import connection

from trading.protocol.epoch import NotReady

WANTED = ("fsync", "full_page_writes", "synchronous_commit")
ASK_AGAIN = 30.0
SURE = frozenset({"on", "remote_write", "remote_apply", "local"})
_sure_until = {"at": float("-inf")}


def check() -> None:
    """``NotReady`` when a committed order could be lost. The database is asked again now and then."""
    if time.monotonic() < _sure_until["at"]:
        return
    if off := switched_off():
        raise NotReady(words(off))
    _sure_until["at"] = time.monotonic() + ASK_AGAIN


def switched_off() -> list[str]:
    """The names of settings that let a crash forget commits."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA synchronous")
            return [] if cursor.fetchone()[0] >= FULL else ["synchronous"]
        found = []
        for name in WANTED:
            cursor.execute("SELECT current_setting(%s)", [name])
            if cursor.fetchone()[0] not in SURE:
                found.append(name)
        return found


FULL = 2


def words(off: list[str]) -> str:
    return (
        f"The database may forget what it has committed ({', '.join(off)} is off), so no orders are sent. "
        "Nothing was sent. Switch it on at the database."
    )


@register("database", deploy=False)
def check_database(
    app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None = None, **_: Any
) -> list[CheckMessage]:
    """Run by ``manage.py check --database default``, and by ``migrate``."""
    if not databases:
        return []
    off = switched_off()
    return [Error(words(off), id="trading.E001")] if off else []


def forget() -> None:
    """Ask the database anew at the next order."""
    _sure_until["at"] = float("-inf")
