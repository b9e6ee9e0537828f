"""How a fault's error answer looks on the wire of the broker that was asked."""

import secrets
from typing import Any

from brokers.simulator.subjects import TRADESTATION
from brokers.simulator.tastytrade.envelope import preflight as preflight_refusal
from brokers.simulator.tradestation.answers import TITLES


def told_status(path: str, status: int, name: str, kind: str) -> dict[str, Any]:
    """The body of a status that a fault puts in place of the answer; ``kind`` is the code, "" for the usual one."""
    message = f"The simulator was told to answer {status} ({name})."
    if path.startswith(TRADESTATION):
        return {"Error": kind or TITLES.get(status, "Failed"), "Message": message}
    if status == 500 and not kind:
        return broken(path, secrets.token_hex(16))
    return {"error": {"code": kind or "simulated_fault", "message": message}}


def preflight(code: str) -> tuple[int, dict[str, Any]]:
    """tastytrade's refusal of an order, with any code."""
    return 422, preflight_refusal(code, f"The simulator was told to refuse the order ({code}).").body()


def error_in_200(path: str, kind: str) -> dict[str, str]:
    """An error object where data are expected. Placements name it FAILED; replaces and cancels, the order."""
    number = path.rpartition("/")[2]
    words = {"Error": kind, "Message": f"The simulator was told to fail ({kind})."}
    return words | ({"OrderID": number} if number.isdigit() else {})


def broken(path: str, number: str) -> dict[str, Any]:
    """The body of a 500 for a mistake of ours; the log has it under this number."""
    message = f"An internal error occurred. Please contact support with the identifier {number}"
    if path.startswith(TRADESTATION):
        return {"Error": TITLES[500], "Message": message}
    return {"error": {"code": "internal_server_error", "message": message}}


def throttled(path: str) -> dict[str, str] | None:
    """The body of a 429; None where the broker sends it bare."""
    if not path.startswith(TRADESTATION):
        return None
    if path.endswith("/oauth/token"):
        return {"error": "too_many_requests", "error_description": "Too many requests."}
    return {"Error": "TooManyRequests", "Message": "Rate quota exceeded"}


def dead_grant(path: str) -> tuple[int, dict[str, str]]:
    """The token endpoint's answer for a grant that is no more."""
    if path.startswith(TRADESTATION):
        return 403, {"error": "invalid_grant", "error_description": "Unknown or invalid refresh token."}
    return 400, {"error_code": "invalid_grant", "error_description": "Grant has been revoked"}


def bad_minute(path: str, kind: str) -> tuple[int, dict[str, str]]:
    """The token endpoint's answer in one of its bad minutes; ``kind`` is the code, "" for the usual one."""
    if path.startswith(TRADESTATION):
        code, words = kind or "temporarily_unavailable", "Service is temporarily unavailable."
        return 503, {"error": code, "error_description": words}
    return 400, {"error_code": kind or "invalid_request", "error_description": "Customer is not available"}
