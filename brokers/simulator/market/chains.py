"""Which options are listed: expirations by the calendar, strikes around an underlying's home level."""

from datetime import date, timedelta
from decimal import Decimal

from brokers.domain.instruments import Option, Right
from brokers.domain.market import Chain, Expiration, Strike
from brokers.simulator.market.sessions import is_session, previous_session
from brokers.simulator.market.universe import Character

WEEKS, MONTHS, QUARTERS = 6, 4, 4
HUNDRED = Decimal(100)


def expirations(today: date) -> dict[date, str]:
    """Last trading days from ``today`` on and their kind: weeklies, monthlies. A date stays until it is over."""
    friday = today + timedelta(days=(4 - today.weekday()) % 7)
    months = [_month(today, ahead) for ahead in range(MONTHS + 1)]
    quarters = [day for day in (_month(today, ahead) for ahead in range(3 * QUARTERS + 1)) if day.month % 3 == 0]
    found = {_last_day(friday + timedelta(weeks=week)): "weekly" for week in range(WEEKS)}
    januaries = [_month(today, 13 - today.month + 12 * year) for year in range(2)]
    found |= {_last_day(day): "regular" for day in (*months, *quarters, *januaries)}
    return {day: found[day] for day in sorted(found) if day >= today}


def strikes(home: Decimal, step: Decimal, days: int) -> list[Decimal]:
    """Strikes around the home level, finer as expiry nears; one that is listed stays listed."""
    rungs = [(step * 10, 12)]
    rungs += [(step * 5, 18)] if step * 50 < home else [(step * 2, 18)]
    if days <= 120:
        rungs.append((step * 2 if step * 50 < home else step, 24))
    if days <= 45:
        rungs.append((step, 24))
    found: set[Decimal] = set()
    for width, count in rungs:
        middle = int(home / width)
        found |= {width * rung for rung in range(middle - count, middle + count + 1)}
    return sorted(strike for strike in found if home * Decimal("0.25") <= strike <= home * 2)


def list_options(character: Character, today: date) -> Chain | None:
    """The chain of an underlying as listed on a day; None when it has no options."""
    listing = character.listing
    if listing.option_increments is None:
        return None
    root = listing.symbol.replace(".", "")
    home = Decimal(str(character.start))
    found = [
        Expiration(
            expiry=expiry,
            kind=kind,
            settlement="PM",
            root=root,
            multiplier=HUNDRED,
            increments=listing.option_increments,
            strikes=tuple(
                Strike(price, Option(root, expiry, Right.CALL, price), Option(root, expiry, Right.PUT, price))
                for price in strikes(home, character.strike_step, (expiry - today).days)
            ),
        )
        for expiry, kind in expirations(today).items()
    ]
    return Chain(listing.instrument, tuple(found))


def _month(today: date, ahead: int) -> date:
    """The third Friday of the month so many months ahead."""
    year, month = divmod(today.year * 12 + today.month - 1 + ahead, 12)
    first = date(year, month + 1, 1)
    return first + timedelta(days=(4 - first.weekday()) % 7 + 14)


def _last_day(friday: date) -> date:
    return friday if is_session(friday) else previous_session(friday)
