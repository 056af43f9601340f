"""Runs that are killed, kill -9, at a step of theirs; what the next run makes of it is the tests' business."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

from lab.shop_lab import ROOT, Lab


def killed_at(lab: Lab, moment: str, *arguments: str | Path, seconds: float = 0.0) -> list[str]:
    """Run ``swarmkit``, kill it *seconds* after a line of its progress with *moment*, and return all its lines."""
    command = [sys.executable, "-m", "swarmkit", *map(str, arguments)]
    said: list[str] = []
    with subprocess.Popen(
        command, env=lab.environment, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stderr
        for line in process.stderr:
            said.append(line.rstrip())
            if moment in line:
                print(f"killed {seconds:.1f} s after: {line.rstrip()}")
                time.sleep(seconds)
                process.kill()
    assert process.returncode == -signal.SIGKILL, said
    return said
