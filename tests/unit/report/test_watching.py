"""What watching prints and what the exporter reads."""

from __future__ import annotations

import io
import stat
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner
from rich.console import Console

from swarmkit.cli.main import cli
from swarmkit.errors import UnreachableError
from swarmkit.finding import Finding
from swarmkit.proof import Proof
from swarmkit.report.findings import print_changes
from swarmkit.report.metrics import metrics_text, write_metrics
from swarmkit.workflows import look

PROVED = Finding("V05", "ok", "a@A -> b", "a reaches b")
BROKEN = Finding("V05", "error", "a@A -> b", "a does not reach b", "no answer", "docker service logs b")


def printed(before: Sequence[Finding], now: Sequence[Finding]) -> str:
    out = io.StringIO()
    print_changes(Console(file=out, width=200), before, now)
    return out.getvalue()


def test_nothing_is_printed_while_nothing_changes() -> None:
    later = Finding(BROKEN.code, BROKEN.severity, BROKEN.where, BROKEN.what, "17 bytes by now", BROKEN.remedy)
    assert printed([PROVED], [PROVED]) == ""
    assert printed([BROKEN], [later]) == ""


def test_what_comes_is_told_in_full_and_what_goes_by_its_code() -> None:
    came = printed([PROVED], [BROKEN])
    assert "error  V05  a@A -> b" in came
    assert "to do  docker service logs b" in came
    assert "not proved" in came
    assert printed([BROKEN], [PROVED]).splitlines() == ["gone  V05  a@A -> b: a does not reach b", "1 proved"]


def test_what_gets_worse_at_its_place_is_told() -> None:
    """A pair of hosts that was not proved and leaks by now has code, severity and place of before."""
    unproved = Finding("V12", "error", "A <-> B", "the encryption of net between A and B is not proved")
    leaks = Finding("V12", "error", "A <-> B", "broken: network net is open between A and B")
    said = printed([unproved], [leaks])
    assert "gone  V12  A <-> B: the encryption of net" in said
    assert "error  V12  A <-> B\n  broken: network net is open" in said


def test_two_of_one_code_at_one_place_come_and_go_apart() -> None:
    first, second = (
        Finding("V23", "warning", "B", f"volume {name} of the stack shop is on B and not in the stack file")
        for name in ("one", "two")
    )
    came = printed([PROVED], [PROVED, first, second])
    assert "volume one" in came
    assert "volume two" in came
    assert printed([PROVED, first, second], [PROVED, second]).splitlines() == [
        "gone  V23  B: volume one of the stack shop is on B and not in the stack file",
        "1 warning, 1 proved",
    ]


def test_metrics_count_findings_by_code_and_severity() -> None:
    text = metrics_text([PROVED, PROVED, BROKEN], cluster='my "shop"', seconds=3.14159, now=1_700_000_000)
    assert r'swarmkit_verify_proved{cluster="my \"shop\""} 0' in text
    assert r'swarmkit_verify_findings{cluster="my \"shop\"",code="V05",severity="ok"} 2' in text
    assert text.endswith("} 1700000000\n")
    assert "duration_seconds" in text


def test_the_metrics_file_is_replaced_at_once_and_readable_by_the_exporter(tmp_path: Path) -> None:
    path = tmp_path / "swarmkit.prom"
    write_metrics(path, "old 1\n")
    write_metrics(path, "new 1\n")
    assert path.read_text() == "new 1\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert list(tmp_path.iterdir()) == [path]


def test_watching_as_json_and_a_folder_that_is_not_there_are_refused() -> None:
    both = CliRunner().invoke(cli, ["verify", "-i", "hosts.yaml", "--json", "--watch", "5"])
    nowhere = CliRunner().invoke(cli, ["verify", "-i", "hosts.yaml", "--metrics", "/nowhere/at/all.prom"])
    no_page = CliRunner().invoke(cli, ["verify", "-i", "hosts.yaml", "--html", "/nowhere/at/all.html"])
    assert "--html: there is no folder /nowhere/at" in no_page.output
    never = CliRunner().invoke(cli, ["verify", "-i", "hosts.yaml", "--watch", "0"])
    assert (both.exit_code, nowhere.exit_code, no_page.exit_code, never.exit_code) == (2, 2, 2, 2)


INVENTORY = """
all:
  vars: {swarm_cluster: shop, ansible_user: root}
  children: {managers: {hosts: {A: {ansible_host: 10.88.0.11}}}}
"""


@pytest.mark.parametrize("watch", [(), ("--watch", "0.01")])
@pytest.mark.parametrize("error", [UnreachableError("A: no way", "timed out"), RuntimeError("a bug")])
def test_metrics_no_longer_say_proved_when_no_proof_came_to_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, watch: tuple[str, ...]
) -> None:
    tries = iter([Proof((PROVED,)), error] if watch else [error])
    path, inventory = tmp_path / "swarmkit.prom", tmp_path / "hosts.yaml"
    inventory.write_text(INVENTORY)
    write_metrics(path, metrics_text([PROVED], cluster="shop", seconds=2, now=1_700_000_000))

    def verify(*_: object, **__: object) -> Proof:
        said = next(tries, KeyboardInterrupt())
        if isinstance(said, BaseException):
            raise said
        return said

    monkeypatch.setattr(look, "verify", verify)
    done = CliRunner().invoke(cli, ["verify", "-i", str(inventory), "--metrics", str(path), *watch])
    assert done.exit_code != 0
    text = path.read_text()
    assert 'swarmkit_verify_proved{cluster="shop"} 0\n' in text
    assert 'swarmkit_verify_findings{cluster="shop",code="V14",severity="error"} 1\n' in text
    assert 'severity="ok"' not in text
    told = int(text.partition('swarmkit_verify_end_time_seconds{cluster="shop"} ')[2])
    assert told > 1_700_000_000 if watch else told == 1_700_000_000
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
