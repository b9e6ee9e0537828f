"""The connections to a broker's host: whose certificates are believed, and what a request looks like on the wire."""

import ipaddress
import ssl
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from brokers.errors import Unavailable
from brokers.transport import Transport, forget_sessions, sessions
from brokers.wire import Request


class Broker(BaseHTTPRequestHandler):
    heard: list[dict[str, str]] = []

    def do_GET(self) -> None:
        self.heard.append(dict(self.headers))
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.send_header("Set-Cookie", "who=somebody-else")
        self.end_headers()
        self.wfile.write(b"{}")

    do_POST = do_GET

    def log_message(self, *_: Any) -> None:
        pass


def certificate(folder: Path, address: str) -> tuple[str, str]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a broker")])
    now = datetime.now(timezone.utc)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = (
        builder.serial_number(1).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    )
    builder = builder.add_extension(
        x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), critical=False
    )
    pem = serialization.Encoding.PEM
    (folder / "cert.pem").write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(pem))
    (folder / "key.pem").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return str(folder / "cert.pem"), str(folder / "key.pem")


@pytest.fixture
def fresh_trust() -> Iterator[None]:
    forget_sessions()
    sessions._trusting.cache_clear()
    yield
    forget_sessions()
    sessions._trusting.cache_clear()


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(("address", "is_believed"), [("127.0.0.1", True), ("127.0.0.2", False)])
def test_a_certificate_of_the_bundle_is_believed_for_its_own_name_alone(
    address: str, is_believed: bool, method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fresh_trust: None
) -> None:
    files = certificate(tmp_path, address)
    monkeypatch.setattr(sessions, "DEFAULT_CA_BUNDLE_PATH", files[0])
    server = HTTPServer(("127.0.0.1", 0), Broker)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*files)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    monkeypatch.setattr(Broker, "heard", [])
    transport = Transport(
        f"https://127.0.0.1:{server.server_port}", None, broker="x", read_error=lambda *_: None, sleep=lambda _: None
    )
    request = Request(method, "/orders", body={"one": 1} if method == "POST" else None)
    try:
        if is_believed:
            for _ in range(2):
                assert transport.send(request).value == {}
            assert all("Cookie" not in headers for headers in Broker.heard)
        else:
            with pytest.raises(Unavailable):
                transport.send(request)
            assert Broker.heard == []
    finally:
        server.shutdown()
        server.server_close()
