"""Log lines: no secret, one line for one event."""

import io
import logging
import secrets

import pytest

from brokers.redaction import MASK, RedactionFilter, redact
from brokers.vault import Secret


def logged(message: object, *args: object, exc_info: object = None, extra: dict[str, object] | None = None) -> str:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.addFilter(RedactionFilter())
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    logger = logging.Logger("test")
    logger.addHandler(handler)
    logger.error(message, *args, exc_info=exc_info, extra=extra)  # type: ignore[arg-type]
    return stream.getvalue()


TOKEN = "abcDEF123456-_7890"


@pytest.mark.parametrize(
    "line",
    [
        f"Authorization: Bearer {TOKEN}",
        f"authorization: bearer {TOKEN}",
        f"Authorization: Basic {TOKEN}==",
        f'{{"access_token": "{TOKEN}", "expires_in": 900}}',
        f"{{'refresh_token': '{TOKEN}'}}",
        f'{{\\"client_secret\\": \\"{TOKEN}\\"}}',
        f"GET /connect/tastytrade/sim/callback?code={TOKEN}&state={TOKEN} 200",
        f"grant_type=refresh_token&refresh_token={TOKEN}&client_secret={TOKEN}",
        f"call(client_secret='{TOKEN}', label='x')",
        f'{{"auth-token": "Bearer {TOKEN}"}}',
        f"Cookie: sessionid={TOKEN}; csrftoken={TOKEN}",
        "token eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJkZW1vIn0.c2lnbmF0dXJl said",
    ],
)
def test_what_looks_like_a_secret_is_masked(line: str) -> None:
    written = logged("%s", line)
    assert TOKEN not in written
    assert "eyJhbGci" not in written
    assert MASK in written


def test_ordinary_lines_stay_as_they_are() -> None:
    line = "connection 3 could not be renewed (invalid_grant): try in 60 s, status code 400, P/L −12.50"
    assert redact(line) == line


def test_a_secret_that_passed_through_is_masked_wherever_it_turns_up() -> None:
    value = secrets.token_hex(20)
    assert value in logged("an opaque %s", value)
    Secret(value)
    for written in (
        logged("an opaque %s", value),
        logged(value),
        logged(f"half{value}half"),
        logged("%r", {"x": value}),
    ):
        assert value not in written


def test_its_url_encoded_form_is_masked_too() -> None:
    Secret("slash/plus+equals=and more")
    assert "plus" not in logged("sent slash%2Fplus%2Bequals%3Dand%20more and slash%2Fplus%2Bequals%3Dand+more")


def test_tracebacks_are_masked_and_cannot_pass_for_events() -> None:
    value = secrets.token_hex(20)
    Secret(value)
    try:
        raise ValueError(f"no good: {value}\nERROR forged event\x1b[31m")
    except ValueError as error:
        written = logged("it failed", exc_info=error)
    assert value not in written
    assert "Traceback" in written
    assert "\x1b" not in written
    assert [line for line in written.splitlines() if not line.startswith("  | ")] == ["ERROR it failed"]


@pytest.mark.parametrize(
    "character", ["\n", "\r", "\r\n", "\x0b", "\x0c", "\x1b[2J", "\x85", "\u2028", "\u2029", "\x00"]
)
def test_one_event_is_one_line(character: str) -> None:
    written = logged("name %s", f"x{character}ERROR forged")
    assert len(written.splitlines()) == 1
    assert written.removesuffix("\n").isprintable()


def test_a_message_whose_arguments_do_not_fit_is_written_without_them() -> None:
    assert "do not fit" in logged("%s and %s", "only one")


def test_a_later_handler_sees_no_more_than_the_first() -> None:
    value = secrets.token_hex(20)
    Secret(value)
    record = logging.LogRecord("x", logging.ERROR, "f", 1, "said %s", (value,), None)
    RedactionFilter().filter(record)
    assert value not in record.getMessage()
    assert record.args == ()
