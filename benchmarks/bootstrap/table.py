"""The table of a measured run, printed and kept in benchmarks/README.md."""

from __future__ import annotations

import datetime
import os
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"


@dataclass
class Measured:
    """Seconds of every run, and how busy the machine was with other work before each."""

    bootstrap: dict[str, list[float]] = field(default_factory=lambda: {"a": [], "b": [], "c": [], "proved": []})
    second: dict[str, list[float]] = field(default_factory=lambda: {"a": [], "c": []})
    verify: list[float] = field(default_factory=list)
    help: list[float] = field(default_factory=list)
    busy: list[float] = field(default_factory=list)


def as_markdown(measured: Measured, engine: str) -> str:
    """Return the table with its heading lines."""
    a, b, c, proved = (median(measured.bootstrap[way]) for way in ("a", "b", "c", "proved"))
    second, second_c = median(measured.second["a"]), median(measured.second["c"])
    rows = [
        ("(a) `swarmkit up --yes --no-verify`", measured.bootstrap["a"], "", ""),
        ("(b) shell script over OpenSSH", measured.bootstrap["b"], _ratio("a/b", a / b), _aim(a / b, 0.8)),
        ("(c) Ansible, community.docker", measured.bootstrap["c"], _ratio("a/c", a / c), _aim(a / c, 0.45)),
        (
            "`swarmkit up --yes`, its proof included",
            measured.bootstrap["proved"],
            f"{_ratio('of b', proved / b)}, {_ratio('of c', proved / c)}",
            f"{_aim(proved / b, 0.8)}; {_aim(proved / c, 0.45)}",
        ),
        ("second `swarmkit up`, nothing to do", measured.second["a"], "", _aim(second, 1.5, " s")),
        (
            "second run of Ansible",
            measured.second["c"],
            _ratio("a/c", second / second_c),
            _aim(second / second_c, 0.1),
        ),
        ("`swarmkit verify` alone", measured.verify, "", ""),
        ("`swarmkit --help`", measured.help, "", _aim(median(measured.help), 0.2, " s")),
    ]
    lines = [_circumstances(measured, engine), "", "| what | seconds, median | least and most | ratio | aim |"]
    lines.append("|---|---|---|---|---|")
    for what, seconds, ratio, aim in rows:
        digits = 1 if median(seconds) >= 10 else 2
        spread = f"{min(seconds):.{digits}f} to {max(seconds):.{digits}f}"
        lines.append(f"| {what} | {median(seconds):.{digits}f} | {spread} | {ratio} | {aim} |")
    return "\n".join(lines)


def keep(table: str, readme: Path) -> None:
    """Put *table* between the markers of *readme*."""
    text = readme.read_text()
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    readme.write_text(f"{before}{BEGIN}\n{table}\n{END}{after}")


def _ratio(name: str, value: float) -> str:
    return f"{name} = {value:.2f}"


def _aim(value: float, most: float, unit: str = "") -> str:
    return f"at most {most:g}{unit}: {'met' if value <= most else 'missed'}"


def _circumstances(measured: Measured, engine: str) -> str:
    day = datetime.datetime.now(tz=datetime.UTC).date()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{day}, {os.cpu_count()} cores, {memory:.0f} GiB, Docker engine {engine} on three hosts of the lab; "
        f"bootstraps: median of {len(measured.bootstrap['a'])}, one after the other in turn. Before a run the machine "
        f"was busy with other work for {median(measured.busy):.0%} of its time (median; most {max(measured.busy):.0%})."
    )
