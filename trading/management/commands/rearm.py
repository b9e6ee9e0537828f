"""Takes halts back from the server's command line, with a reason."""

from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from trading.safety import halts
from trading.safety.halts import Halt


class Command(BaseCommand):
    help = "Lists the halts in force, or takes one back."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("halt", nargs="?", help="The id that `rearm` without arguments lists.")
        parser.add_argument("--reason", default="")

    def handle(self, *args: Any, **options: Any) -> None:
        if not options["halt"]:
            for halt in Halt.objects.filter(rearmed_at=None):
                self.stdout.write(f"{halt.pk}  {halt}  {halt.reason}")
            return
        try:
            halt = Halt.objects.get(pk=options["halt"])
            halts.rearm(halt, reason=options["reason"], user=None)
        except (Halt.DoesNotExist, ValidationError):
            raise CommandError("There is no such halt.") from None
        except halts.NotRearmable as error:
            raise CommandError(str(error)) from None
        self.stdout.write(f"Armed again: {halt.scope_words}")
