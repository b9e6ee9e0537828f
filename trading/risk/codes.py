"""The catalogue of reason codes, with their defaults. ``python -m trading.risk.codes`` draws docs/reason-codes.md."""

from dataclasses import dataclass

from brokers.domain.instruments import plain
from trading.patterns import confirming
from trading.patterns.rules import LAST_COUNTS, MEMORY
from trading.risk import flow, money, prices, reducing, standing
from trading.risk.bounds import DEFAULTS, HARD_ORDER, HARD_POSITION, NUMBERS, OF_ALL, PERMISSIONS
from trading.risk.findings import dollars, percent


@dataclass(frozen=True, slots=True)
class Code:
    """``kind``: hard, soft, or both; ``limit``: what holds unless it is set otherwise."""

    control: str
    kind: str
    limit: str = ""


HARD, SOFT, BOTH = "hard", "soft", "soft, then hard"
D = DEFAULTS
CODES: dict[str, Code] = {
    "KILL_SWITCH": Code("Trading is halted, or may only reduce, at some level", HARD),
    "CONNECTION_NOT_READY": Code("The connection is not signed in, or not read anew since the start", HARD),
    "ACCOUNT_NOT_ALLOWED": Code(
        "The account is closed or frozen, may only close what it holds and this does not, or the sign-in may only "
        f"look; what the broker said of it is not known, or older than {standing.RESTRICTIONS_SECONDS // 60} minutes",
        HARD,
    ),
    "SIGNAL_AGE": Code("A program's signal is old, or from the future", HARD, f"{plain(D.signal_seconds)} s"),
    "NEW_DESTINATION": Code("The first order with real money to this account, by hand or by a program", SOFT),
    "INSTRUMENT_UNKNOWN": Code("The broker's description of the instrument can't be had", HARD),
    "NOT_ALLOWED": Code(
        "The broker, or the list of denied symbols, does not let this be traded; trading in it, or in what it is on, "
        "is halted; whether it is halted is not told (soft for limit orders)",
        BOTH,
    ),
    "BAD_QUANTITY": Code("A fraction where whole ones are traded", HARD),
    "BAD_PRICE": Code("Off the price steps; a stop on the wrong side; a stop limit that may not fill (soft)", BOTH),
    "COMBINATION": Code(
        "Type, duration, legs and dates that do not go together at this broker; a wide ratio of legs (soft)", BOTH
    ),
    "ORDER_QTY": Code(
        "Size of one order",
        BOTH,
        f"{plain(D.shares)} shares, {plain(D.contracts)} options, {plain(D.futures)} futures; hard above {HARD_ORDER}×",
    ),
    "ORDER_NOTIONAL": Code(
        "Price × quantity × multiplier; a market order 5 % beyond the other side",
        BOTH,
        f"{dollars(D.order_notional)}, futures {dollars(D.future_notional)}; hard above {HARD_ORDER}×",
    ),
    "PRICE_COLLAR": Code(
        "How much worse than the middle of the market the limit is",
        BOTH,
        f"shares and futures {percent(prices.STOCK_SOFT)}, hard above {percent(prices.STOCK_HARD)}; options "
        f"{percent(prices.OPTION_SOFT)} or {prices.OPTION_TICKS} steps a leg, hard above {percent(prices.OPTION_HARD)}",
    ),
    "MARKET_ORDER_GUARD": Code(
        "A market order into a wide or silent market, or outside regular hours; hours that are not known are closed",
        HARD,
        f"{percent(prices.WIDE_STOCK)}, options {percent(prices.WIDE_OPTION)}; {prices.QUIET_SECONDS} s of silence",
    ),
    "QUOTE_STALE": Code(
        "No two-sided quote, or an old one: hard for all but limit orders", BOTH, f"{plain(D.quote_seconds)} s"
    ),
    "QUOTE_CROSSED": Code("The bid is above the ask, or one side is empty", SOFT),
    "DUPLICATE_LIKE": Code(
        "The very same order was just sent; hard while that one's outcome is unknown", BOTH, f"{flow.TWIN_SECONDS} s"
    ),
    "RATE_SHORT": Code(
        "Orders and replacements sent to the account",
        HARD,
        f"{plain(D.orders_a_second)} a second, {plain(D.web_orders_a_minute)} a minute by hand, "
        f"{plain(D.api_orders_a_minute)} by programs, {plain(D.orders_a_day)} a day",
    ),
    "PLATFORM_CAP": Code(
        "Orders and dollars that all people of the installation send; programs are halted as well",
        HARD,
        f"{plain(D.installation_orders_a_second)} a second, {dollars(D.installation_dollars_a_minute)} a minute",
    ),
    "RATE_REJECTS": Code("Refused orders of one source; it is halted as well", HARD, f"{flow.REFUSALS} in a minute"),
    "OPEN_ORDERS": Code(
        "Orders that are open", HARD, f"{plain(D.open_orders)}, in one symbol {plain(D.open_orders_a_symbol)}"
    ),
    "BUYING_POWER": Code(
        "What it takes with what is reserved by orders on their way, against the broker's figure of the last "
        f"{money.FIGURES_SECONDS} s; soft where the broker does not tell what it takes",
        BOTH,
        f"{percent(D.buying_power_share)} of it",
    ),
    "POSITION_LIMIT": Code(
        "What is held in one underlying with it, weighted by delta; all underlyings together",
        BOTH,
        f"{dollars(D.position_notional)}, futures {dollars(D.future_position_notional)}; all "
        f"{percent(D.gross_share)} of net liq; hard above {HARD_POSITION}×",
    ),
    "CONCENTRATION": Code("One underlying's part of net liq", SOFT, percent(D.concentration_share)),
    "SHORT_OPTION": Code("Short options that neither holdings nor cash cover", HARD, "not allowed"),
    "OVERSELL": Code("Closing more than is held and not being closed already; turning a position round", HARD),
    "SIZE_JUMP": Code(
        "An order that is worth far more than one's own orders usually are; of what may make something bigger",
        SOFT,
        f"{confirming.JUMP}× the median of the latest {MEMORY}, once there are {confirming.ENOUGH_ORDERS}",
    ),
    "FAT_FINGER": Code(
        "A price ten times or a tenth of the last order's about the same instruments, or a hundred times its quantity",
        SOFT,
        f"give or take {percent(confirming.NEAR)}; the last {LAST_COUNTS.days} days",
    ),
    "SELF_CROSS": Code("It would trade against a working order of one's own", SOFT),
    "PDT": Code(
        "A day trade too many for a small margin account, where the broker's balance counts them",
        SOFT,
        f"after {money.DAY_TRADES}, below {dollars(money.DAY_TRADER_EQUITY)}",
    ),
    "DAILY_LOSS": Code(
        "The day's loss, for orders that make something bigger",
        BOTH,
        f"{percent(D.daily_loss_share)} of net liq; hard from {HARD_POSITION}×",
    ),
}


def _spared() -> str:
    return ", ".join(name for name in CODES if name in reducing.OF_WHAT_IS_ADDED)


def draw() -> str:
    """The catalogue as a Markdown page."""
    lines = [
        "# Reason codes",
        "",
        "Drawn from `trading/risk/codes.py` by `python -m trading.risk.codes > docs/reason-codes.md`; a test compares "
        "the two.",
        "",
        "Before an order leaves, all of these are looked at, and all that speaks against it is told at once: the code, "
        "the field, words, and the numbers. A *hard* one is final. A *soft* one is confirmed by a tick on the page or, "
        'by a program, with `"confirm": ["CODE"]` beside the `preview_id` of the preview that showed it: of this very '
        "order, made for this person, not older than a minute. What was not shown can't be confirmed. What is not "
        "known is not taken for good: a missing figure is a finding of the control that needs it.",
        "",
        "While an account may only *reduce*, cancels go out, orders that close what is held (with what working orders "
        "close already, never through zero, leaving no short option uncovered), and changes of a working order to no "
        "more of the same: the same kind, stop and duration, no larger quantity, no worse limit. An order that opens "
        "may so be made smaller, never larger. While it is *halted* only cancels go out.",
        "",
        "Such a change to no more of the same is spared, in any state, what is said of what an order adds, for a "
        f"refusal would leave the larger one at work: {_spared()}, a stop that the market has come to, the dollars of "
        "PLATFORM_CAP. Halts of everything, connection and account, rates, price steps and what looks mistyped hold "
        "for it too.",
        "",
        "| Code | What is looked at | Kind | Unless set otherwise |",
        "|---|---|---|---|",
    ]
    lines += [f"| `{name}` | {code.control} | {code.kind} | {code.limit or '—'} |" for name, code in CODES.items()]
    lines += [
        "",
        f"A program's signal may be ahead of the desk's clock by {standing.FUTURE_SECONDS} s. Amounts of shares of an "
        "account are of its net liquidating value as the broker last told it.",
        "",
        "Regular hours are the broker's word. A broker that tells none is reckoned by the desk's own calendars of the "
        "US share market and of futures that trade from Sunday evening to Friday (products with hours of their own: "
        "not known, so no market orders); in its simulated environment hours do not stop a market order, only a "
        "quote that stands still does. Day trades are known where the balance tells them; a "
        "broker that keeps them elsewhere is not asked, and `PDT` says nothing there.",
        "",
        "What all people send together is added up over what is committed, when an order is written down and once more "
        "before it leaves: orders that were written down at the very same moment see each other then, and those that "
        "would pass the cap are not sent.",
        "",
        "## Limits",
        "",
        "Of installation, person, account and program's key the tightest holds. People make their own tighter under "
        "Settings → Limits or by `PUT /api/v1/limits/trading` (with `account` or `key` for one of these); making one "
        "wider is for staff, in the admin, with a reason. Each change is recorded. Those of the whole installation are "
        "set there alone.",
        "",
        "An order keeps which way it came (`source`) and the name of the program's key (`key_id`). A key's limits hold "
        "for what comes with it; its rates are held against all that was sent to the account, by whatever key. No keys "
        "are given out yet: till then all programs of a person count as one.",
        "",
        "| Limit | Default |",
        "|---|---|",
    ]
    lines += [f"| `{name}` | {plain(getattr(D, name))} |" for name in (*NUMBERS, *OF_ALL)]
    lines += [f"| `{name}` | {'yes' if getattr(D, name) else 'no'} |" for name in PERMISSIONS]
    return "\n".join([*lines, "| `denied_symbols` | none |", ""])


if __name__ == "__main__":
    print(draw(), end="")
