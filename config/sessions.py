"""Django's sessions in the database, read by a statement that is written out: each request reads one."""

from typing import Any

from django.contrib.sessions.backends import db
from django.contrib.sessions.models import Session
from django.utils import timezone

from brokers.rows import fields_of, rows

FIELDS = fields_of(Session, "session_data")
SQL = (
    f"SELECT session_data FROM {Session._meta.db_table} "  # noqa: S608 (the program's own words)
    "WHERE session_key = %(key)s AND expire_date > %(now)s"
)


class SessionStore(db.SessionStore):
    def load(self) -> dict[str, Any]:
        """What is not there, or not any more, goes Django's own way."""
        for (data,) in rows(SQL, {"key": self.session_key, "now": timezone.now()}, FIELDS):
            return self.decode(data)
        return super().load()
