"""Several processes that append to one chain of a PostgreSQL at once: the desk's way, and without its lock.

``python audit_writers.py <processes> <records each>`` with TEST_DATABASE_URL; it prints one JSON line for each way.
"""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any


def load() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    import django

    django.setup()


def desk(chain: int, number: int) -> None:
    from django.db import transaction

    from trading import audit

    with transaction.atomic():
        audit.record(chain, "order.sending", about=f"order:{os.getpid()}-{number}")


def lockless(chain: int, number: int) -> None:
    """What the desk must never do: read where the chain ends and append, as if nobody else did."""
    from django.db import transaction

    from trading.audit import recording

    recording.LINKED = recording.LINKED.replace(" FOR NO KEY UPDATE", "")
    with transaction.atomic():
        recording.record(chain, "order.sending", about=f"order:{os.getpid()}-{number}")


def write(how: Any, chain: int, count: int) -> int:
    failed = 0
    for number in range(count):
        try:
            how(chain, number)
        except Exception:
            failed += 1
    return failed


def side_by_side(how: Any, chain: int, processes: int, count: int) -> dict[str, Any]:
    from django.db import connections

    from trading import audit

    connections.close_all()
    began = time.monotonic()
    children = []
    for _ in range(processes):
        child = os.fork()
        if child == 0:
            failed = 1
            try:
                failed = write(how, chain, count)
            finally:
                os._exit(min(failed, 250))
        children.append(child)
    failed = sum(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children)
    took = time.monotonic() - began
    report = audit.verify(chain)
    return {
        "how": how.__name__,
        "written": report.seq,
        "walked": report.rows,
        "failed": failed,
        "faults": [[fault.seq, fault.words] for fault in report.faults[:5]],
        "per_second": round(report.rows / took),
    }


if __name__ == "__main__":
    load()
    from django.core.management import call_command
    from django.db import connection

    from trading.audit import triggers

    call_command("migrate", verbosity=0)
    print(json.dumps({"missing": triggers.missing(connection), "vendor": connection.vendor}))
    for number, way in enumerate((desk, lockless)):
        print(json.dumps(side_by_side(way, 100 + number, int(sys.argv[1]), int(sys.argv[2]))), flush=True)
    refused = []
    for attack in ("UPDATE trading_auditrecord SET action = 'x'", "DELETE FROM trading_auditrecord",
                   "TRUNCATE trading_auditrecord", "TRUNCATE trading_audithead", "DELETE FROM trading_audithead",
                   "UPDATE trading_audithead SET seq = 0"):  # fmt: skip
        try:
            with connection.cursor() as cursor:
                cursor.execute(attack)
        except Exception as error:
            if "never changed or removed" in str(error):
                refused.append(attack)
    print(json.dumps({"refused": len(refused)}))
