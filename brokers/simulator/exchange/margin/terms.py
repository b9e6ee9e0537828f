"""What the market says of an instrument once and for all, as far as money goes: its underlying, multiplier, margins."""

from dataclasses import dataclass
from decimal import Decimal

from brokers.domain.instruments import Future, FutureOption, Instrument, Option, parse_instrument
from brokers.simulator.exchange.books.accounts import SimPosition
from brokers.simulator.exchange.margin.rules import Exposure
from brokers.simulator.market.market import Market

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Terms:
    """``under``: what prices it and covers it, itself unless it is an option. Margins in dollars a contract, of futures
    and options on them; ``delivers``: shares of one adjusted option, None for the usual."""

    under: Instrument
    multiplier: Decimal
    initial: Decimal = ZERO
    maintenance: Decimal = ZERO
    delivers: Decimal | None = None


def terms_of(instrument: Instrument, position: SimPosition | None, market: Market) -> Terms:
    """The terms of an instrument that is listed, or that a position remembers."""
    listing = market.listing(instrument)
    multiplier = position.multiplier if position else listing.multiplier if listing else Decimal(1)
    match instrument:
        case Future() | FutureOption():
            under = instrument if isinstance(instrument, Future) else instrument.future
            product = market.product(under.product)
            margins = (product.initial_margin, product.maintenance_margin) if product else (ZERO, ZERO)
            return Terms(under, multiplier, *margins)
        case Option(root=root):
            listed = listing.underlying if listing else None
            remembered = parse_instrument(position.underlying) if position else instrument
            return Terms(listed or remembered, multiplier, delivers=_delivers(root, market))
        case _:
            return Terms(instrument, multiplier)


def expose(
    instrument: Instrument, terms: Terms, quantity: Decimal, price: Decimal, spot: Decimal, gain: Decimal
) -> Exposure:
    """A holding as margin sees it."""
    return Exposure(
        instrument=instrument,
        underlying=str(terms.under),
        quantity=quantity,
        price=price,
        multiplier=terms.multiplier,
        spot=spot,
        gain=gain,
        initial=terms.initial,
        maintenance=terms.maintenance,
        delivers=terms.delivers,
    )


def strike_of(instrument: Instrument, otherwise: Decimal) -> Decimal:
    """An option's strike, the best guess of its underlying's price where there is none."""
    return instrument.strike if isinstance(instrument, Option | FutureOption) else otherwise


def _delivers(root: str, market: Market) -> Decimal | None:
    """Adjusted roots end in a digit."""
    found = market.deliverable(root) if root[-1].isdigit() else None
    return found.shares if found else None
