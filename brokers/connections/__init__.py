"""People's permission to use brokers: connect, keep the token fresh, disconnect. Only this package seals and unseals.

``access_token(connection_id)`` gives a usable token, ``broker_for(connection)`` a broker to ask,
``open_stream(connection, account_numbers)`` its live upstream.
"""

from brokers.connections.accounts import (
    broker_for,
    choose_default,
    open_stream,
    resync_accounts,
    test_connection,
)
from brokers.connections.attempts import Answer, ConnectProblem, begin_connect
from brokers.connections.clock import token_question
from brokers.connections.connect import connect_personal, disconnect, finish_connect
from brokers.connections.tokens import access_token
from brokers.oauth import hosts_for

__all__ = [
    "Answer",
    "ConnectProblem",
    "access_token",
    "begin_connect",
    "broker_for",
    "choose_default",
    "connect_personal",
    "disconnect",
    "finish_connect",
    "hosts_for",
    "open_stream",
    "resync_accounts",
    "test_connection",
    "token_question",
]
