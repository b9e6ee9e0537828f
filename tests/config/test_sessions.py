"""Sessions read by a written-out statement: as Django's own, which the same people are signed in by."""

from datetime import timedelta

import pytest
from django.contrib.sessions.backends import db
from django.contrib.sessions.models import Session
from django.utils import timezone

from config import sessions

pytestmark = pytest.mark.django_db


def read_back() -> tuple[object, object]:
    """A session that lives, and the same when its time is over."""
    made = db.SessionStore()
    made["who"] = "trader"
    made.save()
    lives = sessions.SessionStore(made.session_key).get("who")
    Session.objects.update(expire_date=timezone.now() - timedelta(seconds=1))
    return lives, sessions.SessionStore(made.session_key).get("who")


def test_a_session_is_read_until_its_time_is_over() -> None:
    assert read_back() == ("trader", None)


def test_the_same_look_catches_a_statement_that_reads_old_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "SQL", sessions.SQL.replace("expire_date > %(now)s", "%(now)s IS NOT NULL"))
    assert read_back() == ("trader", "trader")


def test_a_key_that_nobody_was_given_is_no_session() -> None:
    store = sessions.SessionStore("a" * 32)
    assert store.load() == {}
    assert store.session_key is None
