"""What every page shows of the kill switch: the banner while trading is not active."""

from typing import Any

from django import template

from trading.safety import halts

register = template.Library()


@register.simple_tag
def open_halts(user: Any) -> list[halts.Halt]:
    """The halts that stop something of this person's, the worst first."""
    return halts.seen_by(user)
