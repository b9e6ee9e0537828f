"""The shapes of the API's answers about orders, for the schema; they are built in documents.py."""

from rest_framework import serializers as s

from brokers.domain.orders import (
    Effect,
)
from trading.lifecycle import Asked, Phase, Status
from trading.models import Order


def decimal_text(text: str = "") -> s.CharField:
    return s.CharField(allow_null=True, help_text=f"{text} Decimal as text; null when unknown.".strip())


class NoticeShape(s.Serializer[None]):
    code = s.CharField()
    message = s.CharField()


class FeeShape(s.Serializer[None]):
    name = s.CharField()
    amount = s.CharField(help_text="Dollars from the account's side: a fee is negative.")


class FindingShape(s.Serializer[None]):
    field = s.CharField(help_text="The field at fault; empty: the whole order.")
    code = s.CharField()
    words = s.CharField()
    hard = s.BooleanField(help_text="False: it may be confirmed by its code.")
    numbers = s.DictField(child=s.CharField())


class PreviewFigures(s.Serializer[None]):
    findings = FindingShape(many=True)
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


class SignedShape(s.Serializer[None]):
    """A preview that can be named when the thing is sent."""

    preview_id = s.CharField(help_text="Of just this, for you; needed to confirm soft findings.")
    expires_at = s.DateTimeField(help_text="A minute after it was made.")


class PreviewShape(SignedShape, PreviewFigures):
    account = s.UUIDField()


class ChangePreviewShape(SignedShape):
    """What the desk's own checks say of an order on new terms; they are made again when it is sent."""

    order = s.UUIDField()
    description = s.CharField(help_text="The order on its new terms as one sentence.")
    findings = FindingShape(many=True)
    as_of = s.DateTimeField()


class LegShape(s.Serializer[None]):
    symbol = s.CharField()
    action = s.CharField()
    quantity = s.CharField()
    description = s.CharField()
    underlying = s.CharField()
    expiration = s.DateField(allow_null=True)
    strike = decimal_text()
    right = s.ChoiceField(choices=["call", "put"], allow_null=True)


class CandidateShape(s.Serializer[None]):
    """One of the broker's orders that an order in doubt may be."""

    broker_order_id = s.CharField()
    description = s.CharField()
    status = s.CharField()
    broker_status = s.CharField()
    filled_quantity = s.CharField()
    placed_at = s.DateTimeField()


class TrailShape(s.Serializer[None]):
    amount = s.CharField()
    percent = s.BooleanField()


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
    stop_price = decimal_text("Of a trailing stop: where it stands now.")
    trail = TrailShape(allow_null=True)
    quantity = s.CharField()
    filled_quantity = s.CharField()
    average_fill_price = decimal_text()
    cancellable = s.BooleanField()
    replaceable = s.BooleanField()
    replace_pending = s.BooleanField(help_text="A replacement was sent whose outcome is not known yet.")
    replaces = s.UUIDField(allow_null=True, help_text="The order whose place it takes.")
    group = s.UUIDField(allow_null=True, help_text="Shared by orders that were sent as one.")
    group_kind = s.CharField(allow_null=True)
    candidates = CandidateShape(many=True)
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


class ReplacementShape(s.Serializer[None]):
    id = s.UUIDField()
    status = s.ChoiceField(choices=[asked.value for asked in Asked])
    status_label = s.CharField()
    status_meaning = s.CharField()
    description = s.CharField()
    message = s.CharField(allow_null=True)
    successor = s.UUIDField(allow_null=True, help_text="The order that took its place.")
    created_at = s.DateTimeField()
    settled_at = s.DateTimeField(allow_null=True)


class ReplacedShape(OrderShape):
    replacement = ReplacementShape()


class GroupMemberShape(s.Serializer[None]):
    """The desk's own reckoning, before fees; the broker's figures stand beside it and are of the whole group."""

    description = s.CharField()
    estimated_cost = decimal_text("What the order brings or takes at its own price: its limit, else its stop.")
    estimated_gain = decimal_text("With the first order, where it takes off just what that one put on.")


class GroupPreviewShape(SignedShape):
    account = s.UUIDField()
    kind = s.CharField()
    descriptions = s.ListField(child=s.CharField())
    orders = GroupMemberShape(many=True)
    estimated_cost = decimal_text("The desk's own reckoning for the order that is filled first.")
    buying_power_before = decimal_text()
    buying_power_after = decimal_text()
    buying_power_change = decimal_text()
    margin_change = decimal_text()
    fees = FeeShape(many=True)
    total_fees = decimal_text()
    warnings = NoticeShape(many=True)
    findings = FindingShape(many=True)
    as_of = s.DateTimeField()


class GroupShape(s.Serializer[None]):
    group = s.UUIDField()
    kind = s.CharField()
    orders = OrderShape(many=True)


class RefusedCancelShape(s.Serializer[None]):
    order = s.UUIDField()
    description = s.CharField()
    words = s.CharField()


class CancelRunShape(s.Serializer[None]):
    id = s.UUIDField()
    asked = s.ListField(child=s.UUIDField())
    refused = RefusedCancelShape(many=True)
    confirmed = s.ListField(child=s.UUIDField(), help_text="Those that are over.")
    waiting = s.ListField(child=s.UUIDField(), help_text="Asked for, not confirmed yet.")
    could_not = s.ListField(child=s.UUIDField(), help_text="Not confirmed: they may still fill.")
    problems = s.ListField(child=s.CharField())
    began_at = s.DateTimeField()
    compared_at = s.DateTimeField(allow_null=True, help_text="When it was compared with a fresh listing.")


class OrderDetailShape(OrderShape):
    findings = FindingShape(many=True)
    confirmed = s.ListField(child=s.CharField())
    replacements = ReplacementShape(many=True)
    warnings = NoticeShape(many=True)
    preview = PreviewFigures(allow_null=True)
    fills = FillShape(many=True)
    events = EventShape(many=True)


class OrderPageShape(s.Serializer[None]):
    results = OrderShape(many=True)
    next = s.CharField(allow_null=True, help_text="The address of the older ones; null at the end.")
