"""Connects the receivers; called once when the app is ready."""

from allauth.account import signals as account_signals
from django.contrib.auth import signals as auth_signals

from brokers import signals
from trading.audit import receivers

HEARD = (
    (signals.connection_changed, receivers.connection_changed),
    (signals.connection_renewed, receivers.connection_renewed),
    (auth_signals.user_logged_in, receivers.signed_in),
    (auth_signals.user_logged_out, receivers.signed_out),
    (auth_signals.user_login_failed, receivers.sign_in_failed),
    (account_signals.password_changed, receivers.password_changed),
    (account_signals.password_set, receivers.password_changed),
    (account_signals.password_reset, receivers.password_changed),
    (account_signals.email_changed, receivers.email_changed),
)


def listen() -> None:
    for signal, receiver in HEARD:
        signal.connect(receiver, dispatch_uid=f"trading.audit.{receiver.__name__}")
