"""Figures as traders read them: money, prices, quantities, ages; the unknown is a dash."""

from datetime import date, datetime, timezone
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

from django import template
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.timezone import now as clock

from brokers.domain.instruments import Instrument, describe, parse_instrument
from brokers.models import Account

register = template.Library()

UNKNOWN = "—"
MINUS = "−"
EXCHANGE_TIME = ZoneInfo("America/New_York")
CENT = Decimal("0.01")
SUFFIX_OF_AGE = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))

Figure: TypeAlias = Decimal | int | str | None


def number(value: Figure) -> Decimal | None:
    """The exact number, None for what is unknown or no number. A float is a bug of the caller's."""
    if isinstance(value, float):
        raise TypeError("Figures are Decimal: a float has already lost what it was.")
    if value is None or value == "":
        return None
    try:
        found = Decimal(value)
    except (InvalidOperation, TypeError, ValueError):
        return None
    return found if found.is_finite() else None


def rounded(value: Decimal, unit: Decimal) -> Decimal:
    """To the nearest unit, halves away from zero, as statements do; never a minus before zero."""
    return value.quantize(unit, ROUND_HALF_UP) + 0


def signed(value: Decimal, text: str, *, plus: bool) -> str:
    return (MINUS if value < 0 else "+" if plus and value > 0 else "") + text


def _dollars(value: Figure, *, plus: bool) -> str:
    if (exact := number(value)) is None:
        return UNKNOWN
    amount = rounded(exact, CENT)
    return signed(amount, f"${abs(amount):,f}", plus=plus)


@register.filter
def money(value: Figure) -> str:
    """Dollars: ``$1,234.50``, ``−$1,234.50``."""
    return _dollars(value, plus=False)


@register.filter
def gain(value: Figure) -> str:
    """Dollars won or lost: ``+$1,234.50``, ``−$1,234.50``, ``$0.00``."""
    return _dollars(value, plus=True)


def without_zeros(value: Decimal, least: int = 0) -> str:
    """Unsigned, with thousands separators, no trailing zeros beyond the least number of decimals."""
    whole, _, decimals = f"{abs(value):,f}".partition(".")
    decimals = decimals.rstrip("0").ljust(least, "0")
    return f"{whole}.{decimals}" if decimals else whole


@register.filter
def price(value: Figure) -> str:
    """Per unit, as many decimals as it has, at least two: ``187.20``, ``0.0067125``.

    More than eight decimals come from a division (an average): those are rounded to four, or eight below a cent.
    """
    if (exact := number(value)) is None:
        return UNKNOWN
    if exact != rounded(exact, Decimal("1E-8")):
        exact = rounded(exact, Decimal("1E-4") if abs(exact) >= CENT else Decimal("1E-8"))
    return signed(exact, without_zeros(exact, least=2), plus=False)


@register.filter
def quantity(value: Figure) -> str:
    """A holding: long ``+25``, short ``−1``, flat ``0``."""
    exact = number(value)
    return UNKNOWN if exact is None else signed(exact, without_zeros(exact), plus=True)


@register.filter
def count(value: Figure) -> str:
    """A quantity whose direction is said elsewhere: ``25``, ``1,200``, ``0.5``."""
    exact = number(value)
    return UNKNOWN if exact is None else signed(exact, without_zeros(exact), plus=False)


def _hundredths(value: Figure, places: int, *, plus: bool) -> str:
    if (exact := number(value)) is None:
        return UNKNOWN
    share = rounded(exact * 100, Decimal(1).scaleb(-int(places)))
    return signed(share, f"{abs(share):,f} %", plus=plus)


@register.filter
def percent(value: Figure, places: int = 1) -> str:
    """A fraction in hundredths: ``Decimal("0.172")`` is ``17.2 %``."""
    return _hundredths(value, places, plus=False)


@register.filter
def percent_gain(value: Figure, places: int = 1) -> str:
    """A fraction won or lost, with its sign: ``+4.2 %``."""
    return _hundredths(value, places, plus=True)


@register.filter
def delta(value: Figure) -> str:
    """Of a whole holding, in shares or contracts of what it is on: ``+30``, ``−12.4``."""
    exact = number(value)
    return UNKNOWN if exact is None else quantity(rounded(exact, Decimal("0.1")))


@register.filter
def trend(value: Figure) -> str:
    """The class of a figure that is good above zero and bad below: ``up``, ``down`` or nothing."""
    exact = number(value)
    return "" if not exact else "up" if exact > 0 else "down"


def _iso(moment: datetime) -> str:
    return moment.astimezone(timezone.utc).isoformat(timespec="seconds").replace("+00:00", "Z")


def exchange_time(moment: datetime, now: datetime) -> str:
    """``14:31:05 ET``, after its date unless that is today at the exchange."""
    there, today = moment.astimezone(EXCHANGE_TIME), now.astimezone(EXCHANGE_TIME).date()
    time = f"{there:%H:%M:%S} ET"
    return time if there.date() == today else f"{_day(there.date(), today)}, {time}"


def _day(day: date, today: date) -> str:
    return f"{day.day} {day:%b}" if day.year == today.year else f"{day.day} {day:%b %Y}"


@register.filter
def when(value: datetime | date | None) -> str:
    """Exchange time in words, UTC for machines and in the tooltip; a date stays a date."""
    if value is None or value == "":
        return UNKNOWN
    if not isinstance(value, datetime):
        return format_html('<time datetime="{}">{} {}</time>', value.isoformat(), value.day, f"{value:%b %Y}")
    iso = _iso(value)
    return format_html('<time datetime="{0}" title="{0}">{1}</time>', iso, exchange_time(value, clock()))


def elapsed(moment: datetime, now: datetime) -> str:
    """``3 s ago``, ``in 5 min``: the greatest unit that fits, rounded down."""
    seconds = int((now - moment).total_seconds())
    size, unit = next((pair for pair in SUFFIX_OF_AGE if abs(seconds) >= pair[0]), (1, "s"))
    span = f"{abs(seconds) // size} {unit}"
    if abs(seconds) < 1:
        return "just now"
    return f"{span} ago" if seconds > 0 else f"in {span}"


@register.filter
def age(value: datetime | None) -> str:
    """How long ago, the exact time in the tooltip."""
    if not isinstance(value, datetime):
        return UNKNOWN
    now = clock()
    title = exchange_time(value, now)
    return format_html('<time datetime="{}" title="{}">{}</time>', _iso(value), title, elapsed(value, now))


@register.filter
def instrument(value: Instrument | str | None) -> str:
    """As traders say it: ``SPY 18 Dec 26 600 C``; text that names no instrument stays as it is."""
    if value is None or value == "":
        return UNKNOWN
    if not isinstance(value, str):
        return describe(value)
    try:
        return describe(parse_instrument(value))
    except ValueError:
        return value


@register.simple_tag(takes_context=True)
def desk_environment(context: dict[str, Any]) -> str:
    """What kind of money a page is about: ``sim``, ``live``, ``mixed``, or nothing when it is about neither.

    A page that knows says so (``environment``); else it is that of its account; else what the person is connected to.
    """
    if (given := context.get("environment")) is not None:
        return str(given)
    account = context.get("account")
    if isinstance(account, Account):
        return str(account.connection.environment)
    found = {connection.environment for connection in context.get("desk_connections") or ()}
    return "mixed" if len(found) > 1 else "".join(found)


@register.simple_tag(takes_context=True)
def chosen_account(context: dict[str, Any]) -> str:
    """The account that the address or the page names: its id, ``all``, or nothing where none was chosen.

    A page whose ``account`` is None shows all of them.
    """
    request: HttpRequest | None = context.get("request")
    asked = request.GET.get("account", "") if request else ""
    if asked == "all" or any(asked == str(account.pk) for account in context.get("desk_accounts") or ()):
        return asked
    account = context.get("account", "")
    return str(account.pk) if isinstance(account, Account) else "all" if account is None else ""
