"""The count of unusual patterns for the top bar."""

from typing import Any

from django import template

from trading.models import Alert

register = template.Library()


@register.simple_tag
def alerts_new(user: Any) -> int:
    """How many alerts this person has not looked at."""
    return Alert.objects.of(user).filter(state=Alert.State.OPEN).count()
