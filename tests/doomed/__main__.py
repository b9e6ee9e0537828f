"""The tasks by name: ``python -m doomed <task> '<json>'``."""

import json
import sys
from collections.abc import Callable
from typing import Any

from doomed import bursts, clicks, liveness, matrix, restored, submissions

TASKS: dict[str, Callable[..., dict[str, Any]]] = {
    "submissions": submissions.submissions,
    "cap": bursts.cap,
    "switch": bursts.switch,
    "clicks": clicks.clicks,
    "work": restored.work,
    "wake": restored.wake,
    "liveness": liveness.liveness,
    "matrix": matrix.matrix,
}

if __name__ == "__main__":
    print(json.dumps(TASKS[sys.argv[1]](**json.loads(sys.argv[2]))))
