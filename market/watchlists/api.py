"""The API of watchlists: read, made, put anew, removed. What a broker keeps too is synced as on the pages."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import exceptions, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from brokers.models import Connection
from brokers.serializers import Moment
from market.models import Watchlist
from market.watchlists import lists as watchlists
from market.watchlists import sync as watchlist_sync
from market.watchlists.lists import MOST_SYMBOLS, WatchlistProblem


class WatchlistShape(serializers.ModelSerializer[Watchlist]):
    """``pending``: a change here has not reached the broker yet, ``trouble`` says why. ``note``: what became of a
    conflict."""

    connection = serializers.UUIDField(source="connection_id", allow_null=True)
    symbols = serializers.ListField(child=serializers.CharField())
    writable = serializers.BooleanField(source="is_writable")
    pending = serializers.BooleanField(source="is_pending")
    changed_at = Moment()
    as_of = Moment(
        source="agreed_at",
        allow_null=True,
        help_text="When the broker's side was last seen; null for a list that the desk alone keeps.",
    )

    class Meta:
        model = Watchlist
        fields = (
            "id",
            "name",
            "symbols",
            "connection",
            "writable",
            "pending",
            "trouble",
            "note",
            "changed_at",
            "as_of",
        )


class WatchlistInput(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=100)
    symbols = serializers.ListField(child=serializers.CharField(max_length=64), max_length=MOST_SYMBOLS, default=list)


class NewWatchlistInput(WatchlistInput):
    connection = serializers.UUIDField(allow_null=True, default=None, help_text="Kept at this one's broker too.")


ListsShape = inline_serializer("Watchlists", {"results": WatchlistShape(many=True)})


class WatchlistsView(APIView):
    @extend_schema(
        operation_id="list_watchlists",
        summary="Watchlists in their order",
        description="Brought in line with brokers that keep lists at most once a minute.",
        responses=ListsShape,
        tags=["market"],
    )
    def get(self, request: Request) -> Response:
        for connection in Connection.objects.of(request.user).present():
            if connection.is_connected and watchlists.keeps_lists(connection):
                watchlist_sync.sync_soon(connection)
        return Response({"results": WatchlistShape(_own(request), many=True).data})

    @extend_schema(
        operation_id="create_watchlist",
        summary="Make a watchlist",
        request=NewWatchlistInput,
        responses={201: WatchlistShape},
        tags=["market"],
    )
    def post(self, request: Request) -> Response:
        given = _read(NewWatchlistInput, request)
        connection = None
        if given["connection"] is not None:
            mine = Connection.objects.of(request.user).present()
            connection = get_object_or_404(mine, pk=given["connection"])
        with _in_words():
            made = watchlists.create(request.user, given["name"], given["symbols"], connection)
        return Response(WatchlistShape(made).data, status=201)


class WatchlistView(APIView):
    @extend_schema(operation_id="get_watchlist", summary="One watchlist", responses=WatchlistShape, tags=["market"])
    def get(self, request: Request, list_id: uuid.UUID) -> Response:
        return Response(WatchlistShape(_one(request, list_id)).data)

    @extend_schema(
        operation_id="put_watchlist",
        summary="Give a watchlist this name and these symbols, in this order",
        request=WatchlistInput,
        responses=WatchlistShape,
        tags=["market"],
    )
    def put(self, request: Request, list_id: uuid.UUID) -> Response:
        row, given = _one(request, list_id), _read(WatchlistInput, request)
        with _in_words():
            changed = watchlists.put(row, given["symbols"], given["name"])
        return Response(WatchlistShape(changed).data)

    @extend_schema(
        operation_id="delete_watchlist",
        summary="Remove a watchlist, at the broker that keeps it too",
        responses={204: None},
        tags=["market"],
    )
    def delete(self, request: Request, list_id: uuid.UUID) -> Response:
        with _in_words():
            watchlists.delete(_one(request, list_id))
        return Response(status=204)


def _own(request: Request) -> QuerySet[Watchlist]:
    return Watchlist.objects.of(request.user)


def _one(request: Request, list_id: uuid.UUID) -> Watchlist:
    return get_object_or_404(_own(request), pk=list_id)


def _read(shape: type[serializers.Serializer[Any]], request: Request) -> dict[str, Any]:
    given = shape(data=request.data)
    given.is_valid(raise_exception=True)
    known: dict[str, Any] = given.validated_data
    return known


@contextmanager
def _in_words() -> Iterator[None]:
    """What can't be done is told by its field."""
    try:
        yield
    except WatchlistProblem as error:
        raise exceptions.ValidationError({error.field: [str(error)]}) from None
