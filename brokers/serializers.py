"""The API's view of connections and accounts: what it shows is listed field by field, and no secret is among it."""

from datetime import timezone
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers as s

from brokers.connections.calls import standing_of
from brokers.models import Account, Connection
from brokers.port import Environment
from brokers.transport import CallsLeft, Standing

ENVIRONMENTS = [environment.value for environment in Environment]


class Moment(s.DateTimeField):
    """RFC 3339 in UTC, whatever zone the pages use."""

    def __init__(self, **options: Any) -> None:
        super().__init__(default_timezone=timezone.utc, **options)


class LastError(s.Serializer[dict[str, Any]]):
    code = s.CharField(help_text="Stable; the broker's own code where it gave one.")
    detail = s.CharField(help_text="In words.")
    at = Moment()


class ConnectionDocument(s.ModelSerializer[Connection]):
    title = s.CharField(read_only=True, help_text="The person's name for it, else the broker's.")
    environment = s.ChoiceField(choices=ENVIRONMENTS, read_only=True)
    connected_at = Moment(read_only=True)
    refreshed_at = Moment(read_only=True, allow_null=True, help_text="When the token was last renewed.")
    scopes = s.SerializerMethodField(help_text="What the permission allows, in the broker's words.")
    last_error = s.SerializerMethodField(help_text="Null when the last renewal went well.")

    class Meta:
        model = Connection
        fields = (
            "id",
            "broker",
            "environment",
            "title",
            "state",
            "grant_kind",
            "scopes",
            "connected_at",
            "refreshed_at",
            "last_error",
        )
        read_only_fields = fields

    def get_scopes(self, connection: Connection) -> list[str]:
        return connection.scopes.split()

    @extend_schema_field(LastError(allow_null=True))
    def get_last_error(self, connection: Connection) -> dict[str, Any] | None:
        if not connection.last_error:
            return None
        words = {"code": connection.last_error_code, "detail": connection.last_error, "at": connection.last_error_at}
        return dict(LastError(words).data)


class CategoryDocument(s.Serializer[dict[str, Any]]):
    category = s.CharField(help_text="What may be asked so often: a kind of request.")
    limit = s.IntegerField(help_text="Calls to be had when none has been made for a while.")
    remaining = s.IntegerField(help_text="Calls left now; a fifth of the limit is kept for cancels.")
    resets_at = Moment(help_text="When all of them will be there again. They come back bit by bit.")
    source = s.ChoiceField(  # type: ignore[assignment]  # a document's field, not the serializer's own
        choices=["broker", "configured"], help_text="Told by the broker's own headers, or assumed by this desk."
    )


class BreakerDocument(s.Serializer[dict[str, Any]]):
    state = s.ChoiceField(choices=["closed", "open"], help_text="Open: the broker does not answer and is spared.")
    since = Moment(allow_null=True, help_text="Since when it does not answer.")
    asked_again_at = Moment(allow_null=True, help_text="Until then reads are refused; cancels pass always.")


class LimitsDocument(s.ModelSerializer[Connection]):
    """How often a connection may still ask its broker, and whether the broker answers at all."""

    connection = s.UUIDField(source="id", read_only=True)
    environment = s.ChoiceField(choices=ENVIRONMENTS, read_only=True)
    categories = s.SerializerMethodField()
    breaker = s.SerializerMethodField()

    class Meta:
        model = Connection
        fields = ("connection", "broker", "environment", "categories", "breaker")
        read_only_fields = fields

    def to_representation(self, instance: Connection) -> dict[str, Any]:
        self._standing = standing_of(instance) or Standing(())
        return super().to_representation(instance)

    @extend_schema_field(CategoryDocument(many=True))
    def get_categories(self, connection: Connection) -> list[dict[str, Any]]:
        return [_category(calls) for calls in self._standing.calls]

    @extend_schema_field(BreakerDocument)
    def get_breaker(self, connection: Connection) -> dict[str, Any]:
        standing = self._standing
        state = "open" if standing.silent_since else "closed"
        figures = {"state": state, "since": standing.silent_since, "asked_again_at": standing.asked_again_at}
        return dict(BreakerDocument(figures).data)


def _category(calls: CallsLeft) -> dict[str, Any]:
    figures = {
        "category": calls.category,
        "limit": calls.limit,
        "remaining": calls.left,
        "resets_at": calls.full_at,
        "source": "broker" if calls.is_told else "configured",
    }
    return dict(CategoryDocument(figures).data)


class AccountDocument(s.ModelSerializer[Account]):
    account_number = s.CharField(source="number", read_only=True)
    broker = s.CharField(source="connection.broker", read_only=True)
    environment = s.ChoiceField(source="connection.environment", choices=ENVIRONMENTS, read_only=True)
    connection = s.UUIDField(source="connection_id", read_only=True)
    type_name = s.CharField(read_only=True, help_text="The broker's word for the type of account.")

    class Meta:
        model = Account
        fields = (
            "id",
            "connection",
            "broker",
            "environment",
            "account_number",
            "nickname",
            "kind",
            "type_name",
            "is_default",
            "is_closed",
            "can_trade",
        )
        read_only_fields = fields
