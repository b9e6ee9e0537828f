"""The settings, read from an environment of the tests' own, with keys made up anew."""

import atexit
import base64
import os
import secrets
import shutil
import tempfile

os.environ.update(
    LOCAL="1",
    SECRET_KEY=secrets.token_urlsafe(48),
    TOKEN_KEYS=f"test:{base64.b64encode(secrets.token_bytes(32)).decode()}",
    TASTYTRADE_SIM_CLIENT_ID="blotter-test",
    TASTYTRADE_SIM_CLIENT_SECRET=secrets.token_urlsafe(24),
    TRADESTATION_SIM_CLIENT_ID="blotter-test",
    TRADESTATION_SIM_CLIENT_SECRET=secrets.token_urlsafe(24),
)
if "VAR_DIR" not in os.environ:  # two test runs side by side have nothing in common
    os.environ["VAR_DIR"] = tempfile.mkdtemp(prefix="blotter-tests-")
    atexit.register(shutil.rmtree, os.environ["VAR_DIR"], ignore_errors=True)
for name in ("DATABASE_URL", "REDIS_URL", "BASE_URL"):
    os.environ.pop(name, None)
if "TEST_DATABASE_URL" in os.environ:
    os.environ["DATABASE_URL"] = os.environ["TEST_DATABASE_URL"]
if "TEST_REDIS_URL" in os.environ:
    os.environ["REDIS_URL"] = os.environ["TEST_REDIS_URL"]

from config.settings import *  # noqa: E402, F403
