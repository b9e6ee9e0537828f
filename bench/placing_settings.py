"""The tests' settings for the placing benchmark: budgets so wide that nothing waits for them."""

import os

BASE_URL_GIVEN = os.environ["BASE_URL"]

from tests.settings import *  # noqa: E402, F403

BASE_URL = BASE_URL_GIVEN
SECRET_KEY = os.environ["BENCH_KEY"]  # all web processes of a desk have the same keys
TOKEN_KEYS = [f"bench:{SECRET_KEY}"]
CSRF_TRUSTED_ORIGINS = [BASE_URL]
WIDENED = ("orders sent", "order lists", "balances", "positions", "quotes", "instruments", "everything")
NONE: dict[str, tuple[int, int]] = {}
BROKER_BUDGETS = {
    ("tastytrade", "sim"): dict.fromkeys(WIDENED, (10**6, 1)),
    ("tastytrade", "live"): NONE,
    ("tradestation", "sim"): NONE,
    ("tradestation", "live"): NONE,
}
