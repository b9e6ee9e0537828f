"""What all of TradeStation's answers share: error envelopes, failures inside a 200, symbols in paths (section 3)."""

from collections.abc import Iterable
from decimal import Decimal
from urllib.parse import quote

from brokers.errors import (
    BrokerError,
    NotAuthorized,
    OrderRejected,
    OutcomeUnknown,
    RateLimited,
    Refused,
    Unavailable,
    UnexpectedReply,
)
from brokers.wire import ErrorDocument, Node, Purpose, Request

BROKER = "TradeStation"
LONGEST_MESSAGE = 500
FAILURES = frozenset({"internalservererror", "serviceunavailable", "gatewaytimeout", "badgateway", "timeout"})


def escaped(segment: str) -> str:
    """A symbol or id as one segment of a path."""
    return quote(segment, safe="")


def listed(segments: Iterable[str]) -> str:
    """Several as one segment, joined by commas."""
    return ",".join(escaped(segment) for segment in segments)


def account_path(account_number: str, *rest: str) -> str:
    return "/".join(("/brokerage/accounts", escaped(account_number), *rest))


# --- numbers ------------------------------------------------------------------------------------------------------


def number(node: Node, key: str) -> Decimal | None:
    """A number; None when it is absent, null or empty text."""
    child = node.get(key)
    return child.number() if child is not None and child.value != "" else None


def price(node: Node, key: str) -> Decimal | None:
    """A number above 0; None for 0 as well, which stands for "there is none"."""
    return number(node, key) or None


def text(node: Node, key: str) -> str:
    child = node.get(key)
    return child.text() if child is not None else ""


# --- errors (section 3.1) -----------------------------------------------------------------------------------------


def read_error(status: int, node: Node) -> ErrorDocument | None:
    """The broker's words out of ``{Error, Message}`` or the old ``{StatusCode, Message}``; else None."""
    code = _words(node, "Error") or (_words(node, "StatusCode") if "TraceId" in node else "")
    if not code:
        return None
    message = _words(node, "Message") or f"TradeStation refused this (status {status})."
    return ErrorDocument(code, message[:LONGEST_MESSAGE])


def check(node: Node, request: Request) -> Node:
    """The answer itself, unless it is a failure in the form of a success (200 with an error object)."""
    if isinstance(node.value, dict) and "Error" in node:
        raise failure(node, request)
    return node


def check_account(node: Node, request: Request) -> Node:
    """As ``check``, for an answer about one account: any failed part of it is a failure of the whole."""
    check(node, request)
    for part in parts_failed(node):
        raise failure(part, request)
    return node


def parts_failed(node: Node) -> list[Node]:
    """The members of ``Errors``: parts of the request that failed in an answer of status 200."""
    return list(node["Errors"].items()) if "Errors" in node else []


def failure(part: Node, request: Request) -> BrokerError:
    """What an error object in a 200 means for a request."""
    code = _words(part, "Error")
    words = (_words(part, "Message") or code or "TradeStation refused this.")[:LONGEST_MESSAGE]
    word = code.replace(" ", "").lower()
    if word in FAILURES:
        if request.acts:
            return OutcomeUnknown(f"{words} It may have acted or not. It is being looked up.", broker=BROKER)
        return Unavailable(words, broker=BROKER, broker_code=code)
    if word == "toomanyrequests":
        return RateLimited(words, broker=BROKER, broker_code=code)
    if word == "unauthorized":
        return NotAuthorized(words, broker=BROKER, broker_code=code)
    if request.purpose is Purpose.OTHER:
        return Refused(words, broker=BROKER, broker_code=code, status=200)
    number = _words(part, "OrderID") or None
    return OrderRejected(words, broker=BROKER, broker_code=code, status=200, broker_order_id=number)


def _words(node: Node, key: str) -> str:
    """Words for people, tolerant: anything else than text or a number is no words."""
    try:
        return node[key].identifier() if key in node else ""
    except UnexpectedReply:
        return ""
