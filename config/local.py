"""A desk on this machine for its owner, from nothing: `make run` (python -m config.local).

Makes keys on the first start (var/local.env), brings the database up to date, makes the demo user, starts the
simulator beside the desk and tells it the desk's OAuth clients, one per broker. Ctrl-C stops both. State lives in var/.
"""

import argparse
import base64
import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path

from brokers.registry import BROKERS

ROOT = Path(__file__).resolve().parent.parent
VAR = Path(os.environ.get("VAR_DIR", ROOT / "var"))
LOCAL_ENV = VAR / "local.env"
PATIENCE = 1800  # tenths of a second: a busy machine may be slow, and one that fails ends by itself
DEMO_USER, DEMO_PASSWORD = "demo", "demo-blotter"


def main() -> int:
    argparse.ArgumentParser(
        prog="python -m config.local",
        description="Start a desk on this machine, with a simulated broker beside it.",
        epilog="In the environment PORT and SIM_PORT choose the ports (8000, 8001), VAR_DIR where state is kept.",
    ).parse_args()
    port, sim_port = os.environ.get("PORT", "8000"), os.environ.get("SIM_PORT", "8001")
    os.umask(0o077)  # keys, database and books are for their owner's eyes
    VAR.mkdir(parents=True, exist_ok=True)
    write_keys()
    os.environ.update(environment(port, sim_port))
    subprocess.run([sys.executable, "manage.py", "migrate", "--noinput", "-v", "0"], cwd=ROOT, check=True)
    make_demo_user()
    simulator = start_simulator(sim_port)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # so that the simulator is stopped then, too
    try:
        register_clients(port, sim_port, simulator)
        announce(port, sim_port)
        return serve(port)
    finally:
        simulator.terminate()
        simulator.wait(10)


def write_keys() -> None:
    """What is not kept yet: keys for Django and for the tokens, an OAuth client at the simulator for each broker."""
    text = LOCAL_ENV.read_text() if LOCAL_ENV.exists() else ""
    kept = {line.partition("=")[0] for line in text.splitlines()}
    missing = [f"{name}={value}\n" for name, value in fresh_keys().items() if name not in kept]
    if missing:
        missing[0] = "\n" * (text[-1:] not in ("", "\n")) + missing[0]
        with os.fdopen(os.open(LOCAL_ENV, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "w") as file:
            file.writelines(missing)


def fresh_keys() -> dict[str, str]:
    token_key = base64.b64encode(secrets.token_bytes(32)).decode()
    keys = {"SECRET_KEY": secrets.token_urlsafe(48), "TOKEN_KEYS": f"local:{token_key}"}
    for broker in BROKERS:
        keys[f"{broker.upper()}_SIM_CLIENT_ID"] = f"blotter-local-{broker}"
        keys[f"{broker.upper()}_SIM_CLIENT_SECRET"] = secrets.token_urlsafe(32)
    return keys


def environment(port: str, sim_port: str) -> dict[str, str]:
    """What the desk's processes find in their environment; what is set already wins."""
    wanted = {
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "LOCAL": "1",
        "BASE_URL": f"http://localhost:{port}",
        **dict(simulator_addresses(f"localhost:{sim_port}")),
    }
    return {key: value for key, value in wanted.items() if key not in os.environ}


def desk_of_this_folder() -> dict[str, str]:
    """What a command (`manage.py halt`) must know of the desk that was made here; nothing where it was told which desk
    it is for."""
    is_told = any(name in os.environ for name in ("DJANGO_SETTINGS_MODULE", "SECRET_KEY", "BASE_URL"))
    if is_told or (ROOT / ".env").is_file() or not LOCAL_ENV.is_file():
        return {}
    return environment(os.environ.get("PORT", "8000"), os.environ.get("SIM_PORT", "8001"))


def simulator_addresses(host: str) -> Iterator[tuple[str, str]]:
    """The variables that point each broker's SIM at the simulator."""
    for broker in BROKERS.values():
        paths = asdict(broker.at_simulator) if broker.at_simulator is not None else {}
        for name, path in paths.items():
            if path:
                scheme = "ws" if name == "streamer" else "http"
                yield f"{broker.name.upper()}_SIM_{name.upper()}_URL", f"{scheme}://{host}{path}"


def make_demo_user() -> None:
    import django

    django.setup()
    from django.contrib.auth import get_user_model

    users = get_user_model().objects
    if not users.filter(username=DEMO_USER).exists():
        users.create_superuser(DEMO_USER, "demo@localhost", DEMO_PASSWORD)


def start_simulator(sim_port: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "manage.py", "simulate", "--port", sim_port, "--always-open"]
    command += ["--state", str(VAR / "simulator.json")]
    return subprocess.Popen(command, cwd=ROOT, start_new_session=True)  # noqa: S603


def register_clients(port: str, sim_port: str, simulator: subprocess.Popen[bytes]) -> None:
    """Tell the simulator the desk's OAuth clients, as a broker is told by hand; waits until it is up."""
    from django.conf import settings

    bases = dict.fromkeys([settings.BASE_URL, f"http://localhost:{port}", f"http://127.0.0.1:{port}"])
    for broker in [name for name, spec in BROKERS.items() if spec.at_simulator is not None]:
        client = settings.BROKER_CLIENTS[(broker, "sim")]
        callbacks = [f"{base}/connect/{broker}/sim/callback" for base in bases]
        tell(sim_port, simulator, {"broker": broker, "redirect_uris": callbacks, **client})


def tell(sim_port: str, simulator: subprocess.Popen[bytes], client: Mapping[str, object]) -> None:
    url, body = f"http://localhost:{sim_port}/control/clients", json.dumps(client).encode()
    for _ in range(PATIENCE):
        if simulator.poll() is not None:
            raise SystemExit(f"The simulator did not start. Is port {sim_port} in use? Choose another with SIM_PORT=…")
        try:
            headers = {"Content-Type": "application/json"}
            request = urllib.request.Request(url, data=body, headers=headers)
            urllib.request.urlopen(request, timeout=5).close()  # noqa: S310
            return
        except urllib.error.HTTPError as refusal:
            raise SystemExit(f"The simulator refuses the desk's client: {refusal.read().decode()}") from None
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.1)
    raise SystemExit("The simulator did not answer in time.")


def announce(port: str, sim_port: str) -> None:
    print(
        f"\n  Blotter is at        http://localhost:{port}"
        f"\n  The simulator is at  http://localhost:{sim_port}"
        f"\n  Sign in as           {DEMO_USER} / {DEMO_PASSWORD}"
        f"\n  Ctrl-C stops both. State is kept in {VAR.relative_to(ROOT) if VAR.is_relative_to(ROOT) else VAR}/.\n",
        flush=True,
    )


def serve(port: str) -> int:
    import uvicorn

    with contextlib.suppress(KeyboardInterrupt):
        uvicorn.run(
            "config.asgi:application",
            host="127.0.0.1",
            port=int(port),
            log_level="info",
            access_log=False,
            ws="brokers.live.server:LiveProtocol",
            ws_per_message_deflate=False,
            log_config=None,
            timeout_graceful_shutdown=3,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
