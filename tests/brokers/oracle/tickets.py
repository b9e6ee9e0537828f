"""Random orders that a broker takes, by what it says of itself; and how a line of text names one."""

import random
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from decimal import Decimal

from brokers.domain.instruments import (
    Equity,
    Future,
    FutureOption,
    Instrument,
    Option,
    Right,
    parse_instrument,
)
from brokers.domain.orders import Action, Leg, OrderTicket, OrderType, TimeInForce, Trail
from brokers.port import Capabilities

FIRST_DAY = date(2026, 12, 1)
OPENING_OR_CLOSING = (Action.BUY_TO_OPEN, Action.SELL_TO_OPEN, Action.BUY_TO_CLOSE, Action.SELL_TO_CLOSE)
ANY_TYPE = {TimeInForce.DAY, TimeInForce.GTC, TimeInForce.GTD}
NO_MARKET = {TimeInForce.GTC, TimeInForce.GTD, TimeInForce.IOC, TimeInForce.FOK}
SHARES = ("AAPL", "BRK.B", "F", "SPY", "T")
ROOTS = ("MSFT", "SPXW", "F", "AAPL1", "X")
PRODUCTS = ("ES", "ZN", "6E", "CL", "ZC", "MES")


class Tickets:
    """A broker's orders out of a seed: all classes, types, durations, numbers of legs and ratios that it takes."""

    def __init__(self, seed: int, can: Capabilities) -> None:
        self.dice = random.Random(seed)  # noqa: S311 (which orders, not a secret)
        self.can = can
        makers: Mapping[type, Callable[[], Leg]] = {
            Equity: self._share,
            Option: lambda: self._option(self.dice.choice(ROOTS)),
            Future: self._future,
            FutureOption: self._future_option,
        }
        self._makers = [makers[each] for each in sorted(can.classes, key=lambda each: each.__name__)]

    def draw(self) -> OrderTicket:
        legs = self._spread() if self.dice.random() < 0.4 and self.can.max_legs > 1 else (self._pick(self._makers)(),)
        kind = self._pick(sorted(self.can.spread_types if len(legs) > 1 else self.can.order_types))
        force = self._pick(sorted(self._forces(legs, kind)))
        price = Decimal(self.dice.randrange(1, 10_000_000)) / self._pick([1, 10, 100, 10_000])
        signed = self._pick([price, -price, Decimal(0)]) if len(legs) > 1 else -price * legs[0].action.sign
        return OrderTicket(
            legs,
            kind,
            force,
            limit_price=signed if kind.has_limit else None,
            stop_price=Decimal(self.dice.randrange(1, 10_000_000)) / 100 if kind.has_stop else None,
            gtd_date=FIRST_DAY + timedelta(days=self.dice.randrange(90)) if force.has_date else None,
            trail=self._trail() if kind.has_trail else None,
        )

    def _trail(self) -> Trail:
        return Trail(Decimal(self.dice.randrange(1, 9_999)) / 100, self.dice.random() < 0.5)

    def _pick(self, among):  # type: ignore[no-untyped-def]
        return self.dice.choice(among)

    def _forces(self, legs: tuple[Leg, ...], kind: OrderType) -> set[TimeInForce]:
        """Longer than the session only for one share at a limit; at once, and for days, not at the market."""
        one_share = len(legs) == 1 and isinstance(legs[0].instrument, Equity)
        if kind.takes_market:
            wanted = {TimeInForce.DAY}
        elif kind is OrderType.LIMIT:
            wanted = set(TimeInForce) if one_share else ANY_TYPE | NO_MARKET
        else:
            wanted = set(ANY_TYPE)
        return wanted & self.can.times_in_force

    def _spread(self) -> tuple[Leg, ...]:
        """Options of one root, at times with the share itself, in whatever ratio."""
        root, several = self._pick(ROOTS), self.dice.randrange(2, self.can.max_legs + 1)
        legs: dict[Instrument, Leg] = {}
        while len(legs) < several:
            with_shares = not legs and root in SHARES and self.dice.random() < 0.2
            leg = self._share(root, whole=True) if with_shares else self._option(root)
            legs[leg.instrument] = leg
        return tuple(self.dice.sample(list(legs.values()), several))

    def _share(self, symbol: str = "", *, whole: bool = False) -> Leg:
        parts = self._pick([1, 1, 8, 1000]) if self.can.fractional and not whole else 1
        return Leg(Equity(symbol or self._pick(SHARES)), self._pick(OPENING_OR_CLOSING), self._quantity() / parts)

    def _option(self, root: str) -> Leg:
        strike = Decimal(self.dice.randrange(1, 20_000)) / self._pick([1, 2, 10, 1000])
        option = Option(root, self._day(), self._pick(list(Right)), strike)
        return Leg(option, self._pick(OPENING_OR_CLOSING), self._quantity())

    def _future(self) -> Leg:
        return Leg(self._contract(), self._pick([Action.BUY, Action.SELL]), self._quantity())

    def _future_option(self) -> Leg:
        future, day = self._contract(), self._day()
        code = f"{self._pick(['EW3', 'EW', future.product])}{self._pick('FGHJKMNQUVXZ')}{day:%y}"
        strike = Decimal(self.dice.randrange(1, 80_000)) / self._pick([1, 4, 100])
        option = FutureOption(future, code, day, self._pick(list(Right)), strike)
        return Leg(option, self._pick(OPENING_OR_CLOSING), self._quantity())

    def _contract(self) -> Future:
        return Future(self._pick(PRODUCTS), self.dice.randrange(2026, 2030), self.dice.randrange(1, 13))

    def _day(self) -> date:
        return FIRST_DAY + timedelta(days=self.dice.randrange(400))

    def _quantity(self) -> Decimal:
        return Decimal(self._pick([self.dice.randrange(1, 10), self.dice.randrange(1, 100_000)]))


def parse_ticket(text: str) -> OrderTicket:
    """``limit day -1.16: buy_to_open 5 SPY   261218C00600000; sell_to_open …``; after a limit a stop (``@182``) or
    a last day (``2026-12-31``)."""
    terms, _, legs = text.partition(":")
    kind, force, *rest = terms.split()
    stop = next((each[1:] for each in rest if each.startswith("@")), None)
    day = next((each for each in rest if len(each) == 10 and each[4] == "-"), None)
    limit = next((each for each in rest if not each.startswith("@") and each != day), None)
    return OrderTicket(
        tuple(_leg(each.strip()) for each in legs.split(";")),
        OrderType(kind),
        TimeInForce(force),
        limit_price=Decimal(limit) if limit else None,
        stop_price=Decimal(stop) if stop else None,
        gtd_date=date.fromisoformat(day) if day else None,
    )


def _leg(text: str) -> Leg:
    action, quantity, symbol = text.split(" ", 2)
    return Leg(parse_instrument(symbol), Action(action), Decimal(quantity))
