"""Run one command and write what it used: `launcher.py USAGE.json COMMAND...`.

A process of its own, without imports that cost memory: the kernel starts a child's peak at its parent's size.
"""

import json
import os
import sys
import time

if __name__ == "__main__":
    began = time.monotonic()
    child = os.posix_spawnp(sys.argv[2], sys.argv[2:], os.environ)
    _, status, used = os.wait4(child, 0)
    seconds = time.monotonic() - began
    with open(sys.argv[1], "w", encoding="utf-8") as file:  # noqa: PTH123 (pathlib would add to the peak)
        json.dump(
            {
                "seconds": seconds,
                "cpu_s": used.ru_utime + used.ru_stime,
                "peak_mb": used.ru_maxrss / 1024,
            },
            file,
        )
    sys.exit(os.waitstatus_to_exitcode(status) & 0xFF)
