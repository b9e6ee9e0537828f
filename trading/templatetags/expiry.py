"""How long there is till an option or a future expires, beside its name: «28d»."""

from datetime import date
from zoneinfo import ZoneInfo

from django import template
from django.utils import timezone
from django.utils.html import format_html

register = template.Library()
NEW_YORK = ZoneInfo("America/New_York")
SOON = 7


@register.filter
def dte(instrument: object) -> str:
    """Calendar days in exchange time, marked in the last week; "" for what does not expire on a known day."""
    expiry = getattr(instrument, "expiry", None)
    if not isinstance(expiry, date):
        return ""
    days = (expiry - timezone.now().astimezone(NEW_YORK).date()).days
    if days < 0:
        return format_html('<span class="dte last-day">{}</span>', "expired")
    urgency = " last-day" if days == 0 else " soon" if days <= SOON else ""
    words = "expires today" if days == 0 else f"expires in {days} day{'s' if days != 1 else ''}"
    return format_html('<abbr class="dte{}" title="{}">{}d</abbr>', urgency, words, days)
