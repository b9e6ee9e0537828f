"""A server's settings: static files collect, pages come with every safe header, and the deployment check is content."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WALK = """
import django
django.setup()
from django.core.management import call_command
from django.test import Client
call_command("collectstatic", interactive=False, verbosity=0)
call_command("migrate", verbosity=0)
call_command("check", deploy=True, fail_level="WARNING")
page = Client(SERVER_NAME="desk.example.org").get("/accounts/login/", secure=True)
assert page.status_code == 200, page.status_code
for name in ("Content-Security-Policy", "Strict-Transport-Security", "X-Content-Type-Options", "Referrer-Policy"):
    assert page[name], name
assert "unsafe" not in page["Content-Security-Policy"]
assert page["X-Frame-Options"] == "DENY"
assert "__Host-csrftoken" in page.cookies and page.cookies["__Host-csrftoken"]["secure"]
assert "demo-blotter" not in page.content.decode(), "the demo sign-in is for local desks"
assert "/static/css/base." in page.content.decode()
assert Client(SERVER_NAME="desk.example.org").get("/accounts/login/").status_code == 301
assert Client(SERVER_NAME="evil.example.org").get("/accounts/login/", secure=True).status_code == 400
print("all is well")
"""


@pytest.fixture
def server_environment(tmp_path: Path) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "VAR_DIR": str(tmp_path),
        "SECRET_KEY": "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
        "TOKEN_KEYS": "k1:" + "A" * 43 + "=",
        "BASE_URL": "https://desk.example.org",
    }


def test_a_server_has_its_files_headers_and_cookies(server_environment: dict[str, str], tmp_path: Path) -> None:
    command = [sys.executable, "-W", "error", "-c", WALK]
    done = subprocess.run(command, env=server_environment, capture_output=True, text=True, cwd=tmp_path)
    assert "all is well" in done.stdout, done.stderr[-3000:]
