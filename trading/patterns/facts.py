"""What the rules are told and what they say. Pure values; times are aware, a notional is unsigned dollars."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Sent:
    """An order that somebody asked for here. None is unknown; ``refused``: by the desk or by the broker."""

    order_id: str
    account_id: str
    at: datetime
    source: str
    symbol: str
    side: str
    quantity: Decimal
    price: Decimal | None = None
    notional: Decimal | None = None
    refused: bool = False


class ActKind(StrEnum):
    SUBMIT = "submit"
    REPLACE = "replace"
    CANCEL = "cancel"
    FILL = "fill"


@dataclass(frozen=True, slots=True)
class Act:
    """Something done with an account's orders, or a fill of one."""

    account_id: str
    at: datetime
    kind: ActKind


@dataclass(frozen=True, slots=True)
class TurnedAway:
    """A request about an order that was repeated or refused by its id or its age. ``by`` tells programs apart."""

    at: datetime
    by: str
    code: str


@dataclass(frozen=True, slots=True)
class Renewal:
    """A connection's token was renewed for ``life`` seconds, or that was refused (0)."""

    connection_id: str
    at: datetime
    life: int
    refused: bool = False


@dataclass(frozen=True, slots=True)
class InDoubt:
    """An order whose outcome was or is not known. ``late``: held for not there, and then it appeared."""

    order_id: str
    account_id: str
    since: datetime
    resolved: bool = False
    late_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Drift:
    """A position that is another at the broker than the desk's fills explain, for as long as it has been seen.

    ``overnight``: it changed between two days, as positions do by expiry, assignment or a split.
    """

    account_id: str
    symbol: str
    ours: Decimal
    theirs: Decimal
    since: datetime
    overnight: bool = False


@dataclass(frozen=True, slots=True)
class StillQuote:
    """A streamed quote and what the broker answers when it is asked: the probe does not come by the stream."""

    connection_id: str
    symbol: str
    streamed_at: datetime
    streamed: Decimal
    probed: Decimal
    moved_since: datetime
    """Since when the probe has been seen to differ from the stream."""


class Remedy(StrEnum):
    """What the desk does by itself."""

    NONE = ""
    HALT_SOURCE = "halt_source"
    REDUCE_SOURCE = "reduce_source"
    REDUCE_ACCOUNT = "reduce_account"


@dataclass(frozen=True, slots=True)
class Sighting:
    """A pattern that was seen. ``about`` names the matter, so that the same is told once; numbers are text."""

    pattern: str
    about: str
    at: datetime
    gravity: str
    words: str
    numbers: Mapping[str, str] = field(default_factory=dict)
    account_id: str | None = None
    source: str = ""
    remedy: Remedy = Remedy.NONE
