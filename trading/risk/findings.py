"""What a control has to say: where, under which code, in which words, with which numbers."""

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from brokers.domain.instruments import plain


@dataclass(frozen=True, slots=True)
class Finding:
    """Why an order is not sent. ``field`` is the form's or the API's field at fault ("": the whole order).

    ``code`` is stable and one of ``codes.CODES``. A ``hard`` one is final; a soft one may be confirmed by its code.
    ``numbers`` are decimals as text: what the order has, and what it was held against.
    """

    field: str
    code: str
    words: str
    hard: bool = True
    numbers: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @property
    def line(self) -> str:
        """«ORDER_QTY: limit=1000 order=2500», for logs and programs."""
        numbers = " ".join(f"{name}={value}" for name, value in self.numbers.items())
        return f"{self.code}: {numbers}" if numbers else self.code


def unmet(findings: Iterable[Finding], confirmed: Iterable[str] = ()) -> list[Finding]:
    """Those that keep an order from being sent: the hard ones, and the soft ones nobody confirmed."""
    codes = frozenset(confirmed)
    return [finding for finding in findings if finding.hard or finding.code not in codes]


def texts(**numbers: Decimal | int | None) -> dict[str, str]:
    """Numbers as a finding carries them; unknown ones are left out."""
    return {name: plain(Decimal(value)) for name, value in numbers.items() if value is not None}


def dollars(amount: Decimal) -> str:
    """«$1,234.50», «−$0.10»; for words."""
    return f"{'−' if amount < 0 else ''}${abs(amount):,.2f}"


def percent(share: Decimal) -> str:
    """«4.2 %» of a fraction."""
    return f"{plain((share * 100).quantize(Decimal('0.1')))} %"
