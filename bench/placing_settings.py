"""The tests' settings for the placing benchmark: budgets so wide that nothing waits for them."""

import os

BASE_URL_GIVEN = os.environ["BASE_URL"]

from tests.settings import *  # noqa: E402, F403

BASE_URL = BASE_URL_GIVEN
CSRF_TRUSTED_ORIGINS = [BASE_URL]
WIDENED = ("orders sent", "order lists", "balances", "positions", "quotes", "instruments", "everything")
NONE: dict[str, tuple[int, int]] = {}
BROKER_BUDGETS = {
    ("tastytrade", "sim"): dict.fromkeys(WIDENED, (10**6, 1)),
    ("tastytrade", "live"): NONE,
    ("tradestation", "sim"): NONE,
    ("tradestation", "live"): NONE,
}
