"""What every test stands on: settings from made-up keys, no network but loopback."""

import os

os.environ.setdefault(
    "DJANGO_ALLOW_ASYNC_UNSAFE", "true"
)  # the synchronous browser driver keeps a loop in the test's thread
