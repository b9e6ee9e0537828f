"""The API's order input, read strictly, and the shapes of its answers for the schema (built in documents.py)."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers as s

from brokers.domain.instruments import parse_instrument
from brokers.domain.orders import MAX_LEGS, Action, Effect, InvalidTicket, Leg, OrderTicket, OrderType, TimeInForce
from brokers.models import Account
from trading import tickets
from trading.lifecycle import Phase, Status
from trading.models import Order


class Strict(s.Serializer[Any]):
    """Unknown fields are refused: a misspelt field of an order must not be ignored."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            unknown = [str(name)[:40] for name in data if name not in self.fields]
            if unknown:
                raise s.ValidationError({name: ["There is no such field."] for name in unknown[:10]})
        return super().to_internal_value(data)


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
    gtd_date = s.DateField(required=False, allow_null=True)

    def validate_account(self, value: Any) -> Account:
        account = Account.objects.of(self.context["request"].user).filter(pk=value).first()
        if account is None:
            raise s.ValidationError("You have no such account here.")
        return account  # type: ignore[no-any-return]

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        try:
            return {"account": attrs["account"], "ticket": self._ticket(attrs)}
        except InvalidTicket as error:
            raise s.ValidationError({error.field: [str(error)]}) from None

    def _ticket(self, attrs: Mapping[str, Any]) -> OrderTicket:
        return OrderTicket(
            legs=tuple(entry["leg"] for entry in attrs["legs"]),
            order_type=OrderType(attrs["order_type"]),
            time_in_force=TimeInForce(attrs["time_in_force"]),
            limit_price=_limit(attrs),
            stop_price=attrs.get("stop_price"),
            gtd_date=attrs.get("gtd_date"),
        )


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


class PlaceInput(OrderInput):
    preview_id = s.CharField(
        required=False, allow_null=True, max_length=8000, help_text="From orders/preview; must be of the same order."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        return super().validate(attrs) | {"preview_id": attrs.get("preview_id")}


# --- answers ---


def decimal_text(text: str = "") -> s.CharField:
    return s.CharField(allow_null=True, help_text=f"{text} Decimal as text; null when unknown.".strip())


class NoticeShape(s.Serializer[None]):
    code = s.CharField()
    message = s.CharField()


class FeeShape(s.Serializer[None]):
    name = s.CharField()
    amount = s.CharField(help_text="Dollars from the account's side: a fee is negative.")


class PreviewFigures(s.Serializer[None]):
    description = s.CharField(help_text="The order as one sentence.")
    estimated_cost = decimal_text("Dollars from the account's side, before fees.")
    buying_power_before = decimal_text()
    buying_power_after = decimal_text()
    buying_power_change = decimal_text()
    margin_change = decimal_text()
    fees = FeeShape(many=True)
    total_fees = decimal_text()
    warnings = NoticeShape(many=True)
    as_of = s.DateTimeField()


class PreviewShape(PreviewFigures):
    account = s.UUIDField()
    preview_id = s.CharField()
    expires_at = s.DateTimeField()


class LegShape(s.Serializer[None]):
    symbol = s.CharField()
    action = s.CharField()
    quantity = s.CharField()
    description = s.CharField()
    underlying = s.CharField()
    expiration = s.DateField(allow_null=True)
    strike = decimal_text()
    right = s.ChoiceField(choices=["call", "put"], allow_null=True)


class OrderShape(s.Serializer[None]):
    id = s.UUIDField()
    account = s.UUIDField()
    account_label = s.CharField()
    connection = s.UUIDField()
    broker = s.CharField()
    environment = s.ChoiceField(choices=["sim", "live"])
    source = s.ChoiceField(choices=Order.Source.values)  # type: ignore[assignment]  # the framework's own is another
    is_external = s.BooleanField(help_text="Placed elsewhere and found at the broker.")
    status = s.ChoiceField(choices=[status.value for status in Status])
    phase = s.ChoiceField(choices=[phase.value for phase in Phase])
    status_label = s.CharField()
    status_meaning = s.CharField()
    broker_status = s.CharField(allow_null=True, help_text="The broker's own word.")
    message = s.CharField(allow_null=True, help_text="Why it was rejected or is in doubt, in words.")
    description = s.CharField()
    legs = LegShape(many=True)
    order_type = s.CharField()
    time_in_force = s.CharField()
    limit_price = decimal_text("Unsigned.")
    price_effect = s.ChoiceField(choices=[effect.value for effect in Effect], allow_null=True)
    stop_price = decimal_text()
    quantity = s.CharField()
    filled_quantity = s.CharField()
    average_fill_price = decimal_text()
    cancellable = s.BooleanField()
    cancel_requested_at = s.DateTimeField(allow_null=True)
    client_ref = s.CharField(allow_null=True, help_text="Our reference at the broker.")
    broker_order_id = s.CharField(allow_null=True)
    created_at = s.DateTimeField()
    sent_at = s.DateTimeField(allow_null=True)
    ended_at = s.DateTimeField(allow_null=True)
    as_of = s.DateTimeField(help_text="When it last changed here.")
    seq = s.IntegerField(help_text="Grows with each change.")


class FillShape(s.Serializer[None]):
    id = s.CharField()
    symbol = s.CharField()
    quantity = s.CharField()
    price = s.CharField()
    filled_at = s.DateTimeField()


class EventShape(s.Serializer[None]):
    seq = s.IntegerField()
    kind = s.CharField()
    source = s.CharField()  # type: ignore[assignment]  # the framework's own attribute of this name is another thing
    from_status = s.CharField(allow_null=True)
    to_status = s.CharField()
    words = s.CharField()
    broker_at = s.DateTimeField(allow_null=True)
    seen_at = s.DateTimeField()


class OrderDetailShape(OrderShape):
    warnings = NoticeShape(many=True)
    preview = PreviewFigures(allow_null=True)
    fills = FillShape(many=True)
    events = EventShape(many=True)


class OrderPageShape(s.Serializer[None]):
    results = OrderShape(many=True)
    next = s.CharField(allow_null=True, help_text="The address of the older ones; null at the end.")
