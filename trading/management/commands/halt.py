"""Stops trading from the server's command line: it needs the database and nothing else."""

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError

from brokers import registry
from brokers.models import Account
from trading.safety import halts
from trading.safety.halts import Scope, TradingState

SCOPES = "installation, broker:<name>, user:<username> or account:<number or id>"


class Command(BaseCommand):
    help = "Halts trading at once. Arm it again with `rearm`, or on the page."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--scope", required=True, help=SCOPES)
        parser.add_argument("--reducing", action="store_true", help="Let orders out that make positions smaller.")
        parser.add_argument("--reason", required=True)

    def handle(self, *args: Any, **options: Any) -> None:
        state = TradingState.REDUCING if options["reducing"] else TradingState.HALTED
        for scope in scopes_named(options["scope"]):
            try:
                halt = halts.press(scope, state, reason=options["reason"])
            except ValueError as error:
                raise CommandError(str(error)) from None
            self.stdout.write(f"{halt} ({halt.pk})")
            for entry in halt.on_their_way:
                self.stdout.write(f"  was on its way: {entry['order']} {entry['description']}")


def scopes_named(text: str) -> list[Scope]:
    """The scope that a command line names; one account may be there through several connections."""
    kind, _, name = text.partition(":")
    if kind == "installation" and not name:
        return [Scope.installation()]
    if kind == "broker" and name in registry.BROKERS:
        return [Scope.of_broker(name)]
    if kind == "user" and (user := User.objects.filter(username=name).first()):
        return [Scope.of_user(user.pk)]
    if kind == "account" and (found := [row for row in Account.objects.all() if name in (row.number, str(row.pk))]):
        return [Scope.of_account(row) for row in found]
    raise CommandError(f"There is no {text!r} here. A scope is {SCOPES}.")
