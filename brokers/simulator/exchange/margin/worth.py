"""What holdings are worth, class by class. Dollars."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from brokers.domain.instruments import Crypto, Future, FutureOption, Option
from brokers.simulator.exchange.margin.rules import Exposure

ZERO = Decimal(0)


@dataclass(slots=True)
class Worth:
    """Market values by class, unsigned; ``gains`` of futures, signed; ``net`` is all that counts beside the cash."""

    shares: tuple[Decimal, Decimal] = (ZERO, ZERO)
    options: tuple[Decimal, Decimal] = (ZERO, ZERO)
    index_options: tuple[Decimal, Decimal] = (ZERO, ZERO)
    future_options: tuple[Decimal, Decimal] = (ZERO, ZERO)
    futures: tuple[Decimal, Decimal] = (ZERO, ZERO)
    crypto: Decimal = ZERO
    gains: Decimal = ZERO
    net: Decimal = ZERO

    @classmethod
    def of(cls, held: Iterable[Exposure]) -> "Worth":
        found = cls()
        for one in held:
            found._add(one)
        return found

    def fields(self) -> dict[str, Decimal]:
        """The figures under their names in ``SimBalance``."""
        pairs = {
            "equity_value": self.shares,
            "derivative_value": self.options,
            "index_option_value": self.index_options,
            "future_option_value": self.future_options,
            "futures_value": self.futures,
        }
        named = {
            f"{side}_{name}": pair[at] for name, pair in pairs.items() for at, side in enumerate(("long", "short"))
        }
        return named | {"long_crypto_value": self.crypto, "open_trade_equity": self.gains}

    def _add(self, one: Exposure) -> None:
        value = one.value
        match one.instrument:
            case Future():
                self.futures = _more(self.futures, value)
                self.gains += one.gain
                value = one.gain
            case Option():
                self.options = _more(self.options, value)
                if one.underlying.startswith("$"):
                    self.index_options = _more(self.index_options, value)
            case FutureOption():
                self.options = _more(self.options, value)
                self.future_options = _more(self.future_options, value)
            case Crypto():
                self.crypto += value
            case _:
                self.shares = _more(self.shares, value)
        self.net += value


def _more(pair: tuple[Decimal, Decimal], value: Decimal) -> tuple[Decimal, Decimal]:
    return (pair[0] + value, pair[1]) if value > 0 else (pair[0], pair[1] - value)
