"""The API: connections and accounts of the person who asks."""

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.generics import ListAPIView, RetrieveAPIView
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response

from brokers.models import Account, Connection
from brokers.serializers import AccountDocument, ConnectionDocument, LimitsDocument


class ByAge(CursorPagination):
    """Pages in a stable order: the oldest first."""

    page_size = 100
    page_size_query_param = "limit"
    max_page_size = 200


class ConnectionsByAge(ByAge):
    ordering = ("connected_at", "id")


class AccountsByAge(ByAge):
    ordering = ("found_at", "id")


class ConnectionsView(ListAPIView[Connection]):
    serializer_class = ConnectionDocument
    pagination_class = ConnectionsByAge

    def get_queryset(self) -> QuerySet[Connection]:
        return Connection.objects.of(self.request.user).present()

    @extend_schema(operation_id="list_connections", summary="Connections to brokers", tags=["connections"])
    def get(self, request: Request, *args: object, **kwargs: object) -> Response:
        return self.list(request)


class LimitsView(ListAPIView[Connection]):
    serializer_class = LimitsDocument
    pagination_class = ConnectionsByAge

    def get_queryset(self) -> QuerySet[Connection]:
        return Connection.objects.of(self.request.user).present()

    @extend_schema(
        operation_id="list_limits", summary="Calls left at the brokers, and whether they answer", tags=["connections"]
    )
    def get(self, request: Request, *args: object, **kwargs: object) -> Response:
        return self.list(request)


class AccountsView(ListAPIView[Account]):
    serializer_class = AccountDocument
    pagination_class = AccountsByAge

    def get_queryset(self) -> QuerySet[Account]:
        return Account.objects.of(self.request.user)

    @extend_schema(operation_id="list_accounts", summary="Accounts of all connections", tags=["accounts"])
    def get(self, request: Request, *args: object, **kwargs: object) -> Response:
        return self.list(request)


class AccountView(RetrieveAPIView[Account]):
    serializer_class = AccountDocument
    lookup_url_kwarg = "account_id"

    def get_queryset(self) -> QuerySet[Account]:
        return Account.objects.of(self.request.user)

    @extend_schema(operation_id="get_account", summary="One account", tags=["accounts"])
    def get(self, request: Request, *args: object, **kwargs: object) -> Response:
        return self.retrieve(request)
