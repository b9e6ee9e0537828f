"""The option chain page: an expiration's strikes, legs picked from them, the way to the ticket."""

from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET

from brokers.domain.instruments import Equity, Index, Instrument, Option
from brokers.domain.orders import InvalidTicket
from brokers.errors import BrokerError, Refused
from brokers.models import Account
from market.chain import page as chain_page
from market.chain import reading as chain_reading
from market.chain.legs import CHANGES, PickedLeg, changed
from market.chain.picks import FIELDS, picked_legs
from market.chain.reading import Reading
from market.chain.state import State, chain_address, most_legs, read_state
from trading import tickets
from trading.drafting import chains, held
from trading.drafting.listed import name_of
from trading.pages.forms import account_by_id

REMEMBERED = "chain"
RECENT = "chain.recent"
MOST_RECENT = 8


@login_required
@require_GET
def index(request: HttpRequest) -> HttpResponse:
    """Where a chain is chosen: by symbol, by what is held, by what was looked at before."""
    accounts = _accounts(request)
    account = account_by_id(accounts, request.GET.get("account"))
    if account is None and accounts:
        raise Http404
    typed, note = request.GET.get("symbol", "").strip()[:40], ""
    if typed:
        try:
            return redirect(f"{chain_address(tickets.read_symbol(typed))}?{_account_query(request)}".rstrip("?"))
        except InvalidTicket as error:
            note = str(error)
    context = {
        "account": account,
        "typed": typed,
        "note": note,
        "recent": request.session.get(RECENT, []),
        "held": _held_underlyings(account) if account is not None else [],
    }
    return render(request, "market/chains.html", context, status=422 if note else 200)


@login_required
@require_GET
def chain(request: HttpRequest, symbol: str) -> HttpResponse:
    """The chain on one underlying, as its address says it."""
    accounts = _accounts(request)
    account = account_by_id(accounts, request.GET.get("account"))
    if account is None:
        if accounts:
            raise Http404
        return redirect("market:chains")
    try:
        instrument = tickets.instrument(symbol)
    except InvalidTicket as error:
        return _trouble(request, account, symbol[:40], str(error), 404)
    if isinstance(instrument, Option) or str(instrument) != symbol:
        return _elsewhere(request, account, instrument)
    state = read_state(request.GET, account, symbol, request.session.get(REMEMBERED, {}))
    try:
        return _answer(request, account, state)
    except (InvalidTicket, Refused) as error:
        found = _index_of(account, instrument)
        return _elsewhere(request, account, found) if found else _trouble(request, account, symbol, str(error), 404)
    except BrokerError as error:
        return _trouble(request, account, symbol, error.message, 200)


def _accounts(request: HttpRequest) -> list[Account]:
    return list(Account.objects.of(request.user).filter(is_closed=False))


def _answer(request: HttpRequest, account: Account, state: State) -> HttpResponse:
    reading = chain_reading.read(account, state)
    if reading.spot is None and (found := _index_of(account, reading.underlying)) is not None:
        return _elsewhere(request, account, found)
    state, note = state.but(expiry=name_of(reading.chosen)), ""
    if wanted := _wanted(request):
        try:
            state = state.but(legs=_changed(account, state, reading, wanted))
        except InvalidTicket as error:
            note = str(error)
        if "fragment" not in request.GET:
            return _after_change(request, state, note)
        reading = chain_reading.with_legs(account, reading, state)
    tray = {"tray": chain_page.tray_of(account, state, reading), "state": state, "account": account, "note": note}
    if request.GET.get("fragment") == "tray":
        return render(request, "market/chain_tray.html", tray)
    _remember(request, state)
    context = chain_page.page(account, state, reading) | tray | {"picked": request.GET}
    return render(request, "market/chain_part.html" if "fragment" in request.GET else "market/chain.html", context)


def _wanted(request: HttpRequest) -> dict[str, str]:
    """What a button asks for, as far as an address may say it."""
    names = (*CHANGES, "pick", *FIELDS)
    found = {name: request.GET[name][:60] for name in names if request.GET.get(name)}
    return found if any(name in found for name in (*CHANGES, "pick")) else {}


def _changed(account: Account, state: State, reading: Reading, wanted: dict[str, str]) -> tuple[PickedLeg, ...]:
    most = most_legs(account)
    if "pick" not in wanted:
        return changed(state.legs, wanted, most)
    legs = picked_legs(account, reading, wanted)
    if len(legs) > most:
        raise InvalidTicket("legs", f"This strategy has {len(legs)} legs; an order here has at most {most}.")
    return legs


def _after_change(request: HttpRequest, state: State, note: str) -> HttpResponseRedirect:
    """Without a script: the page with the legs in its address, so that a reload adds nothing."""
    if note:
        messages.warning(request, note)
    chosen = {name: request.GET[name] for name in FIELDS if request.GET.get(name)}
    extra = f"&{urlencode(chosen)}" if chosen else ""
    return HttpResponseRedirect(f"{state.address}{extra}#legs")


def _remember(request: HttpRequest, state: State) -> None:
    """Columns, rows and side as last chosen; the symbols looked at last."""
    chosen = {"view": state.view, "strikes": state.count, "side": state.side}
    if request.session.get(REMEMBERED) != chosen:
        request.session[REMEMBERED] = chosen
    recent = request.session.get(RECENT, [])
    if recent[:1] != [state.underlying]:
        request.session[RECENT] = [state.underlying, *(one for one in recent if one != state.underlying)][:MOST_RECENT]


def _elsewhere(request: HttpRequest, account: Account, instrument: Instrument) -> HttpResponse:
    """To the address a chain has: an option's is that of its underlying, at its expiration."""
    query = request.GET.copy()
    underlying = str(instrument)
    if isinstance(instrument, Option):
        underlying = chains.underlying_of(account, instrument)
        query["expiry"] = f"{instrument.expiry.isoformat()}-{instrument.root}"
    return redirect(f"{chain_address(underlying)}?{query.urlencode()}".rstrip("?"))


def _index_of(account: Account, instrument: Instrument) -> Index | None:
    """The index of the same name, where the broker knows no such share: people type SPX for it."""
    if not isinstance(instrument, Equity):
        return None
    index = Index(instrument.symbol)
    return index if chain_reading.spot_of(account, index) is not None else None


def _trouble(request: HttpRequest, account: Account, symbol: str, words: str, status: int) -> HttpResponse:
    if "fragment" in request.GET:
        status = max(status, 422)
    context = {"account": account, "symbol": symbol, "words": words}
    return render(request, "market/chain_trouble.html", context, status=status)


def _held_underlyings(account: Account) -> list[str]:
    """Shares and what held options are on, by root: a first guess that costs no call."""
    kinds = (each for each in held.quantities(account) if isinstance(each, Option | Equity))
    return sorted({each.root if isinstance(each, Option) else str(each) for each in kinds})


def _account_query(request: HttpRequest) -> str:
    return urlencode({"account": request.GET["account"]}) if request.GET.get("account") else ""
