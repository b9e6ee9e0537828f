"""The record of all trading: who did what, when, from where, in one hash chain per person.

``record`` appends within the transaction that does the thing, so that neither is there without the other.
``acting`` says who is at work; ``verify`` walks a chain and names what was tampered with.
"""

from trading.audit.acting import SYSTEM, Actor, acting, current
from trading.audit.events import order_event, previewed
from trading.audit.recording import NotInTransaction, NotThere, record
from trading.audit.verifying import Fault, Report, verify

__all__ = [
    "SYSTEM",
    "Actor",
    "Fault",
    "NotInTransaction",
    "NotThere",
    "Report",
    "acting",
    "current",
    "order_event",
    "previewed",
    "record",
    "verify",
]
