"""The API of a group that is there: all that still works of it is cancelled with one call."""

import uuid

from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from trading import orders
from trading.api import shapes
from trading.api.documents import order_document
from trading.api.placing import Conflict, OrderView
from trading.models import Order


class GroupView(OrderView):
    @extend_schema(
        operation_id="cancel_group",
        summary="Ask the broker to cancel the orders that were sent as one",
        description="202: asked for of all that still work. Each is cancelled when its status says so, and may still "
        "fill until then. 409 when none can be cancelled.",
        responses={202: shapes.GroupShape},
        tags=["orders"],
    )
    def delete(self, request: Request, group: uuid.UUID) -> Response:
        members = list(Order.objects.of(request.user).filter(group=group).order_by("group_index", "created_at"))
        if not members:
            raise Http404
        try:
            found = orders.cancel_group(members)
        except orders.NotCancellable as error:
            raise Conflict(str(error)) from None
        document = {"group": str(group), "kind": found[0].group_kind}
        return Response(document | {"orders": [order_document(order) for order in found]}, status=202)
