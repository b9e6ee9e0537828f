"""The API's kill switch and limits. Arming again is done on the page, by a person who just signed in again."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import User
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import exceptions
from rest_framework import serializers as s
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from brokers.domain.instruments import plain
from brokers.models import Account
from trading import orders, tickets
from trading.api.documents import moment
from trading.api.parsing import StrictJSONParser
from trading.risk.bounds import NUMBERS, PERMISSIONS, Limits
from trading.safety import halts, limits
from trading.safety.halts import BY_HAND, Halt, Scope, TradingState

KEY_LENGTH = 32


class HaltInput(s.Serializer[None]):
    account = s.UUIDField(required=False, allow_null=True, help_text="One account; without it all of yours.")
    state = s.ChoiceField([TradingState.HALTED.value, TradingState.REDUCING.value], default=TradingState.HALTED.value)
    reason = s.CharField(max_length=300, required=False, default=BY_HAND)
    cancel_orders = s.BooleanField(default=False, help_text="Also ask for all working orders to be cancelled.")


class OnItsWayShape(s.Serializer[None]):
    order = s.UUIDField()
    description = s.CharField()


class HaltShape(s.Serializer[None]):
    id = s.UUIDField()
    scope = s.ChoiceField(["installation", "broker", "user", "account"])
    account = s.UUIDField(allow_null=True)
    broker = s.CharField(allow_null=True)
    by = s.CharField(allow_null=True, help_text="Only orders that come this way: web or api.")
    state = s.ChoiceField(["halted", "reducing"])
    reason = s.CharField()
    cause = s.ChoiceField([choice.value for choice in Halt.Cause])
    pressed_at = s.DateTimeField()
    on_their_way = OnItsWayShape(many=True)


class HaltsShape(s.Serializer[None]):
    state = s.ChoiceField([state.value for state in TradingState], help_text="The worst of all.")
    halts = HaltShape(many=True)


def halt_document(halt: Halt) -> dict[str, Any]:
    return {
        "id": str(halt.pk),
        "scope": halt.scope_kind,
        "account": str(halt.account_id) if halt.account_id else None,
        "broker": halt.broker or None,
        "by": halt.source or None,
        "state": halt.state,
        "reason": halt.reason,
        "cause": halt.cause,
        "pressed_at": moment(halt.pressed_at),
        "on_their_way": halt.on_their_way,
    }


class HaltView(APIView):
    parser_classes = (StrictJSONParser,)

    @extend_schema(
        operation_id="list_halts",
        summary="What is halted",
        responses=HaltsShape,
        tags=["safety"],
    )
    def get(self, request: Request) -> Response:
        found = halts.seen_by(request.user)
        state = halts.standing_of(found).state
        return Response({"state": state.value, "halts": [halt_document(halt) for halt in found]})

    @extend_schema(
        operation_id="halt",
        summary="Halt trading at once",
        description="No order begins to be sent once this is answered. Those that were on their way are listed. To "
        "trade again, a person signs in anew on the page and says why.",
        request=HaltInput,
        responses={201: HaltShape},
        tags=["safety"],
    )
    def post(self, request: Request) -> Response:
        given = HaltInput(data=request.data)
        given.is_valid(raise_exception=True)
        data = given.validated_data
        user = person(request)
        account = account_of(user, data.get("account"))
        scope = Scope.of_account(account) if account is not None else Scope.of_user(user.pk)
        pressed = halts.press(scope, TradingState(data["state"]), user=user, reason=data["reason"])
        if data["cancel_orders"]:
            orders.cancel_all(user, account=account)
        return Response(halt_document(pressed), status=201)


def person(request: Request) -> User:
    if not isinstance(request.user, User):
        raise exceptions.NotAuthenticated
    return request.user


def account_of(user: User, account_id: object) -> Account | None:
    if account_id is None:
        return None
    found: Account | None = next((one for one in Account.objects.of(user) if str(one.pk) == str(account_id)), None)
    if found is None:
        raise exceptions.ValidationError({"account": ["You have no such account here."]})
    return found


# --- limits ---


def _shape(name: str, help_text: str) -> type[s.Serializer[None]]:
    fields: dict[str, Any] = {each: s.CharField(allow_null=True, help_text=help_text) for each in NUMBERS}
    fields |= {each: s.BooleanField(allow_null=True) for each in PERMISSIONS}
    return type(name, (s.Serializer,), fields | {"denied_symbols": s.ListField(child=s.CharField())})


LimitFigures = _shape("LimitFigures", "A decimal as text.")


class LimitsShape(s.Serializer[None]):
    account = s.UUIDField(allow_null=True)
    key = s.CharField(allow_null=True, help_text="The name of a program's key.")
    effective = LimitFigures()
    own = LimitFigures(help_text="What this level says; null where it says nothing.")
    above = LimitFigures(help_text="What the levels above allow.")


class LimitsInput(s.Serializer[None]):
    account = s.UUIDField(required=False, allow_null=True, help_text="One account; without it all of yours.")
    key = s.CharField(
        required=False, allow_null=True, max_length=32, help_text="Only what comes with the key of this name."
    )
    limits = s.DictField(help_text="Figures to set, by name; null takes one away.")


def figures(limits_: Limits | Mapping[str, Any]) -> dict[str, Any]:
    values = limits_ if isinstance(limits_, Mapping) else {n: getattr(limits_, n) for n in (*NUMBERS, *PERMISSIONS)}
    result = {name: plain(value) if isinstance(value, Decimal) else value for name, value in values.items()}
    denied = limits_.denied_symbols if isinstance(limits_, Limits) else limits_["denied_symbols"]
    return result | {"denied_symbols": sorted(denied or ())}


def limits_document(user: User, account: Account | None, key_id: str = "") -> dict[str, Any]:
    holds = limits.for_account(account) if account is not None else limits.for_user(user, key_id)
    row = limits.row_of(user=user if account is None else None, account=account, key_id=key_id)
    return {
        "account": str(account.pk) if account is not None else None,
        "key": key_id or None,
        "effective": figures(holds),
        "own": figures(row.values),
        "above": figures(limits.ceiling_for(user, account, key_id)),
    }


class TradingLimitsView(APIView):
    parser_classes = (StrictJSONParser,)

    @extend_schema(
        operation_id="get_trading_limits",
        summary="The limits that orders are held against",
        parameters=[
            OpenApiParameter("account", str, description="Those of one account."),
            OpenApiParameter("key", str, description="Those of what comes with the key of this name."),
        ],
        responses=LimitsShape,
        tags=["safety"],
    )
    def get(self, request: Request) -> Response:
        user, query = person(request), request.query_params
        account = account_of(user, query.get("account"))
        return Response(limits_document(user, account, _key(query.get("key"), account)))

    @extend_schema(
        operation_id="set_trading_limits",
        summary="Make your limits tighter",
        description="Figures are decimals as text. Making one wider than what holds is refused.",
        request=LimitsInput,
        responses=LimitsShape,
        tags=["safety"],
    )
    def put(self, request: Request) -> Response:
        given = LimitsInput(data=request.data)
        given.is_valid(raise_exception=True)
        user = person(request)
        account = account_of(user, given.validated_data.get("account"))
        key_id = _key(given.validated_data.get("key"), account)
        values = {name: read_limit(name, value) for name, value in given.validated_data["limits"].items()}
        try:
            limits.change(values, by=user, user=user if account is None else None, account=account, key_id=key_id)
        except limits.BadLimit as error:
            raise exceptions.ValidationError({error.name or "limits": [str(error)]}) from None
        return Response(limits_document(user, account, key_id))


def _key(name: str | None, account: Account | None) -> str:
    if name and (account is not None or len(name) > KEY_LENGTH or not name.isprintable()):
        words = f"A key's limits hold in all accounts: name a key of 1 to {KEY_LENGTH} characters, or an account."
        raise exceptions.ValidationError({"key": [words]})
    return name or ""


def read_limit(name: str, value: Any) -> Any:
    """A figure as it is given in JSON: decimals as text, permissions as true or false, symbols as a list."""
    if value is None:
        return [] if name == "denied_symbols" else None
    try:
        if name in NUMBERS and isinstance(value, str):
            return tickets.read_number(value)
        if name in PERMISSIONS and isinstance(value, bool):
            return value
        if name == "denied_symbols" and isinstance(value, list) and all(isinstance(each, str) for each in value):
            return sorted({tickets.read_symbol(each) for each in value})
    except ValueError as error:
        raise exceptions.ValidationError({name: [str(error)]}) from None
    known = name in (*NUMBERS, *PERMISSIONS, "denied_symbols")
    words = "Give decimals as text, permissions as true or false." if known else "There is no such limit."
    raise exceptions.ValidationError({name: [words]})
