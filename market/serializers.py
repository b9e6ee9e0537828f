"""The shapes of the API's answers about markets, for the schema; the answers are built in documents.py."""

from rest_framework import serializers as s

from brokers.domain.market import MarketState, SessionKind


def figure(text: str = "") -> s.CharField:
    return s.CharField(allow_null=True, help_text=f"{text} Decimal as text; null when unknown.".strip())


def moment(text: str) -> s.DateTimeField:
    return s.DateTimeField(allow_null=True, help_text=text)


class MarketSource(s.Serializer[None]):
    connection = s.UUIDField()
    broker = s.CharField()
    environment = s.CharField(help_text="sim or live.")
    delayed = s.BooleanField(
        allow_null=True, help_text="Prices come late by agreement; null while the stream has not told."
    )


class MarketReason(s.Serializer[None]):
    code = s.CharField(help_text="Stable, as in problem documents.")
    detail = s.CharField()
    retryable = s.BooleanField()


class Sourced(s.Serializer[None]):
    source = MarketSource()  # type: ignore[assignment]
    unknown = s.ListField(child=s.CharField(), help_text="Symbols asked for of which nothing is known.")
    reason = MarketReason(allow_null=True, help_text="Why figures are missing or old.")


class QuoteShape(s.Serializer[None]):
    symbol = s.CharField(help_text="Canonical; options as 21-character OCC symbols.")
    description = s.CharField()
    bid = figure()
    ask = figure()
    bid_size = figure()
    ask_size = figure()
    last = figure()
    mark = figure("The middle of bid and ask, else the broker's mark, else the last price.")
    open = figure()
    high = figure()
    low = figure()
    previous_close = figure()
    change = figure("Of the last price since the previous close.")
    change_percent = figure()
    volume = figure()
    open_interest = figure()
    halted = s.BooleanField(
        allow_null=True, help_text="Whether the exchange has stopped trading in it; null: not told (streams do not)."
    )
    halted_since = moment("Where the broker tells.")
    as_of = moment("The time of the newest of these figures.")
    via = s.ChoiceField(choices=["stream", "broker"], help_text="From the stream, or asked for.")
    stale = s.BooleanField(help_text="True: streamed more than 15 seconds ago, and the broker could not be asked.")


class QuotesShape(Sourced):
    quotes = QuoteShape(many=True)


class GreeksShape(s.Serializer[None]):
    symbol = s.CharField()
    volatility = figure("Implied, a year, as a fraction.")
    delta = figure("Per unit of the option.")
    gamma = figure()
    theta = figure("A day.")
    vega = figure("Per percentage point.")
    rho = figure("Per percentage point.")
    as_of = moment("Of the prices, where it is an estimate.")
    estimate = s.BooleanField(help_text="True: the desk's own, by Black's model, and not the broker's.")


class GreeksOfShape(Sourced):
    greeks = GreeksShape(many=True)


class IncrementShape(s.Serializer[None]):
    below = figure("It holds below this price; null: for all the rest.")
    increment = s.CharField()


class StrikeShape(s.Serializer[None]):
    strike = s.CharField()
    call = s.CharField(allow_null=True)
    put = s.CharField(allow_null=True)


class ExpirationShape(s.Serializer[None]):
    name = s.CharField(help_text="Its day and root: a day may have two.")
    expiration = s.DateField()
    days_to_expiry = s.IntegerField()
    kind = s.CharField(help_text="regular, weekly, quarterly, end_of_month.")
    settlement = s.CharField(allow_null=True, help_text="AM or PM.")
    root = s.CharField()  # type: ignore[assignment]
    adjusted = s.BooleanField(help_text="It delivers something else than the plain underlying.")
    multiplier = s.CharField()
    increments = IncrementShape(many=True)
    strikes = StrikeShape(many=True)


class OptionChainShape(s.Serializer[None]):
    source = MarketSource()  # type: ignore[assignment]
    symbol = s.CharField()
    expirations = ExpirationShape(many=True)
    as_of = moment("When this document was put together; what is listed is never older than the trading day.")


class BarShape(s.Serializer[None]):
    at = s.DateTimeField(help_text="When it begins; of a day and longer its first calendar day, at midnight UTC.")
    open = s.CharField()
    high = s.CharField()
    low = s.CharField()
    close = s.CharField()
    volume = figure()
    closed = s.BooleanField(help_text="False: it still moves.")


class BarsShape(s.Serializer[None]):
    source = MarketSource()  # type: ignore[assignment]
    symbol = s.CharField()
    interval = s.CharField()
    extended = s.BooleanField()
    bars = BarShape(many=True)
    as_of = moment("When the broker was asked.")


class ExpirationVolatilityShape(s.Serializer[None]):
    expiration = s.DateField()
    volatility = s.CharField()


class MetricsShape(s.Serializer[None]):
    symbol = s.CharField()
    iv_index = figure("Implied volatility of the coming month, a year, as a fraction.")
    iv_rank = figure("0 to 1: where it stands between the lowest and highest of a year.")
    iv_percentile = figure("0 to 1: the share of days on which it was lower.")
    hv30 = figure("Of the last thirty days, a year, as a fraction.")
    beta = figure()
    earnings_date = s.DateField(allow_null=True)
    earnings_time = s.ChoiceField(choices=["before", "after"], allow_null=True, help_text="The session.")
    dividend_amount = figure("Of one payment, per share.")
    ex_dividend_date = s.DateField(allow_null=True)
    market_cap = figure("Dollars.")
    pe = figure()
    expiration_ivs = ExpirationVolatilityShape(many=True)
    as_of = moment("When they were worked out.")
    estimate = s.BooleanField(help_text="True: the desk's own; the broker tells none.")


class MetricsOfShape(Sourced):
    metrics = MetricsShape(many=True)


class SessionShape(s.Serializer[None]):
    kind = s.ChoiceField(choices=[kind.value for kind in SessionKind])
    opens_at = s.DateTimeField()
    closes_at = s.DateTimeField()


class MarketShape(s.Serializer[None]):
    exchange = s.CharField(help_text="The broker's own name.")
    state = s.ChoiceField(choices=[state.value for state in MarketState])
    sessions = SessionShape(many=True, help_text="Of this and the next trading day.")
    next_change_at = moment("When the state changes next.")
    holiday = s.CharField(allow_null=True, help_text="Why there is no trading today.")
    early_close = s.BooleanField(help_text="Regular hours end early today.")
    as_of = moment("For which moment this was said.")


class HoursSource(MarketSource):
    calendar = s.CharField(help_text="broker, or the desk's own calendar: of shares alone.")


class HoursShape(s.Serializer[None]):
    source = HoursSource()  # type: ignore[assignment]
    markets = MarketShape(many=True)
    reason = MarketReason(allow_null=True, help_text="Why it is not the broker's own.")
