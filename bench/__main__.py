"""All benchmarks, one after the other, each in a process of its own: `python -m bench`."""

import subprocess
import sys

for module in ("bench.desk", "bench.fanout", "bench.simulator", "bench.options"):
    subprocess.run([sys.executable, "-m", module], check=True)  # noqa: S603
