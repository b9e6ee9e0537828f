"""``manage.py simulate``: the made-up brokers as a program of their own. It needs no database."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = "Serve a made-up market behind the brokers' real wire, on this machine only."
    requires_system_checks: list[str] = []
    requires_migrations_checks = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=8001)
        parser.add_argument("--seed", type=int, default=7, help="the same seed makes the same market")
        parser.add_argument("--speed", type=float, default=1.0, help="simulated seconds in a real second")
        parser.add_argument("--always-open", action="store_true", help="trade at night and at weekends too")
        parser.add_argument("--faults", type=Path, metavar="FILE", help="what is to go wrong, as JSON")
        parser.add_argument("--state", type=Path, metavar="FILE", help="keep accounts and grants over restarts")

    def handle(self, *args: Any, **options: Any) -> None:
        # Imported here: the desk must not load the simulator by loading its commands.
        from brokers.simulator.app import make_app
        from brokers.simulator.faults import BadFault
        from brokers.simulator.server import make_server

        try:
            app = make_app(
                seed=options["seed"],
                always_open=options["always_open"],
                speed=options["speed"],
                faults_file=options["faults"],
                state_file=options["state"],
            )
        except BadFault as error:
            self.stderr.write(str(error))
            sys.exit(2)
        self.stdout.write(f"The simulator is at http://localhost:{options['port']} (control: /control/)")
        make_server(app, options["port"]).run()
