"""The file that carries the simulator over a restart: its key, clients, revoked grants and the exchange."""

import json
import logging
import os
from pathlib import Path
from typing import Any

VERSION = 1
log = logging.getLogger(__name__)


def load(path: Path) -> dict[str, Any] | None:
    """What was saved; None for a fresh start. A file that can't be used is kept beside as ``.bad``."""
    if not path.exists():
        return None
    try:
        saved = json.loads(path.read_text())
        if saved["version"] != VERSION:
            raise ValueError(f"it is of version {saved['version']}, not {VERSION}")
        bytes.fromhex(saved["key"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        set_aside(path, str(error))
        return None
    return dict(saved)


def set_aside(path: Path, reason: str) -> None:
    bad = path.with_name(path.name + ".bad")
    path.replace(bad)
    log.warning("The state file %s can't be used (%s): starting afresh; it is kept as %s.", path, reason, bad.name)


def save(path: Path, state: dict[str, Any]) -> None:
    """Write beside, then rename: a crash leaves the old file or the new one, never half of one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(path.name + ".new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump({"version": VERSION, **state}, file)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
