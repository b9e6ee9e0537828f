"""A desk on this machine for its owner, from nothing: `make run` (python -m config.local).

Makes keys on the first start (var/local.env), brings the database up to date, makes the demo user, starts the
simulator beside the desk and tells it the desk's OAuth client. Ctrl-C stops both. State lives in var/.
"""

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
import warnings
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VAR = Path(os.environ.get("VAR_DIR", ROOT / "var"))
LOCAL_ENV = VAR / "local.env"
DEMO_USER, DEMO_PASSWORD = "demo", "demo-blotter"


def main() -> int:
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
        register_client(port, sim_port, simulator)
        announce(port, sim_port)
        return serve(port)
    finally:
        simulator.terminate()
        simulator.wait(10)


def write_keys() -> None:
    """On the first start: a key for Django, one for the tokens, an OAuth client for the simulator."""
    if LOCAL_ENV.exists():
        return
    token_key = base64.b64encode(secrets.token_bytes(32)).decode()
    lines = [
        f"SECRET_KEY={secrets.token_urlsafe(48)}",
        f"TOKEN_KEYS=local:{token_key}",
        "TASTYTRADE_SIM_CLIENT_ID=blotter-local",
        f"TASTYTRADE_SIM_CLIENT_SECRET={secrets.token_urlsafe(32)}",
    ]
    with os.fdopen(os.open(LOCAL_ENV, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write("\n".join(lines) + "\n")


def environment(port: str, sim_port: str) -> dict[str, str]:
    """What the desk's processes find in their environment; what is set already wins."""
    simulator = f"http://localhost:{sim_port}/tastytrade"
    wanted = {
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "LOCAL": "1",
        "BASE_URL": f"http://localhost:{port}",
        "TASTYTRADE_SIM_API_URL": simulator,
        "TASTYTRADE_SIM_AUTHORIZE_URL": f"{simulator}/auth.html",
        "TASTYTRADE_SIM_TOKEN_URL": f"{simulator}/oauth/token",
        "TASTYTRADE_SIM_STREAMER_URL": f"ws://localhost:{sim_port}/tastytrade/streamer",
    }
    return {key: value for key, value in wanted.items() if key not in os.environ}


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


def register_client(port: str, sim_port: str, simulator: subprocess.Popen[bytes]) -> None:
    """Tell the simulator the desk's OAuth client, as a broker is told by hand; waits until it is up."""
    from django.conf import settings

    client = settings.BROKER_CLIENTS[("tastytrade", "sim")]
    bases = [settings.BASE_URL, f"http://localhost:{port}", f"http://127.0.0.1:{port}"]
    callbacks = [f"{base}/connect/tastytrade/sim/callback" for base in dict.fromkeys(bases)]
    body = json.dumps({"broker": "tastytrade", "redirect_uris": callbacks, **client}).encode()
    url = f"http://localhost:{sim_port}/control/clients"
    for _ in range(300):
        if simulator.poll() is not None:
            raise SystemExit(f"The simulator did not start. Is port {sim_port} in use? Choose another with SIM_PORT=…")
        try:
            headers = {"Content-Type": "application/json"}
            request = urllib.request.Request(url, data=body, headers=headers)
            urllib.request.urlopen(request, timeout=5).close()  # noqa: S310
            return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.1)
    raise SystemExit("The simulator did not answer in time.")


def announce(port: str, sim_port: str) -> None:
    print(
        f"\n  Blotter is at        http://localhost:{port}"
        f"\n  The simulator is at  http://localhost:{sim_port}"
        f"\n  Sign in as           {DEMO_USER} / {DEMO_PASSWORD}"
        "\n  Ctrl-C stops both. State is kept in var/.\n",
        flush=True,
    )


def serve(port: str) -> int:
    import uvicorn

    # Static files are read in one go by design: nothing that the desk's owner could do about it.
    warnings.filterwarnings("ignore", message="StreamingHttpResponse must consume synchronous iterators")
    with contextlib.suppress(KeyboardInterrupt):
        uvicorn.run(
            "config.asgi:application",
            host="127.0.0.1",
            port=int(port),
            log_level="info",
            access_log=False,
            ws="websockets-sansio",
            ws_per_message_deflate=False,
            log_config=None,
            timeout_graceful_shutdown=3,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
