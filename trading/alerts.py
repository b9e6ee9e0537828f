"""What looked unusual, shown to whom it concerns: the page with its count in the top bar, and the API."""

import uuid
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers as s
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from trading.api.documents import moment
from trading.models import Alert
from trading.patterns import catalogue, raising

MOST_CLOSED = 50
MOST = 200


@login_required
@require_GET
def alerts_page(request: HttpRequest) -> HttpResponse:
    mine = Alert.objects.of(request.user).select_related("account__connection")
    waiting = list(mine.waiting()[:MOST])
    page = render(
        request,
        "trading/alerts.html",
        {"waiting": waiting, "closed": mine.filter(state=Alert.State.CLOSED)[:MOST_CLOSED]},
    )
    if request.user.is_authenticated:
        raising.mark_seen(waiting, request.user)
    return page


@login_required
@require_POST
def close_page(request: HttpRequest, alert_id: uuid.UUID) -> HttpResponse:
    alert = get_object_or_404(Alert.objects.of(request.user), pk=alert_id)
    if request.user.is_authenticated:
        alert = raising.close(alert, request.user)
    messages.success(request, f"Closed: {alert.title.lower()}.")
    return redirect("trading:alerts")


class AlertShape(s.Serializer[None]):
    id = s.UUIDField()
    pattern = s.ChoiceField(sorted(catalogue.TITLES))
    title = s.CharField()
    gravity = s.ChoiceField(Alert.Gravity.values)
    state = s.ChoiceField(Alert.State.values)
    words = s.CharField()
    numbers = s.DictField(child=s.CharField())
    done = s.CharField(allow_null=True, help_text="What the desk did by itself.")
    account = s.UUIDField(allow_null=True)
    times = s.IntegerField()
    first_at = s.DateTimeField()
    last_at = s.DateTimeField()
    closed_at = s.DateTimeField(allow_null=True)


class AlertsShape(s.Serializer[None]):
    results = AlertShape(many=True)


class AlertsView(APIView):
    @extend_schema(
        operation_id="list_alerts",
        summary="Unusual patterns that were noticed, newest first",
        parameters=[OpenApiParameter("state", str, enum=Alert.State.values, description="Without it: all not closed.")],
        responses=AlertsShape,
        tags=["orders"],
    )
    def get(self, request: Request) -> Response:
        mine = Alert.objects.of(request.user)
        state = request.query_params.get("state")
        if state is not None and state not in Alert.State.values:
            raise ValidationError({"state": [f"One of {', '.join(Alert.State.values)}."]})
        found = mine.filter(state=state) if state else mine.waiting()
        return Response({"results": [alert_document(alert) for alert in found[:MOST]]})


class CloseAlertView(APIView):
    @extend_schema(
        operation_id="close_alert",
        summary="Close an alert: the matter is settled",
        request=None,
        responses=AlertShape,
        tags=["orders"],
    )
    def post(self, request: Request, alert_id: uuid.UUID) -> Response:
        alert = get_object_or_404(Alert.objects.of(request.user), pk=alert_id)
        return Response(alert_document(raising.close(alert, request.user)))  # type: ignore[arg-type]


def alert_document(alert: Alert) -> dict[str, Any]:
    return {
        "id": str(alert.pk),
        "pattern": alert.pattern,
        "title": alert.title,
        "gravity": alert.gravity,
        "state": alert.state,
        "words": alert.words,
        "numbers": alert.numbers,
        "done": alert.done or None,
        "account": str(alert.account_id) if alert.account_id is not None else None,
        "times": alert.times,
        "first_at": moment(alert.first_at),
        "last_at": moment(alert.last_at),
        "closed_at": moment(alert.closed_at),
    }
