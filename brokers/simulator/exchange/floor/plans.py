"""When and how much orders fill: the knob that tests and demos turn."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal, get_args

Mode = Literal["immediate", "delayed", "never", "partial", "legs", "schedule"]
MODES: tuple[str, ...] = get_args(Mode)


@dataclass(frozen=True, slots=True)
class FillRule:
    """``delayed``: not before ``delay`` seconds live. ``partial``: at most ``fraction`` of the order in a slice and
    ``interval`` seconds between slices. ``never``: rests. ``legs``: the first leg's fills are told of ``interval``
    seconds before the others'. ``schedule``: (seconds live, fraction) pairs; from each on that much more of the order
    may trade. Price and displayed size hold in every mode; the auctions and all-or-none orders know no slices.
    """

    mode: Mode = "immediate"
    delay: float = 0.0
    fraction: Decimal = Decimal("0.5")
    interval: float = 1.0
    schedule: tuple[tuple[float, Decimal], ...] = ()

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise ValueError(f"There is no fill mode {self.mode!r}: take one of {', '.join(MODES)}.")
        if not 0 < self.fraction <= 1:
            raise ValueError("The fraction must be above 0 and at most 1.")
        if self.delay < 0 or self.interval < 0:
            raise ValueError("Delay and interval cannot be below 0.")
        if (self.mode == "schedule") != bool(self.schedule):
            raise ValueError("A schedule goes with its mode: pairs of seconds and a fraction.")
        if any(seconds < 0 or not 0 < fraction <= 1 for seconds, fraction in self.schedule):
            raise ValueError("In a schedule the seconds cannot be below 0; a fraction is above 0 and at most 1.")


IMMEDIATE = FillRule()


@dataclass
class FillPlan:
    """Rules by account number and symbol (an instrument's text or its underlying's); the closest one holds."""

    rules: dict[tuple[str | None, str | None], FillRule] = field(default_factory=dict)
    version: int = 0  # grows with each change

    def set(self, rule: FillRule, account: str | None = None, symbol: str | None = None) -> None:
        self.rules[account, symbol] = rule
        self.version += 1

    def clear(self) -> None:
        self.rules.clear()
        self.version += 1

    def rule(self, account: str, *symbols: str) -> FillRule:
        """The rule in force: account and symbol, else account, else symbol, else for all, else immediate."""
        if not self.rules:
            return IMMEDIATE
        keys: list[tuple[str | None, str | None]] = [(account, symbol) for symbol in symbols]
        keys += [(account, None), *((None, symbol) for symbol in symbols), (None, None)]
        return next((self.rules[key] for key in keys if key in self.rules), IMMEDIATE)
