"""The shapes of the API's answers, for the schema; the answers themselves are built in documents.py."""

from rest_framework import serializers as s

from portfolio.documents import KINDS
from portfolio.holdings import Source


def amount(text: str) -> s.CharField:
    return s.CharField(allow_null=True, help_text=f"{text} Decimal as text; null when unknown.")


def moment(text: str) -> s.DateTimeField:
    return s.DateTimeField(allow_null=True, help_text=text)


class Reason(s.Serializer[None]):
    code = s.CharField(help_text="Stable, as in problem documents.")
    detail = s.CharField()
    retryable = s.BooleanField()


class Provenance(s.Serializer[None]):
    read_at = moment("When the broker last told these figures.")
    source = s.CharField(help_text=f"Where they are from: {', '.join(Source)}.")  # type: ignore[assignment]
    stale = s.BooleanField(help_text="True: the broker could not be asked, these are the last known.")
    reason = Reason(allow_null=True, help_text="Why they are not newer.")


class Balances(Provenance):
    account = s.UUIDField()
    currency = s.CharField()
    net_liquidating_value = amount("")
    cash = amount("")
    stock_buying_power = amount("")
    option_buying_power = amount("For options and futures.")
    maintenance_requirement = amount("")
    pending_cash = amount("")
    as_of = moment("The broker's time for these figures.")


class PositionDocument(s.Serializer[None]):
    symbol = s.CharField(help_text="Canonical; options as 21-character OCC symbols.")
    description = s.CharField()
    kind = s.ChoiceField(choices=list(KINDS.values()))
    expiration = s.DateField(allow_null=True)
    strike = amount("")
    right = s.ChoiceField(choices=["call", "put"], allow_null=True)
    underlying = s.CharField(allow_null=True)
    quantity = s.CharField(help_text="Signed: long positive. 0 was closed today.")
    multiplier = s.CharField(help_text="Dollars per point of price for one unit.")
    average_open_price = amount("Per unit.")
    day_open_price = amount("What day P/L counts from, per unit.")
    close_price = amount("The previous close.")
    bid = amount("")
    ask = amount("")
    mark = amount("The middle of bid and ask, else the broker's mark, else the last price.")
    mark_as_of = moment("The time of the quote; null when the mark is from the broker's listing.")
    days_to_expiry = s.IntegerField(allow_null=True)
    cost = amount("What opening paid; negative: received.")
    market_value = amount("Negative for short positions.")
    profit_loss_open = amount("Since the opening, of what is still open.")
    profit_loss_open_percent = amount("Of cost.")
    profit_loss_day = amount("Since the previous close, with what was closed today.")
    realized_day = amount("Of what was closed today.")
    change = amount("The instrument's own, since the previous close.")
    change_percent = amount("")
    opened_at = moment("")
    as_of = moment("The broker's time for this holding.")


class SumDocument(s.Serializer[None]):
    amount = amount("Over the parts that are known.")
    missing = s.IntegerField(help_text="How many parts are unknown and left out.")


class TotalsDocument(s.Serializer[None]):
    cost = SumDocument()
    market_value = SumDocument()
    profit_loss_open = SumDocument()
    profit_loss_open_percent = amount("Of all costs without their signs.")
    profit_loss_day = SumDocument()
    mark_as_of = moment("The oldest mark among them.")


class Positions(Provenance):
    account = s.UUIDField()
    positions = PositionDocument(many=True)
    totals = TotalsDocument()
    as_of = moment("When the broker last told them.")
    quotes_reason = Reason(allow_null=True, help_text="Why prices are missing or old.")
