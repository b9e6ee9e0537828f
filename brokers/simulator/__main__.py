"""``python -m brokers.simulator``: the made-up brokers as a program of their own, without settings or database."""

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from brokers.simulator.app import make_app
from brokers.simulator.faults import BadFault
from brokers.simulator.server import make_server


def add_options(parser: ArgumentParser) -> None:
    parser.add_argument("--port", type=int, default=8001, help="where it listens, on this machine only")
    parser.add_argument("--seed", type=int, default=7, help="the same seed makes the same market")
    parser.add_argument("--speed", type=float, default=1.0, help="simulated seconds in a real second")
    parser.add_argument("--always-open", action="store_true", help="trade at night and at weekends too")
    parser.add_argument("--faults", type=Path, metavar="FILE", help="what is to go wrong, as JSON")
    parser.add_argument("--state", type=Path, metavar="FILE", help="keep accounts and grants over restarts")


def serve(options: Namespace) -> int:
    """Serve until stopped; 2 when the file of faults can't be used."""
    try:
        app = make_app(
            seed=options.seed,
            always_open=options.always_open,
            speed=options.speed,
            faults_file=options.faults,
            state_file=options.state,
        )
    except BadFault as error:
        print(error, file=sys.stderr)
        return 2
    print(f"The simulator is at http://localhost:{options.port} (control: /control/)", flush=True)
    make_server(app, options.port).run()
    return 0


def main() -> int:
    parser = ArgumentParser(
        prog="python -m brokers.simulator",
        description="Serve a made-up market behind the brokers' real wire, on this machine only.",
    )
    add_options(parser)
    return serve(parser.parse_args())


if __name__ == "__main__":
    sys.exit(main())
