"""Keeps secrets and forged lines out of the logs."""

import logging
import re
import threading
import traceback
from collections import OrderedDict
from urllib.parse import quote, quote_plus

MASK = "[secret]"
SHORTEST = 8
REMEMBERED = 2048

_known: "OrderedDict[str, None]" = OrderedDict()
_lock = threading.Lock()

_NAMES = (
    "access_token|refresh_token|id_token|auth-token|auth_token|client_secret|client-secret|code_verifier|code|state"
    "|password|token|api_key|x-api-key|sessionid|csrftoken|csrfmiddlewaretoken"
)
_PATTERNS = (
    # Authorization headers, however they are written.
    (re.compile(r"\b(Bearer|Basic)(\s+|%20|\+)[A-Za-z0-9._~+/=\-]{8,}", re.I), rf"\1 {MASK}"),
    # JSON and Python dictionaries: "refresh_token": "…"
    (re.compile(rf"""(\\?["'](?:{_NAMES})\\?["']\s*:\s*\\?["'])[^"'\\]*""", re.I), rf"\1{MASK}"),
    # Query strings, forms, cookies and keyword arguments: code=…, client_secret='…'
    (re.compile(rf"""((?<![\w-])(?:__Host-)?(?:{_NAMES})=["']?)[^\s&"'<>;,)\]}}]+""", re.I), rf"\1{MASK}"),
    # Three dotted base64 parts that begin like a JSON object: a token, whoever wrote it there.
    (re.compile(r"\beyJ[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]+(?:\.[A-Za-z0-9_\-]*)?"), MASK),
)
# What could end a line, colour a terminal or turn the reading direction.
_CONTROL = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def remember(value: str) -> None:
    """Take note of a secret, so that no log line shows it from now on; the oldest notes make room."""
    if len(value) < SHORTEST:
        return
    with _lock:
        for form in {value, quote(value, safe=""), quote_plus(value)}:
            _known[form] = None
            _known.move_to_end(form)
        while len(_known) > REMEMBERED:
            _known.popitem(last=False)


def redact(text: str) -> str:
    """The text without secrets: those that passed through this process, and what looks like one."""
    with _lock:
        known = [value for value in _known if value in text]
    for value in sorted(known, key=len, reverse=True):
        text = text.replace(value, MASK)
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text


def one_line(text: str) -> str:
    """Control characters written out, so that one event stays one line."""
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


class RedactionFilter(logging.Filter):
    """For handlers. It makes the record's text final, so that no later handler sees more.

    A traceback keeps its lines, each with a bar in front, so that none of them can pass for an event.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = one_line(redact(_message(record))), ()
        details = _traceback(record)
        record.exc_info = record.stack_info = None
        record.exc_text = _barred(redact(details)) if details else None
        return True


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:
        return f"{record.msg!s} (its arguments do not fit)"


def _traceback(record: logging.LogRecord) -> str:
    parts = []
    if record.exc_info and record.exc_info[0] is not None:
        parts.append("".join(traceback.format_exception(*record.exc_info)))
    elif record.exc_text:
        parts.append(record.exc_text)
    if record.stack_info:
        parts.append(record.stack_info)
    return "\n".join(part.rstrip("\n") for part in parts)


def _barred(text: str) -> str:
    return "\n".join(f"  | {one_line(line.removeprefix('  | '))}" for line in text.split("\n"))
