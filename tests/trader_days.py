"""Seeded traders: their normal days, and the odd things that can be planted in one. All of it facts, no database."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from trading.patterns import rules, trouble
from trading.patterns.facts import Act, ActKind, Drift, InDoubt, Renewal, Sent, Sighting, StillQuote, TurnedAway

NEW_YORK = ZoneInfo("America/New_York")
FIRST_DAY = date(2026, 8, 3)
SYMBOLS = {"AAPL": 190, "SPY": 580, "F": 11, "KO": 62, "TSLA": 250, "IWM": 210}
HISTORY = timedelta(days=90)


@dataclass
class Day:
    """A person's facts as the rules get them at a day's end; ``sent`` holds the ninety days before, too."""

    now: datetime
    sent: list[Sent]
    acts: list[Act] = field(default_factory=list)
    turned_away: list[TurnedAway] = field(default_factory=list)
    renewals: list[Renewal] = field(default_factory=list)
    in_doubt: list[InDoubt] = field(default_factory=list)
    drifts: list[Drift] = field(default_factory=list)
    quotes: list[StillQuote] = field(default_factory=list)

    @property
    def today(self) -> list[Sent]:
        day = self.now.astimezone(NEW_YORK).date()
        return [order for order in self.sent if order.at.astimezone(NEW_YORK).date() == day]


def look(day: Day) -> list[Sighting]:
    """All rules, as looking.py puts them to a person's facts."""
    return [
        *rules.runaway(day.today),
        *rules.order_trade_ratio(day.acts),
        *rules.rate_spike(day.sent, day.now),
        *rules.off_hours(day.sent, day.now),
        *rules.odd_sizes(day.sent, day.now),
        *trouble.replays(day.turned_away),
        *trouble.tokens(day.renewals, day.now),
        *trouble.drift(day.drifts, day.now),
        *trouble.unknown_orders(day.in_doubt, day.now),
        *trouble.silent_streams(day.quotes, day.now),
    ]


class Trader:
    """One person with habits: hours, sizes, symbols, how often they change their mind, by hand or by program."""

    def __init__(self, number: int) -> None:
        self.chance = random.Random(number)  # noqa: S311 (reproducible, decides nothing)
        self.account = f"account-{number}"
        self.source = self.chance.choice(["web", "web", "api"])
        self.symbols = self.chance.sample(sorted(SYMBOLS), 3)
        self.opens, self.closes = self.chance.choice([(9.5, 16), (9.5, 12), (13, 16), (8, 18), (9.5, 11)])
        self.a_day = self.chance.choice([1, 3, 6, 12, 25])
        self.size = self.chance.choice([5, 10, 50, 100, 300])
        self.mind_changes = self.chance.choice([0.1, 0.3, 0.6])
        self.sent: list[Sent] = []
        self.day = FIRST_DAY

    def at(self, hour: float) -> datetime:
        whole = datetime.combine(self.day, time(), NEW_YORK) + timedelta(hours=hour)
        return whole.replace(tzinfo=NEW_YORK)

    def live(self) -> Day:
        """The next trading day."""
        self.day += timedelta(days=1 if self.day.weekday() < 4 else 3)
        end = self.at(23.5)
        count = min(60, max(0, round(self.chance.gauss(self.a_day, self.a_day / 3))))
        times = sorted(self.at(self.chance.uniform(self.opens, self.closes)) for _ in range(count))
        self.sent = [order for order in self.sent if end - order.at <= HISTORY]
        before = len(self.sent)
        for at in times:
            self.sent += self._intend(at)
        day = Day(end, self.sent, acts=self._acts(self.sent[before:]))
        if self.chance.random() < 0.03:  # looked at a preview for too long, or a program tried again
            codes = ["preview_invalid", "replayed"]
            day.turned_away = [
                TurnedAway(self.at(11 + self.chance.random()), "key:1", self.chance.choice(codes))
                for _ in range(self.chance.choice([1, 1, 2, 3]))
            ]
        day.renewals = [Renewal("one", self.at(20) + timedelta(minutes=18 * step), 1200) for step in range(12)]
        if self.chance.random() < 0.01:  # brokers have refused a healthy token for a moment
            day.renewals.append(Renewal("one", self.at(15), 0, refused=True))
        if self.chance.random() < 0.02:  # a lost answer, found a minute or some later
            day.in_doubt = [InDoubt("o", self.account, end - timedelta(minutes=self.chance.uniform(0, 9)))]
        if self.chance.random() < 0.05:  # a fill that is at the broker and not here yet
            short = end - timedelta(seconds=self.chance.uniform(1, 90))
            day.drifts = [Drift(self.account, "AAPL", Decimal(1), Decimal(2), short)]
        if self.chance.random() < 0.05:  # a quiet instrument
            day.quotes = [StillQuote("c", "KO", end - timedelta(minutes=5), Decimal(62), Decimal(62), end)]
        return day

    def _intend(self, at: datetime) -> list[Sent]:
        """An order, now and then in a few pieces, now and then refused and put right once or twice."""
        symbol = self.chance.choice(self.symbols)
        price = Decimal(round(SYMBOLS[symbol] * self.chance.lognormvariate(0, 0.02) * 100)) / 100
        quantity = Decimal(max(1, round(self.size * self.chance.lognormvariate(0, 0.5) * 100 / SYMBOLS[symbol])))
        order = self.order(at, symbol, quantity, price)
        if self.chance.random() < 0.1:
            pause = timedelta(seconds=self.chance.uniform(5, 40))
            return [replace(order, at=at + step * pause) for step in range(self.chance.choice([2, 3]))]
        if self.chance.random() < 0.05:
            tries = self.chance.choice([1, 2])
            return [
                replace(order, at=at + step * timedelta(seconds=15), refused=step < tries) for step in range(tries + 1)
            ]
        return [order]

    def order(self, at: datetime, symbol: str, quantity: Decimal, price: Decimal) -> Sent:
        side = self.chance.choice(["buy", "sell"])
        name = f"{self.account}-{len(self.sent)}"
        return Sent(name, self.account, at, self.source, symbol, side, quantity, price, quantity * price)

    def _acts(self, orders: list[Sent]) -> list[Act]:
        acts = []
        for order in orders:
            acts.append(Act(self.account, order.at, ActKind.SUBMIT))
            while self.chance.random() < self.mind_changes:
                acts.append(Act(self.account, order.at, ActKind.REPLACE))
            filled = self.chance.random() < 0.7
            acts.append(Act(self.account, order.at, ActKind.FILL if filled else ActKind.CANCEL))
        return acts


def _again(trader: Trader, day: Day, **gaps: float) -> None:
    order = trader.order(trader.at(10), "AAPL", Decimal(7), Decimal(190))
    day.sent += [replace(order, order_id=f"x{step}", at=order.at + timedelta(seconds=9 * step)) for step in range(6)]


def _resent(trader: Trader, day: Day) -> None:
    order = replace(trader.order(trader.at(10), "AAPL", Decimal(7), Decimal(190)), refused=True)
    for step in range(5):
        at, quantity = order.at + timedelta(seconds=10 * step), Decimal(7 + step)
        day.sent.append(replace(order, order_id=f"x{step}", at=at, quantity=quantity))


def _ratio(trader: Trader, day: Day) -> None:
    fills = sum(act.kind is ActKind.FILL for act in day.acts)
    day.acts += [Act(trader.account, trader.at(11), ActKind.REPLACE)] * (20 * (fills + 1) + 1)


def _spike(trader: Trader, day: Day) -> None:
    for step in range(40):
        at = trader.at(10.5) + timedelta(seconds=step)
        day.sent.append(trader.order(at, "AAPL", Decimal(1 + step), Decimal(190)))


def _night(trader: Trader, day: Day) -> None:
    day.sent.append(trader.order(trader.at(2.5), "AAPL", Decimal(1), Decimal(190)))


def _jump(trader: Trader, day: Day) -> None:
    past = sorted(order.notional or Decimal(0) for order in day.sent[-100:])
    quantity = (past[len(past) // 2] * 25 / 190).quantize(Decimal(1))
    day.sent.append(trader.order(trader.at(trader.closes - 0.01), "AAPL", quantity, Decimal(190)))


def _slip(trader: Trader, day: Day) -> None:
    last = trader.order(trader.at(trader.closes - 0.02), "PFE", Decimal(3), Decimal("62.10"))
    day.sent += [last, replace(last, order_id="x", at=last.at + timedelta(minutes=1), price=Decimal("6.21"))]


def _hundredfold(trader: Trader, day: Day) -> None:
    last = trader.order(trader.at(trader.closes - 0.02), "GE", Decimal(1), Decimal("11.00"))
    day.sent += [last, replace(last, order_id="x", at=last.at + timedelta(minutes=1), quantity=Decimal(100))]


def _replays(trader: Trader, day: Day) -> None:
    day.turned_away = [TurnedAway(trader.at(11) + timedelta(minutes=step), "key:9", "replayed") for step in range(4)]


def _often(trader: Trader, day: Day) -> None:
    day.renewals = [Renewal("two", day.now - timedelta(minutes=3 * step), 1200) for step in range(15)]


def _refused(trader: Trader, day: Day) -> None:
    day.renewals = [Renewal("two", day.now - timedelta(minutes=step), 0, refused=True) for step in (2, 9)]


def _drift(trader: Trader, day: Day) -> None:
    day.drifts = [Drift(trader.account, "TSLA", Decimal(0), Decimal(10), day.now - timedelta(seconds=121))]


def _doubt(trader: Trader, day: Day) -> None:
    day.in_doubt = [InDoubt("lost", trader.account, day.now - timedelta(minutes=10, seconds=1))]


def _late(trader: Trader, day: Day) -> None:
    day.in_doubt = [InDoubt("late", trader.account, trader.at(10), resolved=True, late_at=trader.at(12))]


def _silent(trader: Trader, day: Day) -> None:
    since = day.now - timedelta(seconds=31)
    day.quotes = [StillQuote("c", "SPY", since - timedelta(seconds=40), Decimal(580), Decimal("579.20"), since)]


PLANTED: dict[str, tuple[str, Callable[[Trader, Day], None]]] = {
    "the same order six times": ("P3", _again),
    "refused and sent again": ("P3", _resent),
    "many orders, few fills": ("P4", _ratio),
    "forty orders a minute": ("P5", _spike),
    "an order at night": ("P8", _night),
    "twenty-five times the usual size": ("P9", _jump),
    "a slipped decimal point": ("P22", _slip),
    "two noughts too many": ("P22", _hundredfold),
    "a webhook repeated": ("P12", _replays),
    "a token renewed all the time": ("P14", _often),
    "a token refused again": ("P14", _refused),
    "a position nobody explains": ("P15", _drift),
    "an order in doubt": ("P16", _doubt),
    "an order that appeared late": ("P16", _late),
    "a stream gone silent": ("P18", _silent),
}
