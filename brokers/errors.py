"""What can go wrong with a broker, as a tree that says what to do next.

BrokerError
├── Refused             they said no: show it
│   ├── NotAuthorized   connect again
│   ├── OrderRejected   they have looked at the order and do not want it
│   └── Ambiguous       several orders look like ours: nobody but a person can tell
├── Unavailable         nothing happened: try again later
│   └── RateLimited     … after ``retry_after`` seconds
├── OutcomeUnknown      it may have happened: find out, never repeat
└── UnexpectedReply     we could not read the answer

Messages are words for the person at the screen; they never hold a token or a payload.
"""

from brokers.domain.orders import Notice


class BrokerError(Exception):
    """``code`` is stable and ours; ``broker_code`` is the broker's own, where it gave one."""

    code = "broker_error"
    retryable = False

    def __init__(self, message: str, *, broker: str = "", broker_code: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.broker = broker
        self.broker_code = broker_code


class Refused(BrokerError):
    code = "broker_refused"

    def __init__(
        self,
        message: str,
        *,
        broker: str = "",
        broker_code: str = "",
        status: int | None = None,
        notices: tuple[Notice, ...] = (),
    ) -> None:
        super().__init__(message, broker=broker, broker_code=broker_code)
        self.status = status
        self.notices = notices


class NotAuthorized(Refused):
    """The grant is gone or lacks the right. ``grant_is_dead`` tells that only connecting anew will help."""

    code = "broker_not_authorized"

    def __init__(
        self,
        message: str,
        *,
        broker: str = "",
        broker_code: str = "",
        status: int | None = None,
        grant_is_dead: bool = False,
    ) -> None:
        super().__init__(message, broker=broker, broker_code=broker_code, status=status)
        self.grant_is_dead = grant_is_dead


class OrderRejected(Refused):
    """``broker_order_id`` is there when the broker gave the order that it refused a number, and lists it."""

    code = "order_rejected"

    def __init__(
        self,
        message: str,
        *,
        broker: str = "",
        broker_code: str = "",
        status: int | None = None,
        notices: tuple[Notice, ...] = (),
        broker_order_id: str | None = None,
    ) -> None:
        super().__init__(message, broker=broker, broker_code=broker_code, status=status, notices=notices)
        self.broker_order_id = broker_order_id


class Ambiguous(Refused):
    """An order in doubt was looked for, and several look alike; none is taken for it."""

    code = "order_ambiguous"


class Unavailable(BrokerError):
    """The request surely had no effect, or only asked."""

    code = "broker_unavailable"
    retryable = True


class RateLimited(Unavailable):
    code = "broker_rate_limited"

    def __init__(
        self, message: str, *, broker: str = "", broker_code: str = "", retry_after: float | None = None
    ) -> None:
        super().__init__(message, broker=broker, broker_code=broker_code)
        self.retry_after = retry_after


class OutcomeUnknown(BrokerError):
    code = "outcome_unknown"


class UnexpectedReply(BrokerError):
    """``path`` names the place in the answer that could not be read, never what stood there."""

    code = "broker_unexpected_reply"

    def __init__(self, message: str, *, broker: str = "", path: str = "") -> None:
        super().__init__(message, broker=broker)
        self.path = path
