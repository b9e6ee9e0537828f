"""Connections that know whether anything was written on them, and the doors to brokers' hosts made of them."""

import os
import ssl
import threading
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import DEFAULT_CA_BUNDLE_PATH, HTTPAdapter
from requests.utils import DEFAULT_ACCEPT_ENCODING
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import ConnectionPool, HTTPConnectionPool, HTTPSConnectionPool
from urllib3.util.ssl_ import create_urllib3_context

# --- was it written? ------------------------------------------------------------------------------------------


class _Trace(threading.local):
    """What the connection of this thread did: ``watched`` when one of ours was tried, ``written`` when bytes left."""

    watched = False
    written = False

    def reset(self) -> None:
        self.watched = self.written = False

    @property
    def surely_unsent(self) -> bool:
        return self.watched and not self.written


trace = _Trace()


class _Watched(HTTPConnection):
    def connect(self) -> None:
        trace.watched = True
        super().connect()

    def send(self, data: Any) -> None:
        if self.sock is None:
            self.connect()
        trace.watched = trace.written = True
        super().send(data)


class _WatchedTLS(_Watched, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Watched


class _PoolTLS(HTTPSConnectionPool):
    ConnectionCls = _WatchedTLS


POOLS: dict[str, type[ConnectionPool]] = {"http": _Pool, "https": _PoolTLS}


# --- doors ----------------------------------------------------------------------------------------------------


@cache
def _trusting() -> ssl.SSLContext:
    """Certificates are checked against the bundle, and names; the bundle is read once, for that takes longer than all
    else about a request."""
    context = create_urllib3_context(cert_reqs=ssl.CERT_REQUIRED)
    context.load_verify_locations(DEFAULT_CA_BUNDLE_PATH)
    return context


class Door(HTTPAdapter):
    """The connections to a host. It keeps no cookies, for many people share it, knows of no proxies or netrc, follows
    nowhere and repeats nothing."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs, ssl_context=_trusting())
        self.poolmanager.pool_classes_by_scheme = POOLS

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        conn.cert_reqs = "CERT_REQUIRED"  # by the context's bundle

    def build_response(self, req: requests.PreparedRequest, resp: Any) -> requests.Response:
        response = requests.Response()
        response.status_code, response.reason = resp.status, resp.reason
        response.headers = requests.structures.CaseInsensitiveDict(resp.headers)
        response.raw, response.request, response.url = resp, req, str(req.url)
        return response


def new_door(pool: int) -> Door:
    return Door(pool_connections=2, pool_maxsize=pool, max_retries=0)


def prepared(
    method: str, url: str, params: Sequence[tuple[str, str]], headers: Mapping[str, str], body: Any
) -> requests.PreparedRequest:
    """A request with nothing that was not asked for; ``body`` is JSON, None for none."""
    made = requests.PreparedRequest()
    made.prepare_method(method)
    made.url = _written_out(url, tuple(params))
    made.prepare_headers({"Accept-Encoding": DEFAULT_ACCEPT_ENCODING, **headers})
    made.prepare_body(None, None, json=body)
    return made


@lru_cache(maxsize=1024)
def _written_out(url: str, params: tuple[tuple[str, str], ...]) -> str:
    """An address as it goes out. The same few are asked for again and again."""
    made = requests.PreparedRequest()
    made.prepare_url(url, list(params))
    return str(made.url)


_doors: dict[str, Door] = {}
_doors_lock = threading.Lock()


def reading_door(base_url: str) -> Door:
    """The process's one door to a broker's host, with its pooled connections."""
    parts = urlsplit(base_url)
    host = f"{parts.scheme}://{parts.netloc}"
    with _doors_lock:
        if host not in _doors:
            _doors[host] = new_door(pool=16)
        return _doors[host]


def close_doors() -> None:
    """Close the pooled connections."""
    with _doors_lock:
        for door in _doors.values():
            door.close()
        _doors.clear()


os.register_at_fork(after_in_child=_doors.clear)  # a child must not share its parent's sockets
