"""Order confirmations (X1, X2): the checks of a placement without one, and what it would cost."""

import base64
import secrets
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from brokers.domain.instruments import Future, Instrument, Option, Right
from brokers.simulator.exchange import Preview
from brokers.simulator.tradestation.answers import compact, day, decimal
from brokers.simulator.tradestation.names import ts_account
from brokers.simulator.tradestation.orders import wire_price
from brokers.simulator.tradestation.spreads import spread_name
from brokers.simulator.tradestation.summaries import summary
from brokers.simulator.tradestation.symbols import to_wire, underlying_of
from brokers.simulator.tradestation.tickets import Request

if TYPE_CHECKING:
    from brokers.simulator.world import World


def new_confirm_id() -> str:
    """22 characters of base64, slashes and pluses among them."""
    return base64.b64encode(secrets.token_bytes(16)).decode().rstrip("=")


def confirmation(request: Request, preview: Preview, world: "World") -> dict[str, Any]:
    """One order's confirmation; its shape depends on what is traded."""
    instrument = request.ticket.legs[0].instrument
    options = any(isinstance(leg.instrument, Option) for leg in request.ticket.legs)
    future = isinstance(instrument, Future)
    body: dict[str, Any] = {
        "OrderAssetCategory": "FUTURE" if future else "OPTION" if options else "EQUITY",
        "Currency": "USD",
        "Route": "Intelligent",
        "TimeInForce": request.time_in_force,
        "AccountID": ts_account(request.account),
        "OrderConfirmID": request.confirm_id or new_confirm_id(),
    }
    price = estimated_price(request, world)
    body["EstimatedPrice"] = decimal(price, 4)
    body |= future_cost(request, preview) if future else cost(request, price, world)
    body["EstimatedCommission"] = decimal(abs(preview.total_fees), 2)
    if future:
        margin = initial_margin(preview)
        body |= {"InitialMarginDisplay": f"{margin:,.2f} USD", "ProductCurrency": "USD", "AccountCurrency": "USD"}
    body["SummaryMessage"] = summary(request)
    if options:
        body |= option_part(request, world)
    return body | prices(request)


def estimated_price(request: Request, world: "World") -> Decimal:
    """The order's own price, or the touch that a market order would meet; net, debit positive, for spreads."""
    ticket = request.ticket
    if ticket.limit_price is not None:
        return wire_price(ticket, ticket.limit_price)
    if ticket.stop_price is not None:
        return ticket.stop_price
    if len(ticket.legs) == 1:
        return touch(ticket.legs[0].instrument, ticket.legs[0].action.is_buy, world)
    smallest = min(leg.quantity for leg in ticket.legs)
    parts = (
        leg.action.sign * touch(leg.instrument, leg.action.is_buy, world) * leg.quantity / smallest
        for leg in ticket.legs
    )
    return sum(parts, Decimal(0))


def touch(instrument: Instrument, buys: bool, world: "World") -> Decimal:
    book = world.market.book(instrument)
    if book is None:
        return Decimal(0)
    price = book.ask if buys else book.bid
    return price if price is not None else book.last or Decimal(0)


def cost(request: Request, price: Decimal, world: "World") -> dict[str, str]:
    """``DebitCreditEstimatedCost`` is negative where money comes in."""
    legs = request.ticket.legs
    smallest = min(leg.quantity for leg in legs)
    listings = [world.market.listing(leg.instrument) for leg in legs]
    point = max((listing.multiplier for listing in listings if listing), default=Decimal(1))
    dollars = price * smallest * point
    signed = dollars * legs[0].action.sign if len(legs) == 1 else dollars
    return {"EstimatedCost": decimal(dollars, 2), "DebitCreditEstimatedCost": decimal(signed, 2)}


def future_cost(request: Request, preview: Preview) -> dict[str, str]:
    return {"EstimatedCost": decimal(initial_margin(preview), 2)}


def initial_margin(preview: Preview) -> Decimal:
    """What the order alone would tie up."""
    return abs(preview.isolated_margin)


def option_part(request: Request, world: "World") -> dict[str, Any]:
    legs = request.ticket.legs
    option = next(leg.instrument for leg in legs if isinstance(leg.instrument, Option))
    body: dict[str, Any] = {
        "Underlying": underlying_of(option, world.market),
        "Legs": [
            compact(
                {
                    **option_terms(leg.instrument),
                    "Quantity": decimal(leg.quantity),
                    "Symbol": to_wire(leg.instrument),
                    "TradeAction": action.upper(),
                }
            )
            for leg, action in zip(legs, request.actions, strict=True)
        ],
    }
    name = spread_name(legs)
    return body | ({"Spread": name} if name else {})


def option_terms(instrument: Instrument) -> dict[str, str]:
    if not isinstance(instrument, Option):
        return {}
    right = "CALL" if instrument.right is Right.CALL else "PUT"
    return {
        "ExpirationDate": day(instrument.expiry),
        "OptionType": right,
        "StrikePrice": decimal(instrument.strike),
    }


def prices(request: Request) -> dict[str, Any]:
    """The prices and terms that the order names."""
    ticket = request.ticket
    trail = ticket.trail
    behind: dict[str, str] | None = None
    if trail is not None:
        behind = {"Amount": decimal(trail.amount)} if trail.amount else {"Percent": decimal(trail.percent or 0)}
    return compact(
        {
            "LimitPrice": decimal(wire_price(ticket, ticket.limit_price)) if ticket.limit_price is not None else None,
            "StopPrice": decimal(ticket.stop_price) if ticket.stop_price is not None else None,
            "TrailingStop": behind,
            "ShowOnlyQuantity": decimal(ticket.display_quantity) if ticket.display_quantity is not None else None,
            "AllOrNone": True if ticket.all_or_none else None,
        }
    )
