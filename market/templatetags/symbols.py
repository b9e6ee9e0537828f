"""Figures of the market's pages: changes with their sign, ranks, Greeks and ratios to two to four decimals."""

from decimal import Decimal

from django import template

from brokers.templatetags.desk import UNKNOWN, Figure, number, price, rounded, signed, without_zeros

register = template.Library()

FOUR_PLACES = Decimal("0.0001")


@register.filter
def signed_price(value: Figure) -> str:
    """A change of price: ``+1.25``, ``−0.40``, ``0.00``."""
    text = price(value)
    exact = number(value)
    return f"+{text}" if exact is not None and exact > 0 else text


@register.filter
def rank(value: Figure) -> str:
    """A fraction as a rank of 0 to 100: ``42.7``."""
    exact = number(value)
    return UNKNOWN if exact is None else f"{rounded(exact * 100, Decimal('0.1')):f}"


@register.filter
def greek(value: Figure) -> str:
    """Two to four decimals: ``0.30``, ``−0.0125``."""
    exact = number(value)
    if exact is None:
        return UNKNOWN
    figure = rounded(exact, FOUR_PLACES)
    return signed(figure, without_zeros(figure, least=2), plus=False)
