"""What `make run` keeps and sets: keys once, a client and the simulator's addresses for each broker."""

import contextlib
import os
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from brokers.registry import BROKERS
from config import local


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "local.env"
    monkeypatch.setattr(local, "LOCAL_ENV", path)
    return path


def values(path: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in path.read_text().splitlines())


def test_the_first_start_makes_keys_and_a_client_of_its_own_for_each_broker(kept: Path) -> None:
    local.write_keys()
    made = values(kept)
    assert len(made["SECRET_KEY"]) >= 50
    clients = {made[f"{broker.upper()}_SIM_CLIENT_ID"] for broker in BROKERS}
    secrets = {made[f"{broker.upper()}_SIM_CLIENT_SECRET"] for broker in BROKERS}
    assert (len(clients), len(secrets)) == (len(BROKERS), len(BROKERS))
    assert stat.S_IMODE(os.stat(kept).st_mode) == 0o600


def test_a_second_start_keeps_everything(kept: Path) -> None:
    local.write_keys()
    before = kept.read_text()
    local.write_keys()
    assert kept.read_text() == before


@pytest.mark.parametrize("end", ["\n", ""])
def test_keys_of_an_older_desk_stay_and_what_is_new_is_added(kept: Path, end: str) -> None:
    kept.write_text(f"SECRET_KEY=old\nTOKEN_KEYS=local:old=={end}")
    local.write_keys()
    after = values(kept)
    assert (after["SECRET_KEY"], after["TOKEN_KEYS"]) == ("old", "local:old==")
    assert after.keys() == local.fresh_keys().keys()


def test_each_brokers_sim_is_pointed_at_the_simulator_unless_it_is_set_already(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in [name for name in os.environ if name.endswith("_URL")]:
        monkeypatch.delenv(name)
    wanted = local.environment("8000", "8001")
    assert wanted["TASTYTRADE_SIM_API_URL"] == "http://localhost:8001/tastytrade"
    assert wanted["TASTYTRADE_SIM_STREAMER_URL"] == "ws://localhost:8001/tastytrade/streamer"
    assert wanted["TRADESTATION_SIM_AUTHORIZE_URL"] == "http://localhost:8001/tradestation/signin/authorize"
    assert wanted["TRADESTATION_SIM_TOKEN_URL"] == "http://localhost:8001/tradestation/signin/oauth/token"
    assert "TRADESTATION_SIM_STREAMER_URL" not in wanted
    assert not [name for name in wanted if name.endswith("_LIVE_API_URL")]
    monkeypatch.setenv("TASTYTRADE_SIM_API_URL", "https://api.cert.tastyworks.com")
    assert "TASTYTRADE_SIM_API_URL" not in local.environment("8000", "8001")


def command(var: Path, *words: str, **more: str) -> "subprocess.CompletedProcess[str]":
    """By a person's hand, in a shell that knows nothing of the desk."""
    plain = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    told = [sys.executable, "manage.py", *words]
    return subprocess.run(
        told, cwd=local.ROOT, env=plain | {"VAR_DIR": str(var)} | more, capture_output=True, text=True
    )


@pytest.mark.skipif((local.ROOT / ".env").is_file(), reason="a desk of its own is set up in this folder")
def test_the_desk_that_was_made_here_is_halted_by_hand_and_without_its_environment(kept: Path) -> None:
    local.write_keys()
    assert command(kept.parent, "migrate", "-v", "0").returncode == 0
    halted = command(kept.parent, "halt", "--scope", "installation", "--reason", "prices look wrong")
    assert (halted.returncode, halted.stderr) == (0, "")
    with contextlib.closing(sqlite3.connect(kept.parent / "blotter.sqlite3")) as database:
        assert database.execute("SELECT reason FROM trading_halt WHERE rearmed_at IS NULL").fetchall() == [
            ("prices look wrong",)
        ]


@pytest.mark.skipif((local.ROOT / ".env").is_file(), reason="a desk of its own is set up in this folder")
def test_a_command_for_no_desk_says_what_is_missing_and_nothing_else(tmp_path: Path) -> None:
    refused = command(tmp_path, "halt")
    assert refused.returncode == 1
    assert refused.stderr.startswith("SECRET_KEY is missing")
    of_a_server = command(
        tmp_path, "halt", SECRET_KEY="s" * 50, TOKEN_KEYS="a:" + "A" * 43 + "=", BASE_URL="http://x.y"
    )
    assert of_a_server.stderr.startswith("BASE_URL must begin with https://")
