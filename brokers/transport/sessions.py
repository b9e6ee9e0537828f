"""Connections that know whether anything was written on them, and the sessions made of them."""

import os
import threading
from http.cookiejar import DefaultCookiePolicy
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3 import BaseHTTPResponse
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import ConnectionPool, HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import MaxRetryError, ReadTimeoutError
from urllib3.util.retry import Retry

LONGEST_WAIT = 5.0

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


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = POOLS


# --- sessions -------------------------------------------------------------------------------------------------


class _PatientRetry(Retry):
    """Does not wait for a broker that asks for more patience than a person at a screen has."""

    def increment(
        self,
        method: str | None = None,
        url: str | None = None,
        response: BaseHTTPResponse | None = None,
        error: Exception | None = None,
        _pool: ConnectionPool | None = None,
        _stacktrace: TracebackType | None = None,
    ) -> Self:
        if isinstance(error, ReadTimeoutError):
            raise error  # one long wait is enough; a kept connection that the broker had closed is worth another try
        wait = self.get_retry_after(response) if response is not None else None
        if wait is not None and wait > LONGEST_WAIT and _pool is not None and url is not None:
            raise MaxRetryError(_pool, url)
        return super().increment(method, url, response, error, _pool, _stacktrace)


READ_RETRIES = _PatientRetry(
    total=2,
    connect=1,
    read=1,
    redirect=0,
    other=0,
    status=2,
    allowed_methods={"GET"},
    status_forcelist={429, 502, 503},
    backoff_factor=0.2,
    backoff_jitter=0.2,
    raise_on_status=False,
)


def new_session(retries: Retry | int, pool: int) -> requests.Session:
    """A session that keeps no cookies, for many people share it, and reads no proxies or netrc."""
    session = requests.Session()
    session.trust_env = False
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    adapter = _Adapter(pool_connections=2, pool_maxsize=pool, max_retries=retries)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


_sessions: dict[str, requests.Session] = {}
_sessions_lock = threading.Lock()


def reading_session(base_url: str) -> requests.Session:
    """The process's one session for a broker's host, with its pooled connections."""
    parts = urlsplit(base_url)
    host = f"{parts.scheme}://{parts.netloc}"
    with _sessions_lock:
        if host not in _sessions:
            _sessions[host] = new_session(READ_RETRIES, pool=16)
        return _sessions[host]


def forget_sessions() -> None:
    """Close the pooled connections; also for a forked child, which must not share its parent's sockets."""
    with _sessions_lock:
        for session in _sessions.values():
            session.close()
        _sessions.clear()


os.register_at_fork(after_in_child=_sessions.clear)
