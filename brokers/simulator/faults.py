"""What is to go wrong: named faults with conditions, read from JSON, and the choice of one for a request."""

import json
import random
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, field, fields
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

HTTP_EFFECTS = {
    "status": "answer with `status` (default 503), the code `kind` and a `body` (json, html, garbage, empty)",
    "latency": "wait `seconds`",
    "drop_answer": "close the connection without an answer",
    "cut_body": "close the connection in the middle of the answer's body",
    "throttle": "429; with `retry_after` it says when to come back",
    "html_for_json": "200 with a gateway's HTML page in place of JSON",
    "garbage_json": "the true status, and a body that breaks off being JSON",
    "preflight": "tastytrade: 422 preflight_check_failure with the code `kind` (default margin_check_failed)",
    "error_in_200": "TradeStation: 200 with an error object of `kind` (default Failed) in place of the answer",
    "token_transient": "token endpoint: 400 invalid_request or `kind`, as in the broker's bad minutes",
    "token_dead": "token endpoint: 400 invalid_grant, as for a revoked grant",
}
STREAM_EFFECTS = {
    "drop_order_frames": "account streamer: Order notifications are lost with `probability`",
    "duplicate_order_frames": "account streamer: Order notifications come twice",
    "reorder_frames": "account streamer: a notification comes after the next one of its kind",
    "unknown_frames": "account streamer: a notification of an unknown type comes before each",
    "streamer_silent": "account streamer: no notifications; heartbeats are answered",
    "streamer_close": "account streamer: the socket is dropped",
    "dxlink_silent": "DXLink: no data; keep-alives go on",
    "dxlink_close": "DXLink: the socket is dropped",
    "dxlink_channel_closed": "DXLink: the server closes the channels by itself",
    "dxlink_error": "DXLink: an ERROR of `kind` (default UNKNOWN) on channel 0",
    "dxlink_field": "DXLink: events of `symbol` that have the field carry what `kind` says: field=value",
    "dxlink_no_data": "DXLink: nothing is known of `symbol`",
    "dxlink_nan": "DXLink: the numbers of `symbol` are NaN",
    "goaway": "HTTP stream: the server says GoAway (in the `form` v2 or v3) and closes",
    "dual_logon": "HTTP stream: DualLogon, as if the data were opened elsewhere, and closes",
    "stream_error": "HTTP stream: an error object of `kind`; with a `symbol` or `account`, for that one",
    "stream_silent": "HTTP stream: the socket stays, but nothing comes, not even heartbeats",
    "stream_heartbeats_only": "HTTP stream: heartbeats go on, all else is lost",
    "stream_close": "HTTP stream: the connection is reset",
    "cut_frames": "HTTP stream: objects come in pieces cut anywhere",
    "lower_case_symbol": "HTTP stream: symbols in lower case",
    "shuffle_legs": "HTTP stream: the legs of orders change places",
    "quantity_remaining_lies": "HTTP stream: QuantityRemaining is 0 on orders that are alive",
    "tick_bar_status": "TradeStation: tick bars carry also the status bit of `kind`, a number",
    "order_status": "orders carry the status that `kind` names, in listings and streams of the wire that knows it",
    "order_warning": "tastytrade: answers to orders carry a warning of code `kind`",
    "order_note": "tastytrade: answers to orders carry a note of code `kind`",
    "account_field": "accounts that have the field carry what `kind` says: field=value, on the wire that has it",
    "market_field": "REST: market data of `symbol` that have the field carry what `kind` says: field=value",
    "account_error": "TradeStation: an account is answered with an error of `kind` (default Forbidden) among others",
    "not_entitled": "market data of `symbol` are not the caller's to see",
}
EFFECTS = HTTP_EFFECTS | STREAM_EFFECTS
FIELD_EFFECTS = ("dxlink_field", "account_field", "market_field")
TOKEN_EFFECTS = ("token_transient", "token_dead")
KINDS = {
    "preflight": "margin_check_failed",
    "error_in_200": "Failed",
    "dxlink_error": "UNKNOWN",
    "dxlink_field": "tradingStatus=HALTED",
    "tick_bar_status": "25",
    "order_status": "LAT",
    "order_warning": "tif_next_valid_sesssion",
    "order_note": "note",
    "account_error": "Forbidden",
    "account_field": "authority-level=read-only",
    "market_field": "close-price-type=Preliminary",
}
STATION_STATUS, TASTY_STATUS = re.compile(r"[A-Z]{2,8}"), re.compile(r"[A-Z][a-z]+( [A-Z][a-z]+)*")
TEXTS = ("name", "method", "path", "account", "symbol", "when", "body", "form", "kind")
WHOLE = ("times", "after", "status", "retry_after")
ANY = re.compile(r".*", re.DOTALL)
BODIES = ("json", "html", "garbage", "empty")


class BadFault(ValueError):
    """A fault that can't be read; the text says what is wrong with it."""


@dataclass
class Fault:
    """One thing to go wrong. An empty condition matches everything.

    ``path`` and ``method`` are shell patterns; ``after`` lets that many matches pass first; ``times`` is how
    often it strikes (None: always); ``when`` is whether the request acts first; ``form`` and ``kind`` say which GoAway
    and which error a stream gives. ``seen`` and ``struck`` count.
    """

    name: str
    effect: str
    method: str = "*"
    path: str = "*"
    account: str = ""
    symbol: str = ""
    probability: float = 1.0
    times: int | None = None
    after: int = 0
    when: str = "before"
    status: int = 503
    body: str = "json"
    seconds: float = 1.0
    retry_after: int | None = None
    form: str = ""
    kind: str = ""
    seen: int = 0
    struck: int = 0

    def matches(self, method: str, path: str, accounts: Collection[str], symbols: Collection[str]) -> bool:
        return (
            fnmatchcase(method, self.method)
            and fnmatchcase(path, self.path)
            and (not self.account or self.account in accounts)
            and (not self.symbol or self.symbol in symbols)
        )

    def strikes(self, dice: random.Random) -> bool:
        """Count a match and say whether the fault happens this time."""
        self.seen += 1
        spent = self.times is not None and self.struck >= self.times
        if spent or self.seen <= self.after or dice.random() >= self.probability:
            return False
        self.struck += 1
        return True


@dataclass
class Faults:
    """The plan in force. The dice are seeded, so that a run can be repeated. ``known_as`` is the exchange's number of
    an account, by whichever name a wire has for it."""

    seed: int = 0
    known_as: Callable[[str], str] = str
    plan: list[Fault] = field(default_factory=list)
    dice: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)

    def add(self, given: Collection[Mapping[str, Any]]) -> None:
        """Put faults in force; one of the same name is replaced. All or none: raises ``BadFault``."""
        ready = [read_fault(each) for each in given]
        for fault in ready:
            fault.account = self.known_as(fault.account)
        names = {fault.name for fault in ready}
        self.plan = [fault for fault in self.plan if fault.name not in names] + ready

    def remove(self, names: Collection[str]) -> None:
        self.plan = [fault for fault in self.plan if fault.name not in names]

    def clear(self) -> None:
        self.plan.clear()
        self.dice = random.Random(self.seed)

    def load(self, path: Path) -> None:
        """Faults from a file shaped as the body of ``POST /control/faults``."""
        try:
            self.add(json.loads(path.read_text())["faults"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise BadFault(f"The fault file {path} can't be used: {error}") from None

    def for_request(self, method: str, path: str, accounts: Collection[str], symbols: Collection[str]) -> list[Fault]:
        """The HTTP faults that strike this request, in the order of the plan."""
        return [
            fault
            for fault in self.plan
            if fault.effect in HTTP_EFFECTS
            and fault.matches(method, path, accounts, symbols)
            and fault.strikes(self.dice)
        ]

    def on_stream(self, effect: str, account: str = "", symbols: Collection[str] = ()) -> bool:
        """Whether a stream's fault strikes now."""
        return self.struck(effect, (account,), symbols) is not None

    def struck(
        self,
        effect: str,
        accounts: Collection[str] = (),
        symbols: Collection[str] = (),
        path: str = "*",
        kinds: re.Pattern[str] = ANY,
    ) -> Fault | None:
        """The fault of this effect that strikes now. ``accounts`` and ``symbols`` are all the names they go by;
        ``kinds`` is the form of the kinds that the caller knows."""
        for fault in self.plan:
            if fault.effect != effect or not kinds.fullmatch(fault.kind):
                continue
            if fault.matches("*", path, accounts, symbols) and fault.strikes(self.dice):
                return fault
        return None

    def planned(self, effects: Collection[str]) -> bool:
        """Whether any of these is in force at all."""
        return any(fault.effect in effects for fault in self.plan)

    def in_force(self) -> list[dict[str, Any]]:
        return [asdict(fault) for fault in self.plan]


def read_fault(given: Mapping[str, Any]) -> Fault:
    """A fault from JSON; raises ``BadFault`` in words."""
    if not isinstance(given, Mapping):
        raise BadFault("a fault must be an object")
    known = {each.name for each in fields(Fault)} - {"seen", "struck"}
    if unknown := set(given) - known:
        raise BadFault(f"unknown keys in a fault: {', '.join(sorted(unknown))}")
    effect = given.get("effect")
    if effect not in EFFECTS:
        raise BadFault(f"effect must be one of: {', '.join(EFFECTS)}")
    defaults: dict[str, Any] = {"name": effect, "method": "*", "path": "*"}
    if effect in TOKEN_EFFECTS:
        defaults |= {"path": "*/oauth/token"}
    defaults |= {"kind": KINDS[effect]} if effect in KINDS else {}
    if effect in ("drop_answer", "cut_body", "garbage_json"):
        defaults |= {"when": "after"}
    if effect == "preflight":
        defaults |= {"method": "POST", "path": "*orders*"}
    try:
        fault = Fault(**{**defaults, **given})
        _check_kinds(fault)
        _check(fault)
    except TypeError as error:
        raise BadFault(f"a value in a fault is of the wrong type: {error}") from None
    return fault


def _check_kinds(fault: Fault) -> None:
    for name, value in vars(fault).items():
        if name in TEXTS and not isinstance(value, str):
            raise BadFault(f"{name} must be text")
        may_miss = value is None and name in ("times", "retry_after")
        if name in WHOLE and not may_miss and (type(value) is not int or value < 0):
            raise BadFault(f"{name} must be a whole number")


def _check(fault: Fault) -> None:
    if fault.effect == "cut_body" and fault.when != "after":
        raise BadFault("cut_body can only come after acting")
    if fault.when not in ("before", "after"):
        raise BadFault("when must be before or after")
    is_status = STATION_STATUS.fullmatch(fault.kind) or TASTY_STATUS.fullmatch(fault.kind)
    if fault.effect == "order_status" and not is_status:
        raise BadFault("kind must be a status code, such as LAT, or a status, such as Dead")
    if fault.effect == "tick_bar_status" and not re.fullmatch(r"[0-2]?\d|3[01]", fault.kind, re.ASCII):
        raise BadFault("kind must be the number of a bit, from 0 to 31")
    if fault.effect in FIELD_EFFECTS and not re.fullmatch(r"[\w-]+=.*", fault.kind, re.ASCII):
        raise BadFault("kind must be field=value")
    if fault.form not in ("", "v2", "v3"):
        raise BadFault("form must be v2 or v3")
    if fault.body not in BODIES:
        raise BadFault(f"body must be one of: {', '.join(BODIES)}")
    if not 400 <= fault.status <= 599:
        raise BadFault("status must be from 400 to 599")
    if not 0 <= fault.probability <= 1:
        raise BadFault("probability must be from 0 to 1")
    if not 0 <= fault.seconds <= 600:
        raise BadFault("seconds must be from 0 to 600")
