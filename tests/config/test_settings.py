"""What is missing or wrong in the environment stops the start in words."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from brokers.wire import VERSION

ROOT = Path(__file__).resolve().parents[2]
GOOD = {
    "SECRET_KEY": "x" * 50,
    "TOKEN_KEYS": "k1:" + "A" * 43 + "=",
    "BASE_URL": "https://desk.example.org",
}


def load(tmp_path: Path, **changes: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "VAR_DIR": str(tmp_path), "PYTHONPATH": str(ROOT)} | GOOD | changes
    environment = {key: value for key, value in environment.items() if value}
    code = (
        "import config.settings as s; print(s.ALLOWED_HOSTS, s.SESSION_COOKIE_NAME, s.DEBUG, s.SECURE_HSTS_SECONDS > 0)"
    )
    return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, cwd=tmp_path)


def test_a_server_with_all_it_needs_starts_with_safe_cookies_and_no_debug(tmp_path: Path) -> None:
    assert load(tmp_path).stdout.strip() == "['desk.example.org'] __Host-sessionid False True"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"SECRET_KEY": ""}, "SECRET_KEY is missing"),
        ({"SECRET_KEY": "short"}, "SECRET_KEY is missing or shorter"),
        ({"TOKEN_KEYS": ""}, "TOKEN_KEYS is missing"),
        ({"BASE_URL": "desk.example.org"}, "BASE_URL must look like"),
        ({"BASE_URL": "http://desk.example.org"}, "must begin with https://"),
    ],
)
def test_what_is_missing_is_said(tmp_path: Path, changes: dict[str, str], words: str) -> None:
    done = load(tmp_path, **changes)
    assert done.returncode != 0
    assert words in done.stderr


def test_postgresql_and_redis_are_chosen_by_their_urls(tmp_path: Path) -> None:
    code = (
        "import config.settings as s; print(s.DATABASES['default']['ENGINE'], s.CHANNEL_LAYERS['default']['BACKEND'])"
    )
    environment = GOOD | {
        "PATH": os.environ["PATH"],
        "VAR_DIR": str(tmp_path),
        "PYTHONPATH": str(ROOT),
        "DATABASE_URL": "postgres://u:p@localhost/blotter",
        "REDIS_URL": "redis://localhost:6379/0",
    }
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, cwd=tmp_path)
    assert done.stdout.split() == ["config.postgresql", "channels_redis.pubsub.RedisPubSubChannelLayer"]


def test_the_version_is_the_packages() -> None:
    assert f'version = "{VERSION}"' in (ROOT / "pyproject.toml").read_text()
