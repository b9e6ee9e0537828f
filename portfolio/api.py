"""The API: balances and positions of an account."""

import uuid
from typing import TypeVar

from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from brokers.errors import Unavailable
from brokers.models import Account
from portfolio import serializers
from portfolio.documents import balance_document, positions_document
from portfolio.holdings import Part, load_balance, load_held

T = TypeVar("T")


def known(part: Part[T]) -> T:
    """What is known, or the broker's error as it came: it leaves as a problem document."""
    if part.known is None:
        raise part.error or Unavailable("The broker has not answered yet.")
    return part.known


class BalancesView(APIView):
    @extend_schema(
        operation_id="get_account_balances",
        summary="Cash, net liquidating value and buying power",
        description="When the broker cannot be asked: the last known figures with `stale: true` and the reason; "
        "a problem document when none are known.",
        responses=serializers.Balances,
        tags=["portfolio"],
    )
    def get(self, request: Request, account_id: uuid.UUID) -> Response:
        account = get_object_or_404(Account.objects.of(request.user), pk=account_id)
        part = load_balance(account)
        return Response(balance_document(account, known(part), part))


class PositionsView(APIView):
    @extend_schema(
        operation_id="get_account_positions",
        summary="Positions, valued",
        description="An empty list means that the account holds nothing. When the broker cannot be asked: the last "
        "known positions with `stale: true` and the reason; a problem document when none are known.",
        responses=serializers.Positions,
        tags=["portfolio"],
    )
    def get(self, request: Request, account_id: uuid.UUID) -> Response:
        account = get_object_or_404(Account.objects.of(request.user), pk=account_id)
        held = load_held(account)
        return Response(positions_document(account, known(held.positions), held, timezone.now()))
