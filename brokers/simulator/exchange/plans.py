"""When and how much orders fill: the knob that tests and demos turn."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal, get_args

Mode = Literal["immediate", "delayed", "never", "partial"]
MODES: tuple[str, ...] = get_args(Mode)


@dataclass(frozen=True, slots=True)
class FillRule:
    """``delayed``: not before ``delay`` seconds live. ``partial``: at most ``fraction`` of the order in a slice and
    ``interval`` seconds between slices. ``never``: rests. Price and displayed size hold in every mode.
    """

    mode: Mode = "immediate"
    delay: float = 0.0
    fraction: Decimal = Decimal("0.5")
    interval: float = 1.0

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise ValueError(f"There is no fill mode {self.mode!r}: take one of {', '.join(MODES)}.")
        if not 0 < self.fraction <= 1:
            raise ValueError("The fraction must be above 0 and at most 1.")
        if self.delay < 0 or self.interval < 0:
            raise ValueError("Delay and interval cannot be below 0.")


@dataclass
class FillPlan:
    """Rules by account number and symbol (an instrument's text or its underlying's); the closest one holds."""

    rules: dict[tuple[str | None, str | None], FillRule] = field(default_factory=dict)

    def set(self, rule: FillRule, account: str | None = None, symbol: str | None = None) -> None:
        self.rules[account, symbol] = rule

    def clear(self) -> None:
        self.rules.clear()

    def rule(self, account: str, *symbols: str) -> FillRule:
        """The rule in force: account and symbol, else account, else symbol, else for all, else immediate."""
        keys: list[tuple[str | None, str | None]] = [(account, symbol) for symbol in symbols]
        keys += [(account, None), *((None, symbol) for symbol in symbols), (None, None)]
        return next((self.rules[key] for key in keys if key in self.rules), FillRule())
