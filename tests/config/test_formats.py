"""Times that Django writes by itself, as in the admin."""

from datetime import datetime, timezone

from django.utils import formats
from django.utils.timezone import localtime


def test_times_in_the_admin_have_seconds_and_a_zone() -> None:
    moment = datetime(2026, 11, 21, 20, 15, 3, tzinfo=timezone.utc)
    assert formats.date_format(localtime(moment), "DATETIME_FORMAT") == "21 Nov 2026, 15:15:03 EST"
    assert formats.localize(localtime(moment)) == "21 Nov 2026, 15:15:03 EST"
