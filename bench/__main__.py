"""All benchmarks, one after the other, each in a process of its own: `python -m bench`.

One that fails stops none of the others. The last line says which goals were missed.
"""

import json
import subprocess
import sys
import time

MODULES = ("desk", "placing", "fanout", "desk_load", "growth", "decode", "simulator", "options", "chain_page")


def main() -> int:
    missed: list[str] = []
    failed: list[str] = []
    began = time.monotonic()
    for name in MODULES:
        with subprocess.Popen([sys.executable, "-m", f"bench.{name}"], stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
            missed += [words for line in process.stdout or () if (words := _told(line)) is not None]
        if process.returncode:
            failed.append(name)
    minutes = round((time.monotonic() - began) / 60, 1)
    print(json.dumps({"bench": "all", "minutes": minutes, "missed": missed, "failed": failed}), flush=True)
    return 1 if failed else 0


def _told(line: str) -> str | None:
    """Hand a line on; the words for a goal that it misses."""
    print(line, end="", flush=True)
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return f"{found['bench']}: {found.get('says', found.get('what', ''))}" if found.get("ok") is False else None


if __name__ == "__main__":
    sys.exit(main())
