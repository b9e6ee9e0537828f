"""Random orders in no broker's words: what a desk might ask for, near the market, through it or far from it."""

from dataclasses import dataclass, field
from datetime import timedelta
from decimal import ROUND_CEILING, Decimal
from random import Random
from typing import Any

from brokers.domain.instruments import Equity, Future, Index, Instrument, Option
from brokers.simulator.market import Market

SHARES = tuple(Equity(symbol) for symbol in ("AAPL", "F", "KO", "SPY"))
OPTIONED = (SHARES[0], Index("SPX"), SHARES[3])
FUTURES = ("MES", "CL")
DISTANCES = (-30, -3, -1, 0, 0, 1, 1, 2, 5, 400)  # ticks from the other side's touch, away from it


@dataclass(frozen=True)
class Part:
    """A leg: ``opens`` None for futures, which are only bought and sold."""

    instrument: Instrument
    buys: bool
    opens: bool | None
    quantity: Decimal

    @property
    def sign(self) -> int:
        return 1 if self.buys else -1


@dataclass(frozen=True)
class Wish:
    """``price``: net of a unit, a credit positive. ``stop``: a level. ``kind``: market, limit, stop, stop_limit."""

    parts: tuple[Part, ...]
    kind: str
    price: Decimal | None = None
    stop: Decimal | None = None
    life: str = "day"
    extras: dict[str, Any] = field(default_factory=dict)

    @property
    def first(self) -> Part:
        return self.parts[0]


class Wisher:
    """Makes wishes of one account from the market's books; options are on ``optioned``."""

    def __init__(self, market: Market, random: Random, kind: str, optioned: Instrument) -> None:
        self.market, self.random, self.kind, self.optioned = market, random, kind, optioned

    def wish(self, held: dict[Instrument, Decimal], kinds: tuple[str, ...], lives: tuple[str, ...]) -> Wish:
        """``held``: signed quantities by instrument."""
        pick = self.random.random()
        closable = [one for one, quantity in held.items() if quantity and self.market.listing(one)]
        if closable and pick < 0.35:
            parts: tuple[Part, ...] = (self.closing(held),)
        elif self.kind == "futures":
            parts = (self.future(),)
        elif pick < 0.65:
            parts = (self.share(held),)
        elif pick < 0.78:
            parts = (self.option(self.random.random() < 0.7, held),)
        elif pick < 0.93:
            parts = self.spread()
        else:
            parts = (self.future(),) if self.kind == "margin" else (self.share(held),)
        return self.priced(parts, self.random.choice(kinds), self.random.choice(lives))

    def priced(self, parts: tuple[Part, ...], kind: str, life: str, distance: int | None = None) -> Wish:
        if len(parts) > 1 and kind != "market":
            kind = "limit"
        if life in ("open", "close") and kind not in ("market", "limit"):
            kind = "limit"
        away = self.random.choice(DISTANCES) if distance is None else distance
        price = self.net(parts, away) if kind in ("limit", "stop_limit") else None
        stop = self.level(parts[0], self.random.choice((2, 5, 20))) if kind in ("stop", "stop_limit") else None
        if kind == "stop_limit" and stop is not None:
            price = self.beyond(parts[0], stop)
        return Wish(parts, kind, price, stop, life)

    # Parts

    def share(self, held: dict[Instrument, Decimal]) -> Part:
        share = self.random.choice(SHARES)
        size = Decimal(self.random.choice((1, 10, 100, 100, 300, 2_000)))
        buys = self.kind != "margin" or self.random.random() < 0.75
        if held.get(share, Decimal(0)) * (1 if buys else -1) < 0:
            buys = not buys
        return Part(share, buys, True, size)

    def future(self) -> Part:
        months = [one.future for one in self.market.contracts(self.random.choice(FUTURES))]
        return Part(self.random.choice(months[:2]), self.random.random() < 0.5, None, self.count())

    def option(self, buys: bool, held: dict[Instrument, Decimal]) -> Part:
        option = self.random.choice(self.options())
        if held.get(option, Decimal(0)) * (1 if buys else -1) < 0:
            buys = not buys
        return Part(option, buys, True, self.count())

    def spread(self) -> tuple[Part, ...]:
        legs = self.random.choice((2, 2, 2, 3, 4))
        chosen = self.random.sample(self.options(), legs)
        size = self.count()
        sizes = [size * 2 if legs == 3 and at == 1 else size for at in range(legs)]
        return tuple(Part(one, at % 2 == 0, True, n) for at, (one, n) in enumerate(zip(chosen, sizes, strict=True)))

    def closing(self, held: dict[Instrument, Decimal]) -> Part:
        closable = [one for one, quantity in held.items() if quantity and self.market.listing(one)]
        one = self.random.choice(closable)
        size = abs(held[one])
        if size > 1 and self.random.random() < 0.5:
            size = (size / 2).to_integral_value(ROUND_CEILING)
        if self.random.random() < 0.1:
            size += 1
        return Part(one, held[one] < 0, None if isinstance(one, Future) else False, size)

    def options(self) -> list[Option]:
        """A few around the money that end soon."""
        under = self.optioned
        chain, today = self.market.chain(under), self.market.now.date()
        assert chain is not None
        soon = [one for one in chain.expirations if one.expiry <= today + timedelta(days=10)] or chain.expirations[:2]
        strikes = self.random.choice(soon[:4]).strikes
        spot = Decimal(str(self.market.spot(under, self.market.now)))
        near = sorted(strikes, key=lambda each: abs(each.price - spot))[:5]
        return [one for each in near for one in (each.call, each.put) if one is not None]

    def count(self) -> Decimal:
        return Decimal(self.random.choice((1, 1, 1, 2, 3, 7)))

    # Prices

    def tick(self, instrument: Instrument, price: Decimal) -> Decimal:
        listing = self.market.listing(instrument)
        return (listing.increments.at(price) if listing else None) or Decimal("0.01")

    def touch(self, part: Part) -> Decimal:
        book = self.market.book(part.instrument)
        found = (book.ask if part.buys else book.bid) if book else None
        return found or (book.last if book else None) or Decimal("0.05")

    def net(self, parts: tuple[Part, ...], away: int) -> Decimal:
        """A net price so many ticks away from where the order would trade at once; below 0 it goes through."""
        if len(parts) > 1:
            least = min(part.quantity for part in parts)
            sizes = [part.quantity / least for part in parts]
            net = sum((-p.sign * self.touch(p) * n for p, n in zip(parts, sizes, strict=True)), Decimal(0))
            return net + Decimal("0.01") * away
        part = parts[0]
        touch = self.touch(part)
        step = self.tick(part.instrument, touch)
        price = touch - part.sign * away * step
        price = self.on_grid(part.instrument, price if price > 0 else step)
        return -part.sign * price

    def level(self, part: Part, ticks: int) -> Decimal:
        """A stop beyond the last price."""
        book = self.market.book(part.instrument)
        last = (book.last if book else None) or self.touch(part)
        price = last + part.sign * ticks * self.tick(part.instrument, last)
        return self.on_grid(part.instrument, price if price > 0 else Decimal("0.05"))

    def beyond(self, part: Part, stop: Decimal) -> Decimal:
        """A limit a little past a stop."""
        price = self.on_grid(part.instrument, stop + part.sign * 3 * self.tick(part.instrument, stop))
        return -part.sign * max(price, Decimal("0.05"))

    def on_grid(self, instrument: Instrument, price: Decimal) -> Decimal:
        step = self.tick(instrument, price)
        return max((price / step).to_integral_value() * step, step)
