"""What a connection may still ask of its broker: the gate that all its calls go through, and how it stands."""

from dataclasses import replace
from urllib.parse import urlsplit

from django.conf import settings

from brokers import oauth, registry
from brokers.connections import waiting
from brokers.models import Connection
from brokers.port import AccessToken, Budget
from brokers.transport import ConnectionGate, GatedToken, Standing, ledger_at


def budgets_for(broker: str, environment: str) -> tuple[Budget, ...]:
    """The broker's budgets with the figures that the installation replaced."""
    own: dict[str, tuple[int, int]] = settings.BROKER_BUDGETS.get((broker, environment), {})
    budgets = registry.spec(broker).budgets
    return tuple(
        replace(budget, calls=own[budget.category][0], seconds=own[budget.category][1])
        if budget.category in own
        else budget
        for budget in budgets
    )


def gate_for(connection: Connection, *, urgent: bool = False) -> ConnectionGate:
    """``urgent`` is for looking up orders in doubt: such reads use the kept share and pass an open breaker."""
    broker, environment = connection.broker, connection.environment
    host = urlsplit(oauth.hosts_for(broker, environment).api).netloc
    return ConnectionGate(
        connection=str(connection.pk),
        world=f"{broker}:{environment}:{host}",
        title=registry.spec(broker).title,
        budgets=budgets_for(broker, environment),
        ledger=ledger_at(settings.REDIS_URL),
        urgent=urgent,
        sleep=waiting.sleep,
    )


def gated(token: AccessToken, connection: Connection, *, urgent: bool = False) -> AccessToken:
    """A token source whose calls go through the connection's gate."""
    return GatedToken(token, gate_for(connection, urgent=urgent))


def standing_of(connection: Connection) -> Standing | None:
    """How its calls stand; None for a broker or an environment that the installation no longer knows."""
    try:
        return gate_for(connection).standing()
    except LookupError:
        return None
