"""The tasks by name, served from a desk that is loaded once."""

import gc

import django

django.setup()

import ledger_process  # noqa: E402

from doomed import bursts, clicks, dead_servers, liveness, matrix, meeting, prepared, restored, submissions  # noqa: E402
from doomed.nursery import Task, serve  # noqa: E402

TASKS: dict[str, Task] = {
    "migrate": prepared.migrate,
    "ledger": ledger_process.serve,
    "submissions": submissions.submissions,
    "cap": bursts.cap,
    "everybody": bursts.everybody,
    "switch": bursts.switch,
    "clicks": clicks.clicks,
    "dead_servers": dead_servers.dead_servers,
    "work": restored.work,
    "wake": restored.wake,
    "liveness": liveness.liveness,
    "matrix": matrix.matrix,
    "meeting": meeting.meeting,
}

if __name__ == "__main__":
    prepared.warm()
    gc.collect()
    gc.freeze()  # so that a fork copies no memory only because it collects garbage
    serve(TASKS)
