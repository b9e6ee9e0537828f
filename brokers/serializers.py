"""The API's view of connections and accounts: what it shows is listed field by field, and no secret is among it."""

from datetime import timezone
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers as s

from brokers.models import Account, Connection
from brokers.port import Environment

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
