"""The desk's own figures of an order for programs: what pages show beside the broker's dry run, as estimates."""

from decimal import Decimal
from typing import Any

from rest_framework import serializers as s

from brokers.domain.instruments import plain
from brokers.domain.orders import OrderTicket
from brokers.models import Account
from trading.analytics import UNLIMITED, Amount
from trading.api.documents import moment
from trading.api.shapes import decimal_text
from trading.drafting.estimates import Estimate, estimate
from trading.tickets import amount_text

FINE = Decimal("0.0001")


class CurvePointShape(s.Serializer[None]):
    price = s.CharField(help_text="Of the underlying.")
    at_expiry = decimal_text("Dollars of profit.")
    today = decimal_text("Dollars of profit, by the model.")


class EstimateShape(s.Serializer[None]):
    """Estimates of the desk from quotes; dollars from the account's side, without fees. Null is unknown."""

    source = s.ChoiceField(choices=["desk_estimate"])  # type: ignore[assignment]  # the framework's own is another
    as_of = s.DateTimeField()
    strategy = s.CharField(help_text="The market's word for these legs; custom where there is none.")
    underlying = s.CharField(allow_null=True, help_text="Null: the legs are on several.")
    underlying_price = decimal_text()
    net_price = decimal_text("Per unit, credit positive: the limit, or the middle of the market. All is at this.")
    cash = decimal_text("What the order costs or brings.")
    max_profit = s.CharField(allow_null=True, help_text='Decimal as text, or "unlimited".')
    max_loss = s.CharField(allow_null=True, help_text='A negative decimal as text, or "unlimited".')
    exact = s.BooleanField(help_text="False: several expirations; both and the break-evens are by the model.")
    break_evens = s.ListField(child=s.CharField(), allow_null=True)
    probability_of_profit = decimal_text("A fraction.")
    return_on_capital = decimal_text("A fraction.")
    delta = decimal_text("Shares.")
    gamma = decimal_text("Shares per dollar.")
    theta = decimal_text("Dollars a day.")
    vega = decimal_text("Dollars per point of volatility.")
    extrinsic = decimal_text("Time value received (positive) or paid.")
    curve = CurvePointShape(many=True)
    why = s.CharField(allow_null=True, help_text="Why there are no figures.")


def estimate_document(account: Account, ticket: OrderTicket) -> dict[str, Any]:
    """Asks the broker for quotes where the stream has none; raises nothing."""
    found = estimate(account, ticket.legs, ticket.limit_price)
    head = {
        "source": "desk_estimate",
        "as_of": moment(found.at),
        "strategy": found.strategy.kind.value,
        "underlying": found.underlying or None,
        "underlying_price": _plain(found.underlying_price),
        "net_price": _plain(found.net_price),
        "why": found.why or None,
    }
    return head | _figures(found)


def _figures(found: Estimate) -> dict[str, Any]:
    f = found.figures
    greeks = f.greeks if f is not None else None
    return {
        "cash": amount_text(f.cash) if f is not None else None,
        "max_profit": _amount(f.max_profit) if f is not None else None,
        "max_loss": _amount(f.max_loss) if f is not None else None,
        "exact": f.exact if f is not None else False,
        "break_evens": [plain(one) for one in f.break_evens] if f is not None and f.break_evens is not None else None,
        "probability_of_profit": _rounded(f.probability if f is not None else None),
        "return_on_capital": _rounded(f.return_on_capital if f is not None else None),
        "delta": _rounded(greeks.delta if greeks is not None else None),
        "gamma": _rounded(greeks.gamma if greeks is not None else None),
        "theta": _rounded(greeks.theta if greeks is not None else None),
        "vega": _rounded(greeks.vega if greeks is not None else None),
        "extrinsic": amount_text(f.extrinsic) if f is not None else None,
        "curve": [
            {"price": _rounded(point.price), "at_expiry": _rounded(point.at_expiry), "today": _rounded(point.today)}
            for point in (f.curve if f is not None else ())
        ],
    }


def _amount(amount: Amount) -> str | None:
    return "unlimited" if amount is UNLIMITED else amount_text(amount)


def _plain(number: Decimal | None) -> str | None:
    return plain(number) if number is not None else None


def _rounded(number: float | None) -> str | None:
    return plain(Decimal(repr(number)).quantize(FINE)) if number is not None else None
