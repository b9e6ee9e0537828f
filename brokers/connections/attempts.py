"""Sign-ins at a broker that were begun here: one state each, bound to person, browser session and broker.

The state is 256 random bits, stored hashed, good once and for ten minutes. It is used up by whoever presents it,
wherever, before anything else is looked at.
"""

import hashlib
import logging
import secrets
from dataclasses import dataclass
from datetime import timedelta

from django.contrib.auth.models import User
from django.utils import timezone

from brokers import oauth
from brokers.connections.sealing import verifier_place
from brokers.models import ConnectAttempt, Connection
from brokers.vault import CannotUnseal, Secret, seal, unseal

log = logging.getLogger(__name__)

GOOD_FOR = timedelta(minutes=10)
KEPT_FOR = timedelta(days=1)
START_AGAIN = "Nothing was connected. Begin again from the connections page."

# What may go wrong on the way back from a broker: a title, and what happened and what to do in words.
PROBLEMS: dict[str, tuple[str, str]] = {
    "not_signed_in": (
        "You are not signed in here",
        "The broker sent you back, but this browser is not signed in at this address. Sign in, then begin again; "
        "always open the desk under the address below, for another name of the same machine is another sign-in.",
    ),
    "duplicate_parameters": (
        "The answer says things twice",
        "A broker's answer names each value once. This one does not, so somebody may have changed it. " + START_AGAIN,
    ),
    "no_state": (
        "The answer does not say what it belongs to",
        "The broker's answer carries no state. Either the address was opened by hand, or the broker sent its answer "
        "in a way that this desk does not take. " + START_AGAIN,
    ),
    "unknown_state": ("This sign-in was not begun here", "We know of no such sign-in. " + START_AGAIN),
    "used_state": (
        "This sign-in was already used",
        "Each sign-in counts once; perhaps the page was reloaded. Look at your connections: it may have worked. If "
        "not, begin again from there.",
    ),
    "expired_state": (
        "This sign-in took too long",
        "A sign-in must come back within ten minutes (if it did, check this machine's clock). " + START_AGAIN,
    ),
    "other_session": (
        "This sign-in was begun in another session",
        "It must come back to the browser session that began it; signing in anew here also ends it. " + START_AGAIN,
    ),
    "other_context": (
        "This answer belongs to another broker",
        "The sign-in was begun for a different broker or environment than the one this address is for. " + START_AGAIN,
    ),
    "wrong_issuer": (
        "This answer comes from somebody else",
        "It names an issuer that is not the broker you were sent to. " + START_AGAIN,
    ),
    "error_and_code": (
        "The answer contradicts itself",
        "It holds an error and a code at once, which no broker sends. " + START_AGAIN,
    ),
    "denied": ("You said no", "You did not allow the desk to use your accounts, so nothing was connected."),
    "provider_error": (
        "The broker could not do it",
        "The broker answered with an error. If it is about the redirect address or the client, the address below must "
        "be registered with the broker exactly as it stands. Nothing was connected.",
    ),
    "no_code": ("The answer holds no code", "The broker sent neither a code nor an error. " + START_AGAIN),
    "code_refused": (
        "The broker did not accept its own code",
        "It may be too old or used already, or the address below is not registered with the broker exactly as it "
        "stands. " + START_AGAIN,
    ),
    "client_refused": (
        "The broker does not accept this desk",
        "The OAuth client of this installation is not right: its operator must check client id and secret, and that "
        "the address below is registered exactly as it stands. Nothing was connected.",
    ),
    "unavailable": ("The broker did not answer", "Nothing was connected. Try again in a few minutes."),
    "refused": ("This can't be connected", "Nothing was connected."),
}


class ConnectProblem(Exception):
    """A sign-in that came to nothing. ``code`` names an entry of ``PROBLEMS``; ``detail`` adds to its words."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.detail = detail
        self.title, self.words = PROBLEMS[code]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the broker's redirect brought, each value at most once."""

    state: Secret
    code: Secret
    error: str = ""
    issuer: str = ""


def fingerprint(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def begin_connect(user: User, provider: oauth.Provider, session_key: str, reconnects: Connection | None = None) -> str:
    """Note an attempt and give the broker's address to send the person to."""
    now = timezone.now()
    ConnectAttempt.objects.filter(user=user, created_at__lt=now - KEPT_FOR).delete()
    state, verifier = Secret(secrets.token_urlsafe(32)), Secret(secrets.token_urlsafe(48))
    attempt = ConnectAttempt(
        user=user,
        broker=provider.spec.name,
        environment=provider.environment,
        reconnects=reconnects,
        state_sha256=fingerprint(state.reveal()),
        session_sha256=fingerprint(session_key),
        created_at=now,
    )
    attempt.sealed_verifier = seal(verifier, verifier_place(attempt))
    attempt.save()
    return oauth.authorize_url(provider, state, verifier)


def take_attempt(
    user: User, provider: oauth.Provider, session_key: str, answer: Answer
) -> tuple[ConnectAttempt, Secret]:
    """The attempt that an answer belongs to, used up, and its PKCE verifier; ``ConnectProblem`` otherwise."""
    if not answer.state:
        raise ConnectProblem("no_state")
    found = ConnectAttempt.objects.filter(state_sha256=fingerprint(answer.state.reveal()))
    is_first = found.filter(used_at=None).update(used_at=timezone.now()) == 1
    attempt = found.first()
    if attempt is None or attempt.user_id != user.pk:
        raise ConnectProblem("unknown_state")
    if not is_first:
        raise ConnectProblem("used_state")
    _check(attempt, provider, session_key, answer)
    try:
        return attempt, unseal(bytes(attempt.sealed_verifier), verifier_place(attempt))
    except CannotUnseal:
        raise ConnectProblem("expired_state") from None


def _check(attempt: ConnectAttempt, provider: oauth.Provider, session_key: str, answer: Answer) -> None:
    age = timezone.now() - attempt.created_at
    if (attempt.broker, attempt.environment) != (provider.spec.name, provider.environment):
        raise ConnectProblem("other_context")
    if not secrets.compare_digest(attempt.session_sha256, fingerprint(session_key)):
        raise ConnectProblem("other_session")
    if not -GOOD_FOR < age < GOOD_FOR:
        raise ConnectProblem("expired_state")
    if answer.issuer and not provider.is_issuer(answer.issuer):
        raise ConnectProblem("wrong_issuer")
    if answer.error and answer.code:
        raise ConnectProblem("error_and_code")
    if answer.error:
        code = answer.error if oauth.ERROR_CODE.fullmatch(answer.error) else "unreadable"
        raise ConnectProblem("denied") if code == "access_denied" else ConnectProblem("provider_error", code)
    if not answer.code:
        raise ConnectProblem("no_code")
