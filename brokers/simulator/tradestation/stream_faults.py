"""How faults reach a stream: which end it, which take its lines away, which change what the lines say."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from brokers.simulator.faults import Fault, Faults
from brokers.simulator.tradestation.rows import line

Dialect = Literal["v2", "v3", "words"]
GOODBYES = {
    "v2": {"Error": "GoAway", "Message": "The server is about to shut down."},
    "v3": {"StreamStatus": "GoAway"},
}
DUAL_LOGON = {"Error": "DualLogon", "Message": "The same user opened real-time data elsewhere."}
MESSAGES = {
    "BadRequest": "The request is not valid.",
    "InternalServerError": "Something went wrong on our side.",
    "ServiceUnavailable": "The service is not available.",
    "GatewayTimeout": "A server behind this one took too long to answer.",
    "Forbidden": "Invalid Account ID.",
    "NotFound": "Order not found.",
    "Failed": "The request failed.",
}
ENDING = ("stream_close", "goaway", "dual_logon", "stream_error")
CHANGING = (
    "drop_order_frames",
    "duplicate_order_frames",
    "lower_case_symbol",
    "shuffle_legs",
    "quantity_remaining_lies",
)


@dataclass(frozen=True, slots=True)
class Blow:
    """What befalls a stream now: words to say, and whether it ends with them (or without a word: a reset)."""

    words: bytes = b""
    ends: bool = False
    resets: bool = False


def goodbye(dialect: Dialect, form: str = "") -> bytes:
    """The server's last words, in a given form or the stream's own; the oldest streams end with a bare word."""
    return b"END" if dialect == "words" else line(GOODBYES[form or dialect])


def last_error(dialect: Dialect, error: Mapping[str, str]) -> bytes:
    return f"ERROR - {error['Message']}".encode() if dialect == "words" else line(error)


class Spoiler:
    """The faults of one stream. ``accounts``: exchange numbers by the names that the wire calls them."""

    def __init__(
        self, faults: Faults, path: str, dialect: Dialect, symbols: Collection[str], accounts: Mapping[str, str]
    ) -> None:
        self.faults = faults
        self.path = path
        self.dialect = dialect
        self.symbols = symbols
        self.accounts = accounts
        self.names = {*accounts, *accounts.values()}

    @property
    def idle(self) -> bool:
        """Nothing at all is planned."""
        return not self.faults.plan

    def blow(self) -> Blow | None:
        """What strikes the whole stream at this moment."""
        for effect in ENDING if self.faults.plan else ():
            fault = self.faults.struck(effect, self.names, self.symbols, self.path)
            if fault is not None:
                return self._blow(fault)
        return None

    def _blow(self, fault: Fault) -> Blow:
        match fault.effect:
            case "stream_close":
                return Blow(resets=True)
            case "goaway":
                return Blow(goodbye(self.dialect, fault.form), ends=True)
            case "dual_logon":
                return Blow(last_error(self.dialect, DUAL_LOGON), ends=True)
        return self._error(fault)

    def _error(self, fault: Fault) -> Blow:
        """An error in the stream: for one account, for one symbol, or for all, which ends it."""
        kind = fault.kind or "InternalServerError"
        if fault.account:
            known = next((name for name, number in self.accounts.items() if fault.account in (name, number)), "")
            return Blow(line({"Error": kind, "Message": MESSAGES.get(kind, kind), "AccountID": known}))
        if fault.symbol:
            return Blow(line({"Symbol": fault.symbol, "Error": kind}))
        if kind == "GoAway":
            return Blow(goodbye(self.dialect, "v2"), ends=True)
        return Blow(last_error(self.dialect, {"Error": kind, "Message": MESSAGES.get(kind, kind)}), ends=True)

    def silences(self, effect: str) -> bool:
        """Whether what would be sent now is lost."""
        return bool(self.faults.plan) and self.faults.struck(effect, self.names, self.symbols, self.path) is not None

    def cuts(self) -> bool:
        return self.silences("cut_frames")

    def spoil(self, lines: list[bytes], *, live: bool) -> list[bytes]:
        """The lines as the faults leave them. What is lost or doubled is so only after the snapshot (``live``)."""
        if not self.faults.planned(CHANGING):
            return lines
        return [spoilt for each in lines for whole in each.splitlines() for spoilt in self._spoil(whole, live)]

    def _spoil(self, whole: bytes, live: bool) -> list[bytes]:
        value = json.loads(whole)
        symbols, accounts = _symbols(value), self._accounts(value)
        is_order = "OrderID" in value and "Legs" in value

        def strikes(effect: str) -> bool:
            return self.faults.struck(effect, accounts, symbols, self.path) is not None

        if is_order and live and strikes("drop_order_frames"):
            return []
        if symbols and strikes("lower_case_symbol"):
            _lower(value)
        if is_order and len(value["Legs"]) > 1 and strikes("shuffle_legs"):
            value["Legs"] = value["Legs"][1:] + value["Legs"][:1]
        if is_order and strikes("quantity_remaining_lies"):
            value["Legs"] = [{**leg, "QuantityRemaining": "0"} for leg in value["Legs"]]
        twice = is_order and live and strikes("duplicate_order_frames")
        return [line(value)] * (2 if twice else 1)

    def _accounts(self, value: Mapping[str, Any]) -> set[str]:
        name = value.get("AccountID")
        return {name, self.accounts.get(name, name)} if isinstance(name, str) else set()


def _symbols(value: Mapping[str, Any]) -> set[str]:
    legs = value.get("Legs", [])
    found = {value.get("Symbol"), *(leg.get("Symbol") for leg in legs)}
    return {each for each in found if isinstance(each, str)}


def _lower(value: dict[str, Any]) -> None:
    for each in (value, *value.get("Legs", [])):
        if "Symbol" in each:
            each["Symbol"] = each["Symbol"].lower()
