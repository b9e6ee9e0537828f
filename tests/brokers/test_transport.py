"""The door to HTTP, against real sockets that misbehave in every way the outcome table names."""

import gzip
import json
import logging
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from simulator_server import wait_until

from brokers import transport
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
from brokers.tastytrade.codec.envelope import read_error
from brokers.transport import Timeouts, Transport
from brokers.wire import Purpose, Request

READ = Request("GET", "/accounts")
ORDER = Request("POST", "/orders", body={"price": "1.00"}, acts=True, purpose=Purpose.PLACE)
PREVIEW = Request("POST", "/orders/dry-run", body={}, purpose=Purpose.PREVIEW)
SHORT = Timeouts(connect=0.5, read=0.3, total=0.8)
PATIENT = Timeouts(connect=20, read=20, total=40)
"""Where it is not the waiting that is tried."""
PAGE = "<html><body>502 Bad Gateway</body></html>"
Script = Callable[[socket.socket, bytes], None]


@dataclass
class Peer:
    """A server on loopback that treats its n-th request by the n-th script, and all later ones by the last."""

    url: str = ""
    heard: list[bytes] = field(default_factory=list)
    connections: int = 0
    drops_after: int = 0


@contextmanager
def peer(*scripts: Script, keep_alive: bool = False, read_first: bool = True) -> Iterator[Peer]:
    server = socket.create_server(("127.0.0.1", 0))
    server.settimeout(0.05)
    made = Peer(f"http://127.0.0.1:{server.getsockname()[1]}")
    stopping = threading.Event()

    def serve(client: socket.socket) -> None:
        with client:
            while True:
                heard = whole_request(client) if read_first else b""
                if read_first and not heard:
                    return
                made.heard.append(heard)
                scripts[min(len(made.heard), len(scripts)) - 1](client, heard)
                if not keep_alive or made.drops_after == len(made.heard):
                    return

    def accept() -> None:
        while not stopping.is_set():
            try:
                client, _ = server.accept()
            except TimeoutError:
                continue
            made.connections += 1
            client.settimeout(3)
            threading.Thread(target=quietly, args=(serve, client), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        stopping.set()
        thread.join()
        server.close()
        transport.forget_sessions()


def quietly(serve: Callable[[socket.socket], None], client: socket.socket) -> None:
    try:
        serve(client)
    except OSError:
        return


def whole_request(client: socket.socket) -> bytes:
    heard = b""
    while b"\r\n\r\n" not in heard:
        piece = client.recv(65536)
        if not piece:
            return heard
        heard += piece
    head, _, body = heard.partition(b"\r\n\r\n")
    length = next((int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0)
    while len(body) < length:
        body += client.recv(65536)
    return head + b"\r\n\r\n" + body


def says(status: int, body: object = None, *headers: str) -> Script:
    content = body.encode() if isinstance(body, str) else b"" if body is None else json.dumps(body).encode()
    return raw(status, content, *headers)


def raw(status: int, content: bytes, *headers: str) -> Script:
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(content)}", *headers, "", ""]
    return lambda client, heard: client.sendall("\r\n".join(lines).encode() + content)


def hangs(client: socket.socket, heard: bytes) -> None:
    client.recv(1)


def resets(client: socket.socket, heard: bytes) -> None:
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


def closes(client: socket.socket, heard: bytes) -> None:
    return


def half_a_body(client: socket.socket, heard: bytes) -> None:
    client.sendall(b'HTTP/1.1 201 X\r\nContent-Length: 900\r\n\r\n{"data": {"order"')


def half_a_chunk(client: socket.socket, heard: bytes) -> None:
    client.sendall(b'HTTP/1.1 201 X\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n{"data": {"order"')


def talks_nonsense(client: socket.socket, heard: bytes) -> None:
    client.sendall(b"no tls here at all\r\n")


def trickles(client: socket.socket, heard: bytes) -> None:
    client.sendall(b"HTTP/1.1 200 X\r\nContent-Length: 900\r\n\r\n")
    for _ in range(800):
        client.sendall(b" ")
        time.sleep(0.05)


def refusal(code: str = "preflight_check_failure") -> dict[str, object]:
    errors = [{"code": "margin_check_failed", "message": "Not enough buying power."}]
    return {"error": {"code": code, "message": "One or more checks failed", "errors": errors}}


class Tokens:
    """Gives token-1, and one further each time that one is refused."""

    def __init__(self) -> None:
        self.number = 1
        self.calls: list[str | None] = []

    def __call__(self, *, refused: str | None = None) -> str:
        self.calls.append(refused)
        if refused == f"token-{self.number}":
            self.number += 1
        return f"token-{self.number}"


ENDLESS = (hangs, trickles)


def door(url: str, token: object = None, *scripts: Script) -> Transport:
    """Short of patience only where a script never answers."""
    within = SHORT if set(scripts) & set(ENDLESS) else PATIENT
    return Transport(url, token or Tokens(), broker="tastytrade", read_error=read_error, acting=within, reading=within)


def outcome(request: Request, *scripts: Script, **options: bool) -> BrokerError:
    with peer(*scripts, **options) as made, pytest.raises(BrokerError) as caught:
        door(made.url, None, *scripts).send(request)
    return caught.value


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


# --- the way through ----------------------------------------------------------------------------------------------


def test_an_answer_is_decoded_and_the_request_is_what_was_asked() -> None:
    with peer(says(200, {"data": {"n": 1}})) as made:
        request = Request("GET", "/x/BRK%2FB", (("k[]", "a"), ("k[]", "b c")))
        node = Transport(
            made.url + "/base", Tokens(), broker="b", read_error=read_error, headers={"Accept-Version": "20251101"}
        ).send(request)
    assert node["data"]["n"].whole() == 1
    head = made.heard[0].decode().split("\r\n")
    assert head[0] == "GET /base/x/BRK%2FB?k%5B%5D=a&k%5B%5D=b+c HTTP/1.1"
    assert {"Authorization: Bearer token-1", "Accept-Version: 20251101", "Accept: application/json"} <= set(head)
    assert any(line.startswith("User-Agent: blotter/") for line in head)


def test_no_content_is_an_empty_node() -> None:
    with peer(says(204)) as made:
        assert door(made.url).send(READ).value is None


def test_a_packed_answer_is_unpacked_whole() -> None:
    body = json.dumps({"data": ["x" * 50] * 5000}).encode()
    with peer(raw(200, gzip.compress(body), "Content-Encoding: gzip")) as made:
        assert len(door(made.url).send(READ)["data"].value) == 5000


def test_reads_share_a_connection_and_orders_never_do() -> None:
    ok = says(200, {"data": {}})
    with peer(ok, keep_alive=True) as made:
        for _ in range(3):
            door(made.url).send(READ)
        assert made.connections == 1
        for _ in range(2):
            door(made.url).send(ORDER)
        assert made.connections == 3
    assert b"Connection: close" in made.heard[-1]


def test_no_cookie_of_one_person_reaches_another() -> None:
    with peer(says(200, {}, "Set-Cookie: AWSALB=someone; Path=/"), keep_alive=True) as made:
        door(made.url).send(READ)
        door(made.url).send(READ)
    assert b"Cookie" not in made.heard[1]


def test_orders_out_can_be_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    out: list[tuple[Purpose, int]] = []
    monkeypatch.setattr(transport, "acting_watchers", [lambda request, attempt: out.append((request.purpose, attempt))])
    with peer(says(200, {})) as made:
        for request in (READ, PREVIEW, ORDER):
            door(made.url).send(request)
    assert out == [(Purpose.PLACE, 1)]


# --- nothing happened ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("request_", [READ, ORDER, PREVIEW])
def test_a_refused_connection_is_unavailable(request_: Request) -> None:
    with pytest.raises(Unavailable) as caught:
        door(f"http://127.0.0.1:{free_port()}").send(request_)
    assert type(caught.value) is Unavailable
    assert ("Nothing was sent" in caught.value.message) == request_.acts


def test_a_host_without_address_is_unavailable_even_for_an_order() -> None:
    with pytest.raises(Unavailable):
        door("http://no-such-host.invalid").send(ORDER)


def test_a_failed_tls_handshake_is_unavailable_even_for_an_order() -> None:
    with peer(talks_nonsense, read_first=False) as made, pytest.raises(Unavailable):
        door(made.url.replace("http:", "https:")).send(ORDER)


def test_a_certificate_nobody_vouches_for_is_unavailable(tmp_path: object) -> None:
    certificate, key = self_signed(str(tmp_path))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    reached: list[bytes] = []

    def handshake(client: socket.socket, heard: bytes) -> None:
        with context.wrap_socket(client, server_side=True) as wrapped:
            reached.append(wrapped.recv(10))

    with peer(handshake, read_first=False) as made, pytest.raises(Unavailable):
        door(made.url.replace("http:", "https:")).send(ORDER)
    assert reached in ([], [b""])


def self_signed(folder: str) -> tuple[str, str]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(timezone.utc)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now).not_valid_after(now + timedelta(days=1))
    pem = serialization.Encoding.PEM
    paths = (f"{folder}/cert.pem", f"{folder}/key.pem")
    with open(paths[0], "wb") as file:
        file.write(builder.sign(key, hashes.SHA256()).public_bytes(pem))
    with open(paths[1], "wb") as file:
        file.write(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    return paths


def test_a_token_that_cannot_be_had_sends_nothing() -> None:
    def token(*, refused: str | None = None) -> str:
        raise UnexpectedReply("odd")

    with peer(says(200, {})) as made:
        with pytest.raises(Unavailable):
            door(made.url, token).send(ORDER)
        assert made.heard == []


@pytest.mark.parametrize("at", [1, 2])
def test_a_sign_in_that_can_t_be_read_sends_no_order(at: int) -> None:
    """The database's pool is used up between the last look and the bytes, or after a 401 that proves nothing was taken.

    Whoever only reads is told the fault as it is.
    """
    calls = []

    def token(*, refused: str | None = None) -> str:
        calls.append(refused)
        if len(calls) == at:
            raise TimeoutError("couldn't get a connection after 2.00 sec")
        return f"token-{len(calls)}"

    with peer(says(401, refusal()), says(200, {})) as made:
        with pytest.raises(Unavailable, match="Nothing was sent"):
            door(made.url, token).send(ORDER)
        assert len(made.heard) == at - 1
        calls.clear()
        if at == 1:
            with pytest.raises(TimeoutError):
                door(made.url, token).send(READ)


# --- orders: it may have happened ---------------------------------------------------------------------------------

DOUBTFUL = {
    "hangs": hangs,
    "resets after reading": resets,
    "closes after reading": closes,
    "half a body": half_a_body,
    "half a chunk": half_a_chunk,
    "trickles": trickles,
    "502 page": says(502, PAGE, "Content-Type: text/html"),
    "503 with a document": says(503, refusal(), "Retry-After: 0"),
    "500 with a document": says(500, refusal()),
    "408": says(408, refusal()),
    "redirect": says(307, "", "Location: http://127.0.0.1:9/orders"),
    "404 page": says(404, PAGE),
    "empty 400": says(400),
    "401 page": says(401, PAGE),
    "bare 429": says(429),
    "other json 422": says(422, {"message": "gateway"}),
    "201 that is no json": says(201, "OK"),
    "201 cut but closed properly": says(201, '{"data": {"order"'),
    "406 with a document": says(406, {"error": {"code": 406, "message": "version"}}),
}


@pytest.mark.parametrize("script", DOUBTFUL.values(), ids=DOUBTFUL.keys())
def test_an_order_without_a_clear_answer_has_an_unknown_outcome_and_goes_out_once(script: Script) -> None:
    with peer(script) as made:
        with pytest.raises(OutcomeUnknown):
            door(made.url, None, script).send(ORDER)
        wait_until(lambda: made.heard)
        time.sleep(0.05)
        assert len(made.heard) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("request_", [ORDER, READ, PREVIEW], ids=lambda request: request.method + request.path)
def test_a_redirect_is_never_followed(status: int, request_: Request) -> None:
    """What is sent is meant for this host and for this once: an order that is led on would be sent twice."""
    with peer(says(201, {"data": {}})) as elsewhere, peer(says(status, "", f"Location: {elsewhere.url}/on")) as made:
        with pytest.raises(OutcomeUnknown if request_.acts else Unavailable):
            door(made.url).send(request_)
        assert (len(made.heard), elsewhere.heard) == (1, [])


def test_an_order_to_a_peer_that_closes_before_reading_is_unknown_for_bytes_had_left() -> None:
    assert isinstance(outcome(ORDER, closes, read_first=False), OutcomeUnknown)


def test_a_time_out_of_an_order_comes_within_its_limit() -> None:
    started = time.monotonic()
    outcome(ORDER, trickles)
    assert time.monotonic() - started < 20


# --- orders: they said no -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [400, 403, 404, 409, 422])
def test_the_brokers_own_no_is_a_rejection_in_its_words(status: int) -> None:
    error = outcome(ORDER, says(status, refusal()))
    assert isinstance(error, OrderRejected)
    assert (error.broker, error.broker_code, error.status) == ("tastytrade", "preflight_check_failure", status)
    assert error.message == "One or more checks failed: Not enough buying power."
    assert error.notices[0].code == "margin_check_failed"


def test_a_previews_no_is_a_rejection_and_a_reads_no_is_a_refusal() -> None:
    assert isinstance(outcome(PREVIEW, says(422, refusal())), OrderRejected)
    assert type(outcome(READ, says(422, refusal()))) is Refused
    assert type(outcome(READ, says(404, refusal("record_not_found")))) is Refused


def test_a_preview_that_is_lost_did_nothing() -> None:
    assert type(outcome(PREVIEW, hangs)) is Unavailable
    assert type(outcome(PREVIEW, says(502, PAGE))) is Unavailable


@pytest.mark.parametrize("script", [says(429, refusal()), says(429, None, "Retry-After: 7")])
def test_a_429_that_is_surely_the_brokers_is_a_rate_limit(script: Script) -> None:
    error = outcome(ORDER, script)
    assert isinstance(error, RateLimited)
    assert error.retry_after in (None, 7.0)


# --- 401 ----------------------------------------------------------------------------------------------------------

EXPIRED = {"error": {"code": "token_invalid", "message": "This token is invalid or has expired"}}


@pytest.mark.parametrize("request_", [READ, ORDER])
def test_an_expired_token_is_renewed_once_and_the_request_repeated(request_: Request) -> None:
    tokens = Tokens()
    with peer(says(401, EXPIRED), says(200, {"data": 1}), keep_alive=True) as made:
        assert door(made.url, tokens).send(request_)["data"].whole() == 1
    assert tokens.calls == [None, "token-1"]
    assert b"Bearer token-2" in made.heard[1]


@pytest.mark.parametrize("request_", [ORDER, READ], ids=["order", "read"])
def test_a_401_is_not_repeated_with_the_token_that_was_refused(request_: Request) -> None:
    with peer(says(401, refusal())) as made:
        with pytest.raises(NotAuthorized):
            door(made.url, lambda *, refused=None: "the same").send(request_)
        assert len(made.heard) == 1


def test_a_second_401_is_not_authorized() -> None:
    with peer(says(401, EXPIRED)) as made:
        with pytest.raises(NotAuthorized) as caught:
            door(made.url).send(ORDER)
        assert len(made.heard) == 2
    assert not caught.value.grant_is_dead


def test_a_gateways_401_page_renews_nothing() -> None:
    tokens = Tokens()
    with peer(says(401, PAGE)) as made, pytest.raises(Unavailable):
        door(made.url, tokens).send(READ)
    assert tokens.calls == [None]


def test_a_dead_grant_is_told_as_it_is() -> None:
    def token(*, refused: str | None = None) -> str:
        if refused:
            raise NotAuthorized("Connect again.", grant_is_dead=True)
        return "token-1"

    with peer(says(401, EXPIRED)) as made, pytest.raises(NotAuthorized) as caught:
        door(made.url, token).send(ORDER)
    assert caught.value.grant_is_dead


# --- reads --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("script", [hangs, resets, half_a_body, says(500, refusal()), says(404, PAGE), says(302)])
def test_a_read_without_an_answer_is_unavailable(script: Script) -> None:
    assert type(outcome(READ, script)) is Unavailable


@pytest.mark.parametrize("body", ["<html>", "", '{"data":'])
def test_a_read_that_brings_garbage_is_unexpected(body: str) -> None:
    assert isinstance(outcome(READ, says(200, body)), UnexpectedReply)


def test_a_forbidden_read_is_not_authorized() -> None:
    error = outcome(READ, says(403, {"error": {"code": "not_permitted", "message": "User not permitted access"}}))
    assert isinstance(error, NotAuthorized)
    assert error.broker_code == "not_permitted"


@pytest.mark.parametrize("status", [429, 502, 503])
def test_a_read_is_tried_again_where_that_may_help(status: int) -> None:
    with peer(says(status, PAGE, "Retry-After: 0"), says(200, {"data": 5}), keep_alive=True) as made:
        assert door(made.url).send(READ)["data"].whole() == 5


def test_a_kept_connection_that_the_broker_closed_is_not_noticed() -> None:
    with peer(says(200, {"data": 1}), closes, says(200, {"data": 2}), keep_alive=True) as made:
        assert door(made.url).send(READ)["data"].whole() == 1
        made.drops_after = 2
        assert door(made.url).send(READ)["data"].whole() == 2


def test_a_read_that_timed_out_is_not_waited_for_again() -> None:
    with peer(hangs) as made, pytest.raises(Unavailable):
        door(made.url, None, hangs).send(READ)
    assert made.connections == 1


def test_a_read_gives_up_after_a_few_tries() -> None:
    with peer(says(503, PAGE), keep_alive=True) as made:
        with pytest.raises(Unavailable):
            door(made.url).send(READ)
        assert len(made.heard) == 3


def test_a_broker_that_wants_a_long_pause_is_not_waited_for() -> None:
    slept: list[float] = []
    with peer(says(429, None, "Retry-After: 120")) as made, pytest.raises(RateLimited) as caught:
        replace(door(made.url), sleep=slept.append).send(READ)
    assert caught.value.retry_after == 120
    assert slept == []


@pytest.mark.parametrize("status", [408, 500, 504])
def test_a_read_is_tried_again_after_any_trouble_that_may_pass(status: int) -> None:
    with peer(says(status, refusal()), says(200, {"data": 5}), keep_alive=True) as made:
        assert door(made.url).send(READ)["data"].whole() == 5


def pauses(*scripts: Script) -> list[float]:
    """How long a read waits between its tries."""
    slept: list[float] = []
    with peer(*scripts, keep_alive=True) as made, suppress(BrokerError):
        replace(door(made.url), sleep=slept.append).send(READ)
    return slept


def test_pauses_between_tries_grow_and_are_never_the_same() -> None:
    rounds = [pauses(says(503, PAGE)) for _ in range(10)]
    assert all(0.1 <= first <= 0.3 and 0.2 <= second <= 0.5 for first, second in rounds)
    assert len({first for first, _ in rounds}) == 10


def test_a_pause_that_the_broker_asks_for_is_kept() -> None:
    assert 3 <= pauses(says(503, PAGE, "Retry-After: 3"), says(200, {}))[0] <= 3.2
    later = format_datetime(datetime.now(timezone.utc) + timedelta(seconds=4), usegmt=True)
    assert 0.5 < pauses(says(429, PAGE, f"Retry-After: {later}"), says(200, {}))[0] <= 4.2
    assert pauses(says(503, PAGE, "Retry-After: 6")) == []
    assert pauses(says(503, PAGE, "Retry-After: nan"), says(200, {}))[0] < 0.5
    assert pauses(says(503, PAGE, "Retry-After: soon"), says(200, {}))[0] < 0.5


def test_a_read_that_broke_off_is_tried_once_more() -> None:
    with peer(half_a_body, keep_alive=False) as made:
        with pytest.raises(Unavailable):
            door(made.url).send(READ)
        assert len(made.heard) == 2


def test_a_preview_is_never_repeated() -> None:
    with peer(says(503, PAGE)) as made:
        with pytest.raises(Unavailable):
            door(made.url).send(PREVIEW)
        assert len(made.heard) == 1


def test_no_secret_is_in_errors_or_logs(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with peer(says(401, EXPIRED), says(200, "private-payload")) as made, pytest.raises(OutcomeUnknown) as caught:
        door(made.url).send(ORDER)
    for text in (caplog.text, repr(caught.value), caught.value.message):
        assert "token-1" not in text
        assert "token-2" not in text
        assert "private-payload" not in text


def test_many_threads_can_use_the_door_at_once() -> None:
    with peer(says(200, {"data": 1}), keep_alive=True) as made:
        door_ = door(made.url)
        answers: list[int] = []
        threads = [threading.Thread(target=lambda: answers.append(door_.send(READ)["data"].whole())) for _ in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert answers == [1] * 12
