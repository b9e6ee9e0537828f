"""One order of the matrix: where it is sent, where and how whoever handles it fails, and the price that names it."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from doomed.failpoints import Point


@dataclass(frozen=True)
class Cell:
    account: Any
    point: Point
    fault: str
    number: int

    @property
    def price(self) -> Decimal:
        """Far below the market, and the cell's own."""
        return Decimal(100 + self.number) / 100

    @property
    def name(self) -> str:
        return f"{self.account.connection.broker} {self.point.number} {self.fault}"


def key(cell: Cell) -> tuple[Any, str]:
    return cell.account.pk, f"cell-{cell.number}"
