"""What the pages say about connections, in words."""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from django.utils import timezone

from brokers import oauth, registry
from brokers.connections.calls import standing_of
from brokers.connections.tokens import needed_life
from brokers.models import Account, Connection
from brokers.port import Environment
from brokers.transport import CallsLeft, Standing


@dataclass(frozen=True)
class Card:
    """One connection as its panel shows it."""

    connection: Connection

    @cached_property
    def provider(self) -> oauth.Provider | None:
        try:
            return oauth.provider_for(self.connection.broker, self.connection.environment)
        except LookupError:
            return None

    @property
    def broker_title(self) -> str:
        return self.provider.spec.title if self.provider else self.connection.broker

    @property
    def accounts(self) -> list[Account]:
        return list(self.connection.accounts.all())

    @property
    def open_accounts(self) -> list[Account]:
        return [account for account in self.accounts if not account.is_closed]

    @property
    def is_struggling(self) -> bool:
        return self.connection.is_connected and self.connection.fail_count > 0

    @property
    def status(self) -> str:
        if self.is_struggling:
            return "Connected, renewal failing"
        if self.silent_since:
            return "Connected, not answering"
        return Connection.State(self.connection.state).label

    @property
    def tone(self) -> str:
        """The badge's colour, which only repeats what its words say."""
        if self.is_struggling or self.silent_since:
            return "warn"
        return "ok" if self.connection.is_connected else "bad"

    @property
    def scopes(self) -> list[str]:
        """What the permission allows, each once; in the broker's own word where we have none."""
        words = self.provider.spec.scope_words if self.provider else {}
        return list(dict.fromkeys(words.get(scope, scope) for scope in self.connection.scopes.split()))

    @property
    def looks_only(self) -> bool:
        return self.connection.is_connected and not self.connection.may_trade

    @property
    def next_refresh_at(self) -> datetime | None:
        """When the token is next due for renewal; it happens at the first use from then on."""
        row = self.connection
        if not row.is_connected or self.provider is None:
            return None
        due = row.access_expires_at - needed_life(row) if row.access_expires_at else None
        if row.not_before is not None and (due is None or row.not_before > due):
            return row.not_before
        return due

    @property
    def refresh_is_due(self) -> bool:
        return self.next_refresh_at is not None and self.next_refresh_at <= timezone.now()

    @cached_property
    def standing(self) -> Standing | None:
        return standing_of(self.connection) if self.connection.is_connected else None

    @property
    def silent_since(self) -> datetime | None:
        """Since when the broker does not answer; None while it does, as far as is known."""
        return self.standing.silent_since if self.standing else None

    @property
    def calls_left(self) -> CallsLeft | None:
        """The kind of call of which the smallest part is left."""
        calls = self.standing.calls if self.standing else ()
        return min(calls, key=lambda each: (each.left / each.limit, each.limit), default=None)

    @property
    def is_personal(self) -> bool:
        return self.connection.grant_kind == Connection.GrantKind.PERSONAL

    @property
    def can_sign_in(self) -> bool:
        """Whether the broker's sign-in page can renew it."""
        return self.provider is not None and self.provider.client.is_set_up and not self.is_personal

    @property
    def where_grants_end(self) -> str:
        return self.provider.spec.where_grants_end if self.provider else "On the broker's own site."


@dataclass(frozen=True)
class Choice:
    """One environment of a broker that people may connect, or could if it were set up."""

    provider: oauth.Provider

    @property
    def configured(self) -> bool:
        return self.provider.client.is_set_up

    @property
    def takes_personal_grants(self) -> bool:
        return self.provider.spec.capabilities.personal_grant

    @property
    def variables(self) -> list[str]:
        """The environment variables that would set it up."""
        broker, environment = self.provider.spec.name.upper(), self.provider.environment
        prefix = broker if environment is Environment.LIVE else f"{broker}_{environment.upper()}"
        return [f"{prefix}_CLIENT_ID", f"{prefix}_CLIENT_SECRET"]


def choices() -> list[Choice]:
    """Every broker's environments, the simulated ones first."""
    found = []
    for environment in Environment:
        for broker in registry.BROKERS:
            try:
                found.append(Choice(oauth.provider_for(broker, environment)))
            except LookupError:
                continue
    return found
