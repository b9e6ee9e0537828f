"""Connections that know whether anything was written on them, and the sessions made of them."""

import os
import threading
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import ConnectionPool, HTTPConnectionPool, HTTPSConnectionPool

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


def new_session(pool: int) -> requests.Session:
    """A session that keeps no cookies, for many people share it, reads no proxies or netrc, and repeats nothing."""
    session = requests.Session()
    session.trust_env = False
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    adapter = _Adapter(pool_connections=2, pool_maxsize=pool, max_retries=0)
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
            _sessions[host] = new_session(pool=16)
        return _sessions[host]


def close_sessions() -> None:
    """Close the pooled connections."""
    with _sessions_lock:
        for session in _sessions.values():
            session.close()
        _sessions.clear()


os.register_at_fork(after_in_child=_sessions.clear)  # a child must not share its parent's sockets
