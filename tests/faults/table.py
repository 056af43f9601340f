"""Print what FAULT_RECORD's files hold, as the table of docs/reliability.md: python tests/faults/table.py FILE...

A number that no run has recorded is in no row.
"""

from __future__ import annotations

import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

FAULTS = {
    "F01": "a bring-up from bare hosts, hurt twice at random moments: killed, SIGTERM, Ctrl-C, link cut",
    "F01B": "a backup killed while its manager's engine stood still; the backup again",
    "F01R": "a rebuild of bare hosts, killed at a random moment; the rebuild again",
    "F02": "two runs at once",
    "F03": "an update, hurt at a random moment in one of these ways",
    "F04": "power of the first manager lost right after it made the swarm",
    "F04R": "a bring-up from bare hosts, the power of a random host lost at a random moment",
    "F06": "power of the backend's host lost in an update",
    "F06R": "an update, the power of a random host lost at a random moment",
    "F08": "two hosts that do not hear each other",
    "F09": "the leader alone on its side of a partition, in an update",
    "F10": "the database's host alone for 60 s",
    "F11": "a host frozen as a whole for two minutes",
    "F12": "a frozen engine in an update",
    "F12J": "an engine frozen while hosts join; the bring-up again",
    "F14": "an engine stopped in an update",
    "F14B": "an engine started by somebody while a backup copies its state; the backup again",
    "F14J": "an engine stopped while hosts join; the bring-up again",
    "F15": "the disk of the manager that takes the writes full, in an update",
    "F15B": "the folder that a backup is written to full in the middle; the backup again",
    "F16": "a clock two hours off, ahead and behind, and a hundred days behind",
    "F17": "a host whose kernel lost esp4, xt_bpf, ip_vs or vxlan joins: refused, overridden, mended",
    "F18": "a firewall that drops ESP, 4789, 7946 or 2377",
    "F19": "a smaller link of one host, or a path that loses full frames",
    "F24": "the operator's key revoked and its sessions ended, in an update",
    "F24S": "the right to sudo revoked in an update",
    "F25": "a manager wiped; a restore of it refused while the others live; it takes its place again",
    "F27": "two of three managers lost, the third goes on alone, the two come back with the old raft",
    "F28": "the only manager lost and restored to its address, the workers alive",
    "F29": "the only manager lost and restored to another address, the workers alive",
    "F31": "a restore, killed or its host's power cut at a random moment",
    "F33": "a version that ends, is never healthy or has no image, in an update",
    "F34": "a database that ends again and again, then one that takes a minute to start, before all others",
    "F35": "power of all hosts lost at once",
    "F35L": "the same where managers lock: nothing runs until they are unlocked by one command",
    "F36": "networks too small for their tasks, of one range, or of the hosts' own, in an update",
    "F37": "a bring-up with 100 ms, 2.5 % loss and reordering on every host",
    "F40": "a changed password, the run hurt at a random moment",
}


def recorded(case: str, *, passed: bool, shown: Mapping[str, object]) -> dict[str, object]:
    """Return the record of a *case*, which has *shown* this; one that failed early has not said which fault it is."""
    named = re.search(r"[_[]f(\d\d)(?!\d)", case)
    return {"case": case, "passed": passed, "fault": f"F{named[1]}" if named else case, **shown}


def table(lines: Iterable[str]) -> str:
    """Return a row for each fault that has a case among *lines*; what failed is told beside the runs."""
    cases: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for line in lines:
        case = json.loads(line)
        cases[case["fault"]].append(case)
    rows = ["| | fault | runs | orders acknowledged | lost | recovered after | longest without an order |",
            "|---|---|---|---|---|---|---|"]  # fmt: skip
    for fault in sorted(cases):
        orders, lost = (_sum(cases[fault], key) for key in ("orders", "lost"))
        recovered, silence = (_range(cases[fault], key) for key in ("recovered", "silence"))
        failed = sum(not case["passed"] for case in cases[fault])
        runs = f"{len(cases[fault])}, {failed} failed" if failed else f"{len(cases[fault])}"
        what = FAULTS.get(fault, "")
        rows.append(f"| {fault} | {what} | {runs} | {orders} | {lost} | {recovered} | {silence} |")
    return "\n".join(rows)


def _sum(cases: list[dict[str, Any]], key: str) -> str:
    """Return the sum over the cases, or nothing where one of them has not counted."""
    counts = [case.get(key) for case in cases]
    return "" if None in counts else str(sum(count for count in counts if count is not None))


def _range(cases: list[dict[str, Any]], key: str) -> str:
    seconds = sorted(round(case[key]) for case in cases if key in case)
    if not seconds:
        return ""
    return f"{seconds[0]} s" if seconds[0] == seconds[-1] else f"{seconds[0]} to {seconds[-1]} s"


if __name__ == "__main__":
    print(table(line for file in sys.argv[1:] for line in Path(file).read_text().splitlines()))
