"""The account at a glance, in the bar of every page."""

from typing import Any

from django import template

from brokers.templatetags.desk import chosen_account
from portfolio.glance import Glance, at_hand

register = template.Library()


@register.simple_tag(takes_context=True)
def glance(context: dict[str, Any]) -> Glance | None:
    """What is known without asking; None until it is fetched."""
    user = context.get("user")
    return at_hand(user.pk, chosen_account(context)) if user is not None and user.is_authenticated else None
