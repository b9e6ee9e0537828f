"""Which quote stream carries which symbols: at most a hundred each, and as few streams reopened as can be. Pure."""

from collections.abc import Iterable, Sequence

MOST_SYMBOLS = 100


def allot(carried: Sequence[frozenset[str]], wanted: Iterable[str], most: int = MOST_SYMBOLS) -> list[frozenset[str]]:
    """What each stream should carry, by its place: empty for one to be closed, more places for new ones.

    A stream cannot change what it carries, it is opened anew. So one keeps what is not wanted any more until it is
    reopened anyway or the unwanted outnumber the wanted; and what is new goes where it disturbs least.
    """
    target = frozenset(wanted)
    found = [lane if 2 * len(lane & target) >= len(lane) else lane & target for lane in carried]
    missing = sorted(target.difference(*carried))
    while missing:
        place = _emptiest(found, target, most)
        kept = found[place] & target
        room = most - len(kept)
        found[place] = kept | frozenset(missing[:room])
        missing = missing[room:]
    return found


def _emptiest(lanes: list[frozenset[str]], wanted: frozenset[str], most: int) -> int:
    """The place with the least to disturb, a new one when all are full."""
    sizes = {place: len(lane & wanted) for place, lane in enumerate(lanes)}
    roomy = [place for place, size in sizes.items() if size < most]
    if not roomy:
        lanes.append(frozenset())
        return len(lanes) - 1
    return min(roomy, key=lambda place: sizes[place])
