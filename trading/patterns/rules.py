"""How orders are sent: runaways, spikes, odd hours, odd sizes. Pure; each rule has its window and its threshold."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from trading.patterns import catalogue
from trading.patterns.confirming import Last, fat_finger, size_jump
from trading.patterns.facts import Act, ActKind, Remedy, Sent, Sighting

NEW_YORK = ZoneInfo("America/New_York")
RUNAWAY_WITHIN, RUNAWAY_MOST, RESENT_MOST = timedelta(seconds=60), 5, 5
RATIO_MOST = 20
SPIKE_TIMES, SPIKE_LEAST, SPIKE_HISTORY, SPIKE_MINUTES = 5, 10, timedelta(days=30), 30
HOURS_ORDERS, HOURS_DAYS = 30, 10
MEMORY = 100
LAST_COUNTS = timedelta(days=5)


def runaway(sent: Sequence[Sent]) -> Iterator[Sighting]:
    """P3: the very same order more than five times in a minute, or five times refused and sent again.

    Its price is part of it: orders of one size up a ladder of prices are how people scale in.
    """
    same: dict[tuple[str, ...], list[Sent]] = defaultdict(list)
    refused: dict[tuple[str, ...], list[Sent]] = defaultdict(list)
    for order in sorted(sent, key=lambda one: one.at):
        whose = (order.account_id, order.source, order.symbol, order.side)
        same[*whose, str(order.quantity), str(order.price)].append(order)
        if order.refused:
            refused[whose].append(order)
    for orders in same.values():
        if (found := _crowd(orders, RUNAWAY_MOST + 1, RUNAWAY_WITHIN)) is not None:
            words = "was sent {count} times within a minute. Nothing that comes the same way is sent any more."
            yield _runaway(found, f"The same order ({{what}}) {words}")
    for orders in refused.values():
        if (found := _crowd(orders, RESENT_MOST, RUNAWAY_WITHIN)) is not None:
            words = "refused and sent again {count} times within a minute. "
            words += "Nothing that comes the same way is sent any more."
            yield _runaway(found, f"An order ({{what}}) was {words}")


def _crowd(orders: Sequence[Sent], count: int, within: timedelta) -> list[Sent] | None:
    """The last run of so many orders within so short a time, as long as it goes."""
    found: list[Sent] | None = None
    begin = 0
    for end, order in enumerate(orders):
        while order.at - orders[begin].at > within:
            begin += 1
        if end - begin + 1 >= count:
            found = list(orders[begin : end + 1])
    return found


def _runaway(orders: Sequence[Sent], words: str) -> Sighting:
    last = orders[-1]
    what = f"{last.side} {last.quantity.normalize():f} {last.symbol}"
    return Sighting(
        pattern=catalogue.RUNAWAY,
        about=f"{last.account_id}:{last.source}:{last.symbol}:{last.side}",
        at=last.at,
        gravity="urgent",
        words=words.format(what=what, count=len(orders)),
        numbers={"orders": str(len(orders)), "seconds": f"{(last.at - orders[0].at).total_seconds():.0f}"},
        account_id=last.account_id,
        source=last.source,
        remedy=Remedy.HALT_SOURCE,
    )


def order_trade_ratio(acts: Iterable[Act]) -> Iterator[Sighting]:
    """P4: (submits + replaces + cancels) / (fills + 1) above 20 on one account's day."""
    days: dict[tuple[str, str], Counter[ActKind]] = defaultdict(Counter)
    first: dict[tuple[str, str], datetime] = {}
    for act in acts:
        key = (act.account_id, act.at.astimezone(NEW_YORK).date().isoformat())
        days[key][act.kind] += 1
        first[key] = min(first.get(key, act.at), act.at)
    for (account_id, day), counts in days.items():
        fills = counts[ActKind.FILL]
        asked = counts.total() - fills
        if asked > RATIO_MOST * (fills + 1):
            yield Sighting(
                pattern=catalogue.ORDER_TRADE_RATIO,
                about=f"{account_id}:{day}",
                at=first[account_id, day],
                gravity="notice",
                words=f"{asked} orders, replacements and cancels for {fills} fills on {day}. "
                "Brokers may complain of more than 20 to one.",
                numbers={"asked": str(asked), "fills": str(fills), "limit": str(RATIO_MOST)},
                account_id=account_id,
            )


def rate_spike(sent: Sequence[Sent], now: datetime) -> Iterator[Sighting]:
    """P5: more than five times one's own busiest minutes (the 99th percentile of thirty days), and ten at least."""
    minutes: dict[tuple[str, str], Counter[datetime]] = defaultdict(Counter)
    for order in sent:
        if now - order.at <= SPIKE_HISTORY:
            minutes[order.account_id, order.source][order.at.replace(second=0, microsecond=0)] += 1
    today = now.astimezone(NEW_YORK).date()
    for (account_id, source), counts in minutes.items():
        past = sorted(count for at, count in counts.items() if at.astimezone(NEW_YORK).date() < today)
        if len(past) < SPIKE_MINUTES:
            continue
        usual = past[min(len(past) - 1, int(len(past) * 0.99))]
        worst_at, worst = max(
            ((at, count) for at, count in counts.items() if at.astimezone(NEW_YORK).date() == today),
            key=lambda one: one[1],
            default=(now, 0),
        )
        if worst >= SPIKE_LEAST and worst > SPIKE_TIMES * usual:
            held = source == "api"
            yield Sighting(
                pattern=catalogue.RATE_SPIKE,
                about=f"{account_id}:{source}:{today}",
                at=worst_at,
                gravity="warning",
                words=f"{worst} orders within a minute; your busiest minutes have {usual}."
                + (" Programs may only reduce positions until you arm them again." if held else ""),
                numbers={"orders": str(worst), "usual": str(usual)},
                account_id=account_id,
                source=source,
                remedy=Remedy.REDUCE_SOURCE if held else Remedy.NONE,
            )


def off_hours(sent: Sequence[Sent], now: datetime) -> Iterator[Sighting]:
    """P8: an order today at an hour (give or take one) at which a person with a history never sent one."""
    today = now.astimezone(NEW_YORK).date()
    past = [order.at.astimezone(NEW_YORK) for order in sent if order.at.astimezone(NEW_YORK).date() < today]
    if len(past) < HOURS_ORDERS or len({at.date() for at in past}) < HOURS_DAYS:
        return
    known = {at.hour for at in past}
    known |= {(hour + step) % 24 for hour in known for step in (-1, 1)}
    for order in sent:
        at = order.at.astimezone(NEW_YORK)
        if at.date() == today and at.hour not in known:
            yield Sighting(
                pattern=catalogue.OFF_HOURS,
                about=f"{today}",
                at=order.at,
                gravity="warning",
                words=f"An order was sent at {at:%H:%M} ET; in {len(past)} orders before you never traded near that "
                "hour. If it was not you, halt trading and change your password.",
                numbers={"hour": str(at.hour), "orders_before": str(len(past))},
                account_id=order.account_id,
            )
            return


def odd_sizes(sent: Sequence[Sent], now: datetime) -> Iterator[Sighting]:
    """P9 and P22, for what was sent today all the same: confirmed, or sent before there was a history."""
    today = now.astimezone(NEW_YORK).date()
    notionals: dict[str, list[Decimal]] = defaultdict(list)
    last: dict[tuple[str, str], tuple[Last, datetime]] = {}
    for order in sorted(sent, key=lambda one: one.at):
        here = (order.account_id, order.symbol)
        if order.at.astimezone(NEW_YORK).date() == today:
            jump = size_jump(order.notional, notionals[order.account_id][-MEMORY:])
            known, at = last.get(here, (None, order.at))
            slip = fat_finger(order.quantity, order.price, known if order.at - at <= LAST_COUNTS else None)
            for pattern, suspicion in ((catalogue.SIZE_JUMP, jump), (catalogue.FAT_FINGER, slip)):
                if suspicion is not None:
                    words = suspicion.words.removesuffix(" Is that what you mean?").removesuffix(" Is it right?")
                    yield Sighting(
                        pattern, order.order_id, order.at, "notice", words, suspicion.numbers, order.account_id
                    )
        if order.notional is not None and not order.refused:
            notionals[order.account_id].append(order.notional)
        if not order.refused:
            last[here] = (Last(order.quantity, order.price), order.at)
