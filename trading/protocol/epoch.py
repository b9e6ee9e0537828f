"""Whether this installation may send from this database: the half of its name that stands beside the database.

The database holds a random name and an epoch; the same stands in a file of ``VAR_DIR`` or in ``INSTALLATION_ID``. A
database that was restored or copied elsewhere lacks the other half, and sends nothing until ``manage.py bump_epoch``.
"""

import os
import secrets
import stat
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from brokers.errors import Unavailable
from trading import plain_sql
from trading.lifecycle import Asked, Status
from trading.models import Installation, Order, OrderEvent, Replacement
from trading.protocol import news

COPIED = (
    "This database belongs to another installation, or was copied or restored. Nothing was sent. "
    "If this is the one that should trade, run `manage.py bump_epoch` on the server."
)
OLDER = "The desk's database was restored while this order was being sent. Nothing was sent."
FILE = "installation-id"
VARIABLE = "INSTALLATION_ID"
WRITTEN = plain_sql.Question(
    f"SELECT name, epoch FROM {Installation._meta.db_table} WHERE id = %(only)s",  # noqa: S608
    {"only": Installation.ONLY},
    plain_sql.fields_of(Installation, "name", "epoch"),
)


class NotReady(Unavailable):
    """The desk itself is not ready to send; the text says why and what to do. Nothing was sent."""

    code = "connection_not_ready"


def check() -> int:
    """The epoch to send under; ``NotReady`` when this installation may not send from this database."""
    name_there, epoch_there = next(iter(plain_sql.rows(*WRITTEN)), None) or _settle_in()
    name, epoch = _kept()
    if name != name_there or epoch > epoch_there:
        raise NotReady(COPIED)
    return epoch_there


def check_current(epoch: int) -> None:
    """An order or a replacement of an older epoch never leaves."""
    if check() != epoch:
        raise NotReady(OLDER)


def bump(reason: str) -> tuple[Installation, int]:
    """Begin a new epoch under a new name, here. What was on its way becomes unknown first. → (row, how many those are).

    The name changes, so that whatever else was made of the same database stops sending.
    """
    kept_epoch = _kept()[1]
    with transaction.atomic(durable=True):
        row = Installation.objects.select_for_update().filter(pk=Installation.ONLY).first()
        doubted = _doubt_all()
        epoch = max(row.epoch if row is not None else 0, kept_epoch) + 1
        values = {"name": _new_name(), "epoch": epoch, "since": timezone.now(), "reason": reason[:200]}
        row, _ = Installation.objects.update_or_create(pk=Installation.ONLY, defaults=values)
    _keep(row.name, row.epoch)
    return row, doubted


def _doubt_all() -> int:
    now = timezone.now()
    words = "The desk's database was restored or moved while this was being sent: it is being looked up."
    about = Q(status=Status.SENDING) | Q(replacements__status=Asked.SENDING)
    found = Order.objects.filter(pk__in=Order.objects.filter(about).values("pk")).order_by("pk")
    sending = [row for row in found.select_for_update(of=("self",), no_key=True) if row.status == Status.SENDING]
    for order in sending:
        doubt: dict[str, Any] = {"kind": "doubt", "words": words, "next_check_at": now, "last_error": words}
        news.note(order, OrderEvent.Source.US, to=Status.UNKNOWN, **doubt)
    replacements = list(Replacement.objects.filter(status=Asked.SENDING))
    for replacement in replacements:
        replacement.change(Asked.UNKNOWN, last_error=words)
        Order.objects.filter(pk=replacement.order_id).update(next_check_at=now)
    return len(sending) + len(replacements)


# --- the two halves ---


def _settle_in() -> tuple[str, int]:
    """A new database takes the name of the installation that it is in; a new installation makes one up."""
    name, epoch = _kept()
    if not name:
        name, epoch = _new_name(), 1
    try:
        with transaction.atomic():
            row = Installation.objects.create(pk=Installation.ONLY, name=name, epoch=epoch or 1)
    except IntegrityError:  # another process did
        row = Installation.objects.get(pk=Installation.ONLY)
    else:
        _keep(row.name, row.epoch)
    return row.name, row.epoch


def _kept() -> tuple[str, int]:
    """The name and the newest epoch that are kept here; ("", 0) where there are none."""
    if given := os.environ.get(VARIABLE, ""):
        return given, 0
    try:
        name, _, epoch = _path().read_text().strip().partition(" ")
    except FileNotFoundError:
        return "", 0
    return name, int(epoch) if epoch.isdigit() else 0


def _keep(name: str, epoch: int) -> None:
    """Kept in a file; where the environment names the installation, the operator changes it there."""
    if os.environ.get(VARIABLE):
        return
    path = _path()
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(f".{os.getpid()}")
    part.write_text(f"{name} {epoch}\n")
    part.chmod(stat.S_IRUSR | stat.S_IWUSR)
    part.replace(path)


def _new_name() -> str:
    return os.environ.get(VARIABLE, "") or secrets.token_hex(16)


def _path() -> Path:
    return Path(settings.VAR_DIR) / FILE
