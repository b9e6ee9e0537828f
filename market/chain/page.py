"""What the templates of the chain page show, put together from what was read."""

from collections.abc import Mapping
from typing import Any

from brokers import registry
from brokers.models import Account
from market import terms as chain_terms
from market.chain.board import COUNTS, TITLES, VIEWS, Scene, board, spot_text, strike_text
from market.chain.picks import OFFERED, TWO_EXPIRATIONS, usual_width
from market.chain.reading import Reading
from market.chain.state import State
from market.chain.tray import Around, Tray, tray
from trading.drafting import held
from trading.drafting.listed import EXCHANGE_TIME, name_of

VIEW_WORDS = {"prices": "Prices", "greeks": "Greeks", "activity": "Activity", "chances": "Chances"}
SIDE_WORDS = {"calls": "Calls", "puts": "Puts"}


def page(account: Account, state: State, reading: Reading) -> dict[str, Any]:
    """The context of the whole page."""
    scene = Scene(
        quotes=reading.quotes,
        spot=reading.spot,
        told=reading.told,
        move=reading.move,
        held=held.quantities(account),
        legs={leg.instrument: leg.quantity for leg in state.legs},
        view=state.view,
    )
    fields = VIEWS[state.view]
    return {
        "account": account,
        "state": state,
        "reading": reading,
        "tabs": _tabs(state, reading),
        "board": board(reading.strikes, scene),
        "expiration": reading.chosen,
        "spot_text": spot_text(reading.spot),
        "call_columns": [(field, *TITLES[field]) for field in fields],
        "put_columns": [(field, *TITLES[field]) for field in reversed(fields)],
        "inner_columns": [(field, *TITLES[field]) for field in ("bid", "ask")],
        "half": len(fields) + 2,
        "views": _choices(state, "view", VIEW_WORDS),
        "counts": _choices(state, "count", {name: "All" if name == "all" else name for name in COUNTS}),
        "sides": _choices(state, "side", SIDE_WORDS),
        "picks": [(kind.value, words, kind in TWO_EXPIRATIONS) for kind, words in OFFERED.items()],
        "usual_width": strike_text(usual_width(reading)).replace(",", ""),
        "has_greeks": registry.spec(account.connection.broker).capabilities.has_greeks,
    }


def _tabs(state: State, reading: Reading) -> list[tuple[chain_terms.Tab, str, bool]]:
    """Each tab with its address, and whether it is the one shown."""
    today, shown = reading.at.astimezone(EXCHANGE_TIME).date(), name_of(reading.chosen)
    found = chain_terms.tabs(reading.expirations, reading.terms.found, today, reading.underlying)
    return [(tab, state.but(expiry=tab.name).address, tab.name == shown) for tab in found]


def _choices(state: State, name: str, offered: Mapping[str, str]) -> list[tuple[str, str, str, bool]]:
    """Value, words, address, whether it is the one chosen."""
    chosen = getattr(state, name)
    return [(value, words, state.but(**{name: value}).address, value == chosen) for value, words in offered.items()]


def tray_of(account: Account, state: State, reading: Reading) -> Tray:
    around = Around(
        expirations=reading.expirations,
        quotes=reading.quotes,
        underlying=reading.underlying,
        spot=reading.spot,
        free=held.free_quantities(account) if state.legs else {},
        now=reading.at,
    )
    return tray(account, state.legs, around)
