"""What ties up an account's margin, underlying by underlying and part by part. Dollars, positive."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from brokers.domain.instruments import Instrument
from brokers.simulator.exchange.books.accounts import SimAccount, SimBalance
from brokers.simulator.exchange.books.lots import cents
from brokers.simulator.exchange.margin.rules import ZERO, Exposure, Requirement, collateral
from brokers.simulator.exchange.margin.valuation import weighed
from brokers.simulator.market.market import Market


@dataclass(frozen=True, slots=True)
class MarginPart:
    """Legs (instrument, signed quantity) that are measured together. ``kind``: outright, future, covered, spread,
    straddle, naked; long options that cover nothing are in no part, for they tie up nothing."""

    kind: str
    legs: tuple[tuple[Instrument, Decimal], ...]
    requirement: Decimal


@dataclass(frozen=True, slots=True)
class MarginGroup:
    """One underlying: ``spot`` its price; ``buying_power_effect`` is what closing all of it would bring or take,
    beside the proceeds: the requirement less what its shares and futures' gains count as collateral."""

    underlying: str
    spot: Decimal
    initial: Decimal
    maintenance: Decimal
    buying_power_effect: Decimal
    parts: tuple[MarginPart, ...]


@dataclass(frozen=True, slots=True)
class MarginReport:
    account_number: str
    margin: bool
    balance: SimBalance
    initial: Decimal
    maintenance: Decimal
    groups: tuple[MarginGroup, ...]
    at: datetime


def margin_report(account: SimAccount, market: Market, balance: SimBalance, now: datetime) -> MarginReport:
    """The tree behind the balance's requirements."""
    found = weighed(account, market)
    groups = [_group(name, *found.groups[name]) for name in sorted(found.groups)]
    return MarginReport(
        account_number=account.number,
        margin=account.margin,
        balance=balance,
        initial=balance.initial_requirement,
        maintenance=balance.maintenance_requirement,
        groups=tuple(groups),
        at=now,
    )


def _group(name: str, held: list[Exposure], needed: Requirement) -> MarginGroup:
    return MarginGroup(
        underlying=name,
        spot=held[0].spot,
        initial=cents(needed.initial),
        maintenance=cents(needed.maintenance),
        buying_power_effect=cents(needed.initial - collateral(ZERO, held)),
        parts=tuple(MarginPart(one.kind, one.legs, cents(one.requirement)) for one in needed.pieces),
    )
