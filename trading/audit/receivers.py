"""What others do, recorded: connections made and ended, people coming and going."""

from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models.functions import Lower
from django.http import HttpRequest

from brokers.models import Connection
from trading.audit.acting import SYSTEM, acting, actor_of
from trading.audit.recording import record


def connection_changed(
    sender: Any, connection: Connection, event: str, by: int | None, detail: dict[str, Any], **_: Any
) -> None:
    """In the transaction that changes the connection: what can't be recorded does not happen."""
    about = f"connection:{connection.pk}"
    if by is None:  # the broker's doing, noticed by whatever asked at that moment
        with acting(SYSTEM):
            record(connection.user_id, f"connection.{event}", about=about, detail=detail)
    else:
        record(connection.user_id, f"connection.{event}", about=about, detail={"by": by, **detail})


def connection_renewed(sender: Any, connection: Connection, event: str, detail: dict[str, Any], **_: Any) -> None:
    with transaction.atomic(), acting(SYSTEM):
        record(connection.user_id, f"connection.{event}", about=f"connection:{connection.pk}", detail=detail)


def signed_in(sender: Any, request: HttpRequest | None, user: AbstractBaseUser, **_: Any) -> None:
    _of_person(request, user, "person.signed_in")


def signed_out(sender: Any, request: HttpRequest | None, user: AbstractBaseUser | None, **_: Any) -> None:
    if user is not None:
        _of_person(request, user, "person.signed_out")


def password_changed(sender: Any, request: HttpRequest | None, user: AbstractBaseUser, **_: Any) -> None:
    _of_person(request, user, "person.password_changed")


def email_changed(sender: Any, request: HttpRequest | None, user: AbstractBaseUser, **_: Any) -> None:
    _of_person(request, user, "person.email_changed")


def sign_in_failed(sender: Any, credentials: dict[str, Any], request: HttpRequest | None = None, **_: Any) -> None:
    """In the chain of whose account it was tried on, if there is one. The name that was typed is kept nowhere."""
    user = _tried(credentials)
    with transaction.atomic(), acting(SYSTEM if request is None else actor_of(request)):
        record(user.pk if user is not None else None, "person.sign_in_failed", about=_about(user))


def _of_person(request: HttpRequest | None, user: AbstractBaseUser, action: str) -> None:
    with transaction.atomic(), acting(SYSTEM if request is None else actor_of(request)):
        record(user.pk, action, about=_about(user))


def _about(user: AbstractBaseUser | None) -> str:
    return f"user:{user.pk}" if user is not None else ""


def _tried(credentials: dict[str, Any]) -> AbstractBaseUser | None:
    people = get_user_model().objects
    if username := credentials.get("username"):
        return people.filter(username=username).first()
    if email := credentials.get("email"):
        return people.annotate(lower=Lower("email")).filter(lower=str(email).lower()).first()
    return None
