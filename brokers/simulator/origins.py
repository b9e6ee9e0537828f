"""Who may drive the control port: programs of this machine and its own pages, but no page from elsewhere."""

import re
from ipaddress import ip_address

from starlette.requests import Request

OWN = ("same-origin", "none")  # "none": the person typed the address
FORMS = ("application/x-www-form-urlencoded", "multipart/form-data", "text/plain")
HOST = re.compile(r"(\[[^\]]*\]|[^:]*)(:\d+)?")


def why_not(request: Request) -> str:
    """Why a request is refused; empty when it is not.

    A browser says where a page comes from, so a page from elsewhere gives itself away. The Host header must be one of
    loopback, for a name that was pointed at this machine would make any page one of the same origin.
    """
    host = request.headers.get("host", "")
    named = HOST.fullmatch(host)
    if named is None or not is_loopback(named[1].strip("[]").lower()):
        return f"the control port answers on this machine only, not as {host[:100]!r}"
    origin = request.headers.get("origin")
    if request.headers.get("sec-fetch-site", "none") not in OWN or origin not in (None, f"http://{host}"):
        return "the control port does not answer to pages from elsewhere"
    return ""


def is_foreign_body(request: Request) -> bool:
    """Whether the body comes as a page's form would send it: what a page may send elsewhere without asking first."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return kind in FORMS


def is_loopback(name: str) -> bool:
    """Whether a host name is this machine's own for certain: it is not looked up."""
    if name == "localhost":
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False
