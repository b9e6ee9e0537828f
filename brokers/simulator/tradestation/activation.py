"""AdvancedOptions of a request (section 5.5): trailing stops, activation rules, display and liquidity flags."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, get_args

from brokers.domain.orders import InvalidTicket
from brokers.simulator.exchange.orders.tickets import Comparator, Condition, Indicator, Trail
from brokers.simulator.tradestation import symbols
from brokers.simulator.tradestation.answers import bad_request
from brokers.simulator.tradestation.fields import amount, flag
from brokers.simulator.tradestation.memory import Words

if TYPE_CHECKING:
    from brokers.simulator.world import World

MOST_RULES = 4
PEGS = ("BEST", "MID")
TRIGGERS: dict[str, str] = {
    "STT": "Single Trade Tick|One trade tick must print within your stop price to trigger your stop.",
    "STTN": "Single Trade Tick Within NBBO|One trade tick within the National Best Bid or Offer must print within "
    "your stop price to trigger your stop.",
    "SBA": "Single Bid/Ask Tick|Buy/Cover orders: one ask tick must print within your stop price. "
    "Sell/Short orders: one bid tick.",
    "SAB": "Single Ask/Bid Tick|Buy/Cover orders: one bid tick must print within your stop price. "
    "Sell/Short orders: one ask tick.",
    "DTT": "Double Trade Tick|Two consecutive trade ticks must print within your stop price to trigger your stop.",
    "DTTN": "Double Trade Tick Within NBBO|Two consecutive trade ticks within the National Best Bid or Offer must "
    "print within your stop price to trigger your stop.",
    "DBA": "Double Bid/Ask Tick|Buy/Cover orders: two consecutive ask ticks must print within your stop price. "
    "Sell/Short orders: two consecutive bid ticks.",
    "DAB": "Double Ask/Bid Tick|Buy/Cover orders: two consecutive bid ticks must print within your stop price. "
    "Sell/Short orders: two consecutive ask ticks.",
    "TTT": "Twice Trade Tick|Two trade ticks, not necessarily consecutive, must print within your stop price.",
    "TTTN": "Twice Trade Tick Within NBBO|Two trade ticks within the National Best Bid or Offer, not necessarily "
    "consecutive, must print within your stop price.",
    "TBA": "Twice Bid/Ask Tick|Buy/Cover orders: two ask ticks, not necessarily consecutive, must print within your "
    "stop price. Sell/Short orders: two bid ticks.",
    "TAB": "Twice Ask/Bid Tick|Buy/Cover orders: two bid ticks, not necessarily consecutive, must print within your "
    "stop price. Sell/Short orders: two ask ticks.",
}


@dataclass(frozen=True)
class Options:
    """AdvancedOptions as the exchange has them; ``words`` keeps what it has no field for."""

    trail: Trail | None = None
    all_or_none: bool = False
    display_quantity: Decimal | None = None
    post_only: bool = False
    start_at: datetime | None = None
    conditions: tuple[Condition, ...] = ()
    words: Words = field(default_factory=Words)


def read_options(body: Mapping[str, Any], buys: bool, world: "World") -> Options:
    """400 for what can't be read."""
    given = body.get("advancedoptions") or {}
    if not isinstance(given, dict):
        raise bad_request("AdvancedOptions is invalid.")
    found = rules_in(given.get("marketactivationrules"))
    return Options(
        trail=read_trail(given.get("trailingstop")),
        all_or_none=flag(given, "allornone", "AllOrNone"),
        display_quantity=amount(given, "showonlyquantity", "ShowOnlyQuantity"),
        post_only=flag(given, "bookonly", "BookOnly"),
        start_at=read_time(given.get("timeactivationrules"), world),
        conditions=tuple(read_rule(rule, buys, world) for rule in found),
        words=Words(words_in(given), [key_of(rule) for rule in found]),
    )


def words_in(given: Mapping[str, Any]) -> list[str]:
    """What is echoed and has no effect of its own in this market."""
    words = ["NON"] if flag(given, "nondisplay", "NonDisplay") else []
    discretion = amount(given, "discretionaryprice", "DiscretionaryPrice")
    if discretion is not None:
        words.append(f"DSCPR={discretion}")
    peg = given.get("pegvalue")
    if peg:
        if str(peg).upper() not in PEGS:
            raise bad_request("PegValue must be BEST or MID.")
        words.append(f"PEGVAL={str(peg).upper()}")
    flag(given, "addliquidity", "AddLiquidity")
    return words


def read_trail(given: Any) -> Trail | None:
    if given is None:
        return None
    if not isinstance(given, dict):
        raise bad_request("TrailingStop is invalid.")
    try:
        return Trail(amount(given, "amount", "TrailingStop.Amount"), amount(given, "percent", "TrailingStop.Percent"))
    except InvalidTicket as error:
        raise bad_request(str(error)) from None


def rules_in(given: Any) -> list[Mapping[str, Any]]:
    """The rules of a placement (a list) or of a replacement (an object with them)."""
    if isinstance(given, dict):
        given = given.get("rules")
    if given is None:
        return []
    if not isinstance(given, list) or not all(isinstance(rule, dict) for rule in given) or len(given) > MOST_RULES:
        raise bad_request(f"At most {MOST_RULES} market activation rules can be given.")
    return given


def read_rule(rule: Mapping[str, Any], buys: bool, world: "World") -> Condition:
    instrument = symbols.find(str(rule.get("symbol") or ""), world.market)
    if instrument is None:
        raise bad_request("MarketActivationRules: invalid symbol.")
    comparator, threshold = str(rule.get("predicate") or "").lower(), amount(rule, "price", "Price")
    joined = str(rule.get("logicoperator") or "and").lower()
    if comparator not in get_args(Comparator) or threshold is None or joined not in ("and", "or"):
        raise bad_request("MarketActivationRules: Predicate, Price or LogicOperator is invalid.")
    return Condition("route", instrument, indicator(key_of(rule), buys), comparator, threshold, joined)  # type: ignore[arg-type]


def key_of(rule: Mapping[str, Any]) -> str:
    key = str(rule.get("triggerkey") or "STT").upper()
    if key not in TRIGGERS:
        raise bad_request("MarketActivationRules: TriggerKey is invalid.")
    return key


def indicator(key: str, buys: bool) -> Indicator:
    """Trades, or the side of the book that the key and the order's side name."""
    if key[1] == "T":
        return "last"
    return "ask" if (key[1] == "B") is buys else "bid"


def read_time(given: Any, world: "World") -> datetime | None:
    """The moment of today that a time rule names; its date is not looked at."""
    if isinstance(given, dict):
        given = given.get("rules")
    if not given:
        return None
    if not isinstance(given, list) or len(given) > 1 or not isinstance(given[0], dict):
        raise bad_request("At most one time activation rule can be given.")
    text = str(given[0].get("timeutc") or "")
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise bad_request("TimeActivationRules: TimeUtc is invalid.") from None
    now = world.clock.now()
    return now.replace(hour=at.hour, minute=at.minute, second=at.second, microsecond=0)
