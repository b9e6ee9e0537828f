"""Where something does not add up: repeated requests, tokens, positions, orders in doubt, prices that stand still.

Pure; each rule has its window and its threshold.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from trading.patterns import catalogue
from trading.patterns.facts import Drift, InDoubt, Remedy, Renewal, Sighting, StillQuote, TurnedAway

REPLAYS_WITHIN, REPLAYS_MOST = timedelta(minutes=10), 3
RENEWALS_WITHIN, RENEWALS_TIMES, RENEWALS_LEAST = timedelta(hours=1), 2, 6
REFUSALS_WITHIN, REFUSALS_MOST = timedelta(hours=24), 2
DRIFT_FOR = timedelta(minutes=2)
DOUBT_FOR = timedelta(minutes=10)
SILENT_FOR = timedelta(seconds=30)


def replays(turned_away: Iterable[TurnedAway]) -> Iterator[Sighting]:
    """P12: one program turned away more than three times within ten minutes, by id or by age."""
    groups: dict[str, list[TurnedAway]] = defaultdict(list)
    for one in sorted(turned_away, key=lambda one: one.at):
        groups[one.by].append(one)
    for by, group in groups.items():
        run = _run(group, REPLAYS_MOST + 1, REPLAYS_WITHIN)
        if run:
            yield Sighting(
                pattern=catalogue.REPLAYS,
                about=by,
                at=run[-1].at,
                gravity="warning",
                words=f"Requests about orders were turned away {len(run)} times within ten minutes because they were "
                "repeated, too old or did not fit their preview. Look at the program that sends them.",
                numbers={"times": str(len(run)), "codes": ", ".join(sorted({one.code for one in run}))},
            )


def _run(group: Sequence[TurnedAway], count: int, within: timedelta) -> list[TurnedAway]:
    found: list[TurnedAway] = []
    begin = 0
    for end, one in enumerate(group):
        while one.at - group[begin].at > within:
            begin += 1
        if end - begin + 1 >= count:
            found = list(group[begin : end + 1])
    return found


def tokens(renewals: Iterable[Renewal], now: datetime) -> Iterator[Sighting]:
    """P14: renewed more than twice as often as tokens of that life need, or refused again within a day."""
    groups: dict[str, list[Renewal]] = defaultdict(list)
    for one in renewals:
        groups[one.connection_id].append(one)
    for connection_id, group in groups.items():
        done = [one for one in group if not one.refused and now - one.at <= RENEWALS_WITHIN]
        lives = [one.life for one in done if one.life > 0]
        if lives:
            expected = RENEWALS_WITHIN.total_seconds() / max(lives) + 1
            if len(done) >= RENEWALS_LEAST and len(done) > RENEWALS_TIMES * expected:
                yield Sighting(
                    pattern=catalogue.TOKENS,
                    about=f"{connection_id}:often",
                    at=max(one.at for one in done),
                    gravity="warning",
                    words=f"The connection's token was renewed {len(done)} times within an hour; "
                    f"{expected:.0f} would do. Somebody else may be using the same sign-in.",
                    numbers={"renewals": str(len(done)), "expected": f"{expected:.0f}"},
                )
        refused = [one for one in group if one.refused and now - one.at <= REFUSALS_WITHIN]
        if len(refused) >= REFUSALS_MOST:
            yield Sighting(
                pattern=catalogue.TOKENS,
                about=f"{connection_id}:refused",
                at=max(one.at for one in refused),
                gravity="warning",
                words=f"The broker refused to renew the connection's token {len(refused)} times within a day. "
                "Connect it again; if you did not end it yourself, look at the broker's own site who is signed in.",
                numbers={"refusals": str(len(refused))},
            )


def drift(drifts: Iterable[Drift], now: datetime) -> Iterator[Sighting]:
    """P15: the broker's position has not been the desk's for two minutes, or changed overnight."""
    for one in drifts:
        if one.overnight:
            yield _overnight(one)
        elif now - one.since >= DRIFT_FOR:
            yield Sighting(
                pattern=catalogue.DRIFT,
                about=f"{one.account_id}:{one.symbol}",
                at=one.since + DRIFT_FOR,
                gravity="urgent",
                words=f"The broker shows {one.theirs.normalize():f} {one.symbol}, the desk's fills explain "
                f"{one.ours.normalize():f}. Until you have looked, this account may only reduce positions.",
                numbers={"broker": f"{one.theirs:f}", "desk": f"{one.ours:f}"},
                account_id=one.account_id,
                remedy=Remedy.REDUCE_ACCOUNT,
            )


def _overnight(one: Drift) -> Sighting:
    """Told and nothing more: most of it is expiry and assignment, and none of it is a program that runs away."""
    return Sighting(
        pattern=catalogue.DRIFT,
        about=f"{one.account_id}:{one.symbol}:overnight",
        at=one.since,
        gravity="warning",
        words=f"Overnight the broker's position in {one.symbol} became {one.theirs.normalize():f}; by the desk's fills "
        f"it was {one.ours.normalize():f}. Look whether an assignment, an expiry, a split or an order elsewhere "
        "explains it.",
        numbers={"broker": f"{one.theirs:f}", "desk": f"{one.ours:f}"},
        account_id=one.account_id,
    )


def unknown_orders(orders: Iterable[InDoubt], now: datetime) -> Iterator[Sighting]:
    """P16: an order in doubt for more than ten minutes, or one that appeared after it was held for not placed."""
    for order in orders:
        if order.late_at is not None:
            yield Sighting(
                pattern=catalogue.UNKNOWN_ORDERS,
                about=f"{order.order_id}:late",
                at=order.late_at,
                gravity="urgent",
                words="An order that was held for not placed is at the broker after all. Look at it now: "
                "you may have sent another in its place.",
                account_id=order.account_id,
            )
        elif not order.resolved and now - order.since > DOUBT_FOR:
            minutes = int((now - order.since).total_seconds() // 60)
            yield Sighting(
                pattern=catalogue.UNKNOWN_ORDERS,
                about=order.order_id,
                at=order.since + DOUBT_FOR,
                gravity="urgent",
                words=f"For {minutes} minutes it has not been known whether the broker has an order of yours. "
                "Look at the broker's own site before you send another.",
                numbers={"minutes": str(minutes)},
                account_id=order.account_id,
            )


def silent_streams(quotes: Iterable[StillQuote], now: datetime) -> Iterator[Sighting]:
    """P18: the stream has said nothing for half a minute while the broker's own answer moved away from it."""
    for one in quotes:
        quiet = now - one.streamed_at
        if quiet >= SILENT_FOR and now - one.moved_since >= SILENT_FOR and one.probed != one.streamed:
            yield Sighting(
                pattern=catalogue.SILENT_STREAM,
                about=one.connection_id,
                at=one.moved_since + SILENT_FOR,
                gravity="warning",
                words=f"Live prices of {one.symbol} have stood still for {quiet.total_seconds():.0f} seconds at "
                f"{one.streamed:f} while the broker answers {one.probed:f}. Do not rely on them until they move again.",
                numbers={"streamed": f"{one.streamed:f}", "probed": f"{one.probed:f}"},
            )
