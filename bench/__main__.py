"""All benchmarks, one after the other, each in a process of its own: `python -m bench`."""

import subprocess
import sys

for module in (
    "bench.desk",
    "bench.placing",
    "bench.fanout",
    "bench.desk_load",
    "bench.decode",
    "bench.simulator",
    "bench.options",
    "bench.chain_page",
):
    subprocess.run([sys.executable, "-m", module], check=True)  # noqa: S603
