"""How an account stands with its broker: what it may still do, beside what its money allows."""

from enum import StrEnum


class Standing(StrEnum):
    ACTIVE = "active"
    CLOSING_ONLY = "closing_only"
    MARGIN_CALL = "margin_call"
    NINETY_DAYS = "ninety_days"
    LIQUIDATING = "liquidating"
    RESTRICTED = "restricted"
    INACTIVE = "inactive"
    CLOSED = "closed"

    @property
    def is_dead(self) -> bool:
        """Whether it takes no orders at all."""
        return self in (Standing.RESTRICTED, Standing.INACTIVE, Standing.CLOSED)

    @property
    def only_closes(self) -> bool:
        """Whether orders may only make positions smaller."""
        return self is not Standing.ACTIVE and not self.is_dead
