"""The API's order input, read strictly: what it does not know it refuses."""

from collections.abc import Mapping
from datetime import timezone
from decimal import Decimal
from functools import cache
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers as s

from brokers.domain.instruments import parse_instrument
from brokers.domain.orders import (
    MAX_LEGS,
    Action,
    Effect,
    GroupKind,
    InvalidTicket,
    Leg,
    OrderGroup,
    OrderTicket,
    OrderType,
    TimeInForce,
    Trail,
)
from brokers.models import Account
from brokers.owned import account_of
from trading import tickets
from trading.models import Order


class Strict(s.Serializer[Any]):
    """Unknown fields are refused: a misspelt field of an order must not be ignored."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            unknown = [str(name)[:40] for name in data if name not in self.fields]
            if unknown:
                raise s.ValidationError({name: ["There is no such field."] for name in unknown[:10]})
        return super().to_internal_value(data)


@cache
def fields_of(shape: type[Strict]) -> Any:
    """A shape's fields, made once: copying them for each request costs more than reading the request by them. They hold
    nothing of what they read, and none of them asks for the request."""
    return shape().fields


@extend_schema_field(OpenApiTypes.STR)
class DecimalText(s.Field[Decimal, str, str, Any]):
    """A positive number as text in plain notation, at most 20 characters. Whole numbers may come as JSON numbers."""

    def to_internal_value(self, data: Any) -> Decimal:
        if isinstance(data, int) and not isinstance(data, bool) and 0 <= data < 10**12:
            data = str(data)
        if not isinstance(data, str):
            raise s.ValidationError('Write a decimal number as text, such as "187.25".')
        try:
            number = tickets.read_number(data)
        except ValueError as error:
            raise s.ValidationError(str(error)) from None
        if number <= 0:
            raise s.ValidationError("The number must be above 0.")
        return number

    def to_representation(self, value: Decimal) -> str:
        return str(value)


class LineText(s.CharField):
    """Short text without control characters."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            raise s.ValidationError("Write this as text.")
        text = super().to_internal_value(data)
        if not text.isprintable():
            raise s.ValidationError("This holds characters that can't be printed.")
        return text


class LegInput(Strict):
    symbol = LineText(max_length=40, help_text="AAPL, or a 21-character OCC symbol such as SPY   261218P00600000.")
    action = s.ChoiceField(choices=[(a.value, a.value) for a in Action])
    quantity = DecimalText(help_text="Unsigned: the action says the direction.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        try:
            instrument = parse_instrument(tickets.read_symbol(attrs["symbol"]))
            return {"leg": Leg(instrument, Action(attrs["action"]), attrs["quantity"])}
        except InvalidTicket as error:
            raise s.ValidationError({error.field: [str(error)]}) from None


class TrailInput(Strict):
    """How far a trailing stop stays behind the market."""

    amount = DecimalText(help_text="In the price's own units; in percent where it says so.")
    percent = s.BooleanField(default=False)


class OrderInput(Strict):
    """An order to preview or to send. ``validated_data``: {"account": Account, "ticket": OrderTicket}."""

    account = s.UUIDField()
    legs = s.ListField(child=LegInput(), min_length=1, max_length=MAX_LEGS)
    order_type = s.ChoiceField(choices=[(t.value, t.value) for t in OrderType])
    time_in_force = s.ChoiceField(choices=[(t.value, t.value) for t in TimeInForce])
    limit_price = DecimalText(required=False, allow_null=True, help_text="Unsigned, per unit.")
    price_effect = s.ChoiceField(
        choices=[(e.value, e.value) for e in Effect],
        required=False,
        allow_null=True,
        help_text="Whether the limit price is paid or received; follows from the action for one leg.",
    )
    stop_price = DecimalText(required=False, allow_null=True)
    trail = TrailInput(required=False, allow_null=True)
    gtd_date = s.DateField(required=False, allow_null=True)

    def validate_account(self, value: Any) -> Account:
        account = account_of(self.context["request"].user, value)
        if account is None:
            raise s.ValidationError("You have no such account here.")
        return account

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        try:
            return {"account": attrs["account"], "ticket": _ticket(attrs)}
        except InvalidTicket as error:
            raise s.ValidationError({error.field: [str(error)]}) from None


def _ticket(attrs: Mapping[str, Any]) -> OrderTicket:
    return OrderTicket(
        legs=tuple(entry["leg"] for entry in attrs["legs"]),
        order_type=OrderType(attrs["order_type"]),
        time_in_force=TimeInForce(attrs["time_in_force"]),
        limit_price=_limit(attrs),
        stop_price=attrs.get("stop_price"),
        gtd_date=attrs.get("gtd_date"),
        trail=_trail(attrs.get("trail")),
    )


def _trail(given: Mapping[str, Any] | None) -> Trail | None:
    return Trail(given["amount"], given["percent"]) if given is not None else None


def _limit(attrs: Mapping[str, Any]) -> Decimal | None:
    """The limit price from the account's side."""
    price: Decimal | None = attrs.get("limit_price")
    effect = attrs.get("price_effect")
    if price is None:
        if effect is not None:
            raise InvalidTicket("price_effect", "A price effect goes with a limit price: leave it out.")
        return None
    legs = [entry["leg"] for entry in attrs["legs"]]
    if len(legs) > 1 and effect is None:
        raise InvalidTicket("price_effect", "Say whether this net price is a debit or a credit.")
    follows = Effect.DEBIT if legs[0].action.is_buy else Effect.CREDIT
    if len(legs) == 1 and effect not in (None, follows):
        raise InvalidTicket("price_effect", f"This order is done for a {follows}.")
    return -price if (effect or follows) == Effect.DEBIT else price


CONFIRM_HELP = (
    "Codes of soft findings that you want to send in spite of. They are of a preview: `preview_id` names the one that "
    "showed them, of this very order and not older than a minute."
)
PREVIEW_HELP = "From the preview of this very order; needed to confirm what it showed."


class Codes(s.ListField):
    """Codes of soft findings that are confirmed."""

    child = s.RegexField(r"^[A-Z_]{1,40}$")

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=40, required=False, help_text=CONFIRM_HELP, **options)


class PreviewId(s.CharField):
    """The token of a preview."""

    def __init__(self, **options: Any) -> None:
        super().__init__(required=False, allow_null=True, max_length=8000, help_text=PREVIEW_HELP, **options)


class PlaceInput(OrderInput):
    confirm = Codes()
    preview_id = PreviewId()
    signal_at = s.DateTimeField(
        required=False,
        allow_null=True,
        default_timezone=timezone.utc,
        help_text="When the program made up its mind: an order whose signal is too old is not sent.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        given = {"preview_id": attrs.get("preview_id"), "confirm": attrs.get("confirm", [])}
        return super().validate(attrs) | given | {"signal_at": attrs.get("signal_at")}


class TermsInput(Strict):
    """New terms of a working order; what is left out stays as it is. ``ticket_for`` makes the whole of it."""

    quantity = DecimalText(required=False, help_text="The new whole quantity, with what is filled already; of one leg.")
    order_type = s.ChoiceField(choices=[(t.value, t.value) for t in OrderType], required=False)
    time_in_force = s.ChoiceField(choices=[(t.value, t.value) for t in TimeInForce], required=False)
    limit_price = DecimalText(required=False, allow_null=True, help_text="Unsigned, per unit.")
    price_effect = s.ChoiceField(choices=[(e.value, e.value) for e in Effect], required=False, allow_null=True)
    stop_price = DecimalText(required=False, allow_null=True)
    trail = TrailInput(required=False, allow_null=True)
    gtd_date = s.DateField(required=False, allow_null=True)

    def ticket_for(self, order: Order) -> OrderTicket:
        """The order's terms with these in place. A 422 at the field at fault."""
        given = dict(self.validated_data)
        try:
            before = order.order_ticket
            legs = before.legs
            if (quantity := given.get("quantity")) is not None:
                if len(legs) > 1:
                    raise InvalidTicket("quantity", "The quantity of an order of several legs can't be changed.")
                legs = (Leg(legs[0].instrument, legs[0].action, quantity),)
            kind = OrderType(given.get("order_type", before.order_type))
            return OrderTicket(
                legs=legs,
                order_type=kind,
                time_in_force=TimeInForce(given.get("time_in_force", before.time_in_force)),
                limit_price=self._limit(order, given, legs, kind),
                stop_price=given.get("stop_price", order.stop_price if kind.has_stop else None),
                gtd_date=given.get("gtd_date", before.gtd_date),
                trail=_trail(given["trail"]) if "trail" in given else before.trail if kind.has_trail else None,
            )
        except InvalidTicket as error:
            raise s.ValidationError({error.field: [str(error)]}) from None
        except (KeyError, ValueError):
            raise s.ValidationError("This order was placed elsewhere in a way that can't be changed here.") from None

    def _limit(self, order: Order, given: Mapping[str, Any], legs: tuple[Leg, ...], kind: OrderType) -> Decimal | None:
        if "limit_price" not in given and "price_effect" not in given:
            return order.limit_price if kind.has_limit else None
        was = order.limit_price
        effect = given.get("price_effect") or (Effect.CREDIT if was is not None and was > 0 else Effect.DEBIT)
        price = given.get("limit_price", abs(was) if was is not None else None)
        several = len(legs) > 1 and price is not None
        return _limit(
            {"limit_price": price, "legs": [{"leg": leg} for leg in legs]}
            | ({"price_effect": effect} if several else {"price_effect": given.get("price_effect")})
        )


class ReplaceInput(TermsInput):
    """New terms of a working order, to be sent; what is left out stays as it is."""

    confirm = Codes()
    preview_id = PreviewId()


class GroupMember(Strict):
    legs = s.ListField(child=LegInput(), min_length=1, max_length=MAX_LEGS)
    order_type = s.ChoiceField(choices=[(t.value, t.value) for t in OrderType])
    time_in_force = s.ChoiceField(choices=[(t.value, t.value) for t in TimeInForce])
    limit_price = DecimalText(required=False, allow_null=True, help_text="Unsigned, per unit.")
    price_effect = s.ChoiceField(choices=[(e.value, e.value) for e in Effect], required=False, allow_null=True)
    stop_price = DecimalText(required=False, allow_null=True)
    trail = TrailInput(required=False, allow_null=True)
    gtd_date = s.DateField(required=False, allow_null=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        try:
            return {"ticket": _ticket(attrs)}
        except InvalidTicket as error:
            raise s.ValidationError({error.field: [str(error)]}) from None


class GroupInput(Strict):
    """Orders that hang together. ``validated_data``: {"account": Account, "group": OrderGroup}."""

    account = s.UUIDField()
    kind = s.ChoiceField(choices=[(k.value, k.value) for k in GroupKind])
    trigger = GroupMember(required=False, allow_null=True, help_text="The first order, for which the others wait.")
    orders = s.ListField(child=GroupMember(), min_length=1, max_length=20)

    validate_account = OrderInput.validate_account

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        trigger = attrs.get("trigger")
        try:
            group = OrderGroup(
                GroupKind(attrs["kind"]),
                tuple(member["ticket"] for member in attrs["orders"]),
                trigger["ticket"] if trigger else None,
            )
        except InvalidTicket as error:
            raise s.ValidationError({error.field: [str(error)]}) from None
        return {"account": attrs["account"], "group": group}


class PlaceGroupInput(GroupInput):
    """The same, to be sent."""

    confirm = Codes()
    preview_id = PreviewId()

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        given = {"preview_id": attrs.get("preview_id"), "confirm": attrs.get("confirm", [])}
        return super().validate(attrs) | given


class CancelAllInput(Strict):
    account = s.UUIDField(required=False, allow_null=True, help_text="Only this account's orders.")
    underlying = LineText(max_length=64, required=False, allow_null=True, help_text="Only orders on this.")

    def validate_account(self, value: Any) -> Account | None:
        return OrderInput.validate_account(self, value) if value is not None else None  # type: ignore[arg-type]


class DecisionInput(Strict):
    broker_order_id = LineText(
        max_length=64, allow_null=True, help_text="Which of the candidates it is; null: none of the broker's orders."
    )
