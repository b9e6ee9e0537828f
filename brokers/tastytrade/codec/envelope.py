"""What all of tastytrade's answers share: envelope, pages, errors, signs."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from urllib.parse import quote

from brokers.domain.orders import Notice
from brokers.errors import UnexpectedReply
from brokers.wire import ErrorDocument, Node, Request, optional_number

ACCEPT_VERSION = "20251101"
SIGNS = {"Credit": 1, "Debit": -1, "None": 0}
LONGEST_MESSAGE = 500


def escaped(segment: str) -> str:
    """A symbol or id as one segment of a path."""
    return quote(segment, safe="")


def items(node: Node) -> Iterator[Node]:
    """The members of a collection; an object in its place counts as its only member (older versions)."""
    data = node["data"]
    if isinstance(data.value, dict) and "items" not in data.value:
        yield data
    else:
        yield from data["items"].items()


@dataclass(frozen=True, slots=True)
class Page:
    """Where a page stands in its collection."""

    number: int
    is_last: bool


def page(node: Node, asked: int, per_page: int) -> Page:
    """The place of a page; ``UnexpectedReply`` when it is not the page that was asked for, or may hide others."""
    pagination = node.get("pagination")
    if pagination is None:
        if asked or len(list(items(node))) >= per_page:
            raise UnexpectedReply("The broker's list came without its page numbers.", path="pagination")
        return Page(0, is_last=True)
    number = pagination["page-offset"].whole()
    if number != asked:
        raise pagination["page-offset"].wrong("the page that was asked for")
    return Page(number, is_last=number + 1 >= pagination["total-pages"].whole())


def on_page(request: Request, number: int) -> Request:
    return replace(request, params=(*request.params, ("page-offset", str(number))))


# --- errors (section 3.5) ---------------------------------------------------------------------------------------


def read_error(status: int, node: Node) -> ErrorDocument | None:
    """The broker's words out of ``{"error": {…}}``; None when the body is not of that shape."""
    if "error" not in node:
        return None
    error = node["error"]
    if not isinstance(error.value, dict) or "code" not in error:
        return None
    notices = read_notices(error, "errors")
    message = _plain_text(error, "message") or f"tastytrade refused this (status {status})."
    if notices:
        message = f"{message.rstrip('.:')}: {' '.join(notice.message for notice in notices)}"
    return ErrorDocument(error["code"].identifier(), message[:LONGEST_MESSAGE], notices)


def read_notices(node: Node, key: str) -> tuple[Notice, ...]:
    """A list of ``{code, message}`` or ``{domain, reason}``; what has neither shape is left out."""
    found = node.value.get(key) if isinstance(node.value, dict) else None
    if not isinstance(found, list):
        return ()
    notices = (_notice(member) for member in node[key].items() if isinstance(member.value, dict))
    return tuple(notice for notice in notices if notice.code or notice.message)


def _notice(member: Node) -> Notice:
    domain, reason = _plain_text(member, "domain"), _plain_text(member, "reason")
    code = _plain_text(member, "code") or domain
    message = _plain_text(member, "message") or f"{domain} {reason}".strip() or code
    return Notice(code, message[:LONGEST_MESSAGE])


def _plain_text(node: Node, key: str) -> str:
    """Words for people, tolerant: anything else than text or a number is no words."""
    try:
        return node[key].identifier() if key in node else ""
    except UnexpectedReply:
        return ""


# --- signs (section 3.4) ----------------------------------------------------------------------------------------


def signed(node: Node, key: str) -> Decimal | None:
    """An amount from the account's side: credit positive, debit negative. None when it is absent."""
    amount = optional_number(node, key)
    if amount is None or amount == 0:
        return amount
    sign = node[f"{key}-effect"].one_of(SIGNS)
    if sign == 0:
        raise node[f"{key}-effect"].wrong("Credit or Debit")
    return amount * sign
