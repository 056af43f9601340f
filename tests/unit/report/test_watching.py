"""What watching prints and what the exporter reads."""

from __future__ import annotations

import io
import json
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from rich.console import Console

from swarmkit.cli.main import cli
from swarmkit.cli.written_files import WrittenFiles
from swarmkit.errors import InputError, UnreachableError
from swarmkit.finding import Finding
from swarmkit.proof import Proof
from swarmkit.report.findings import print_changes
from swarmkit.report.metrics import READABLE_BY_ALL, metrics_text
from swarmkit.report.whole_file import write_whole
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


def test_what_followed_from_another_and_is_still_there_without_it_is_told() -> None:
    """Two errors stood in the verdict that nothing had ever told."""
    cause = Finding("V14", "error", "C", "C could not be looked at")
    following = replace(BROKEN, follows_from="V14")
    assert "error  V05" not in printed([PROVED], [cause, following])
    said = printed([cause, following], [BROKEN])
    assert "gone  V14  C: C could not be looked at" in said
    assert "error  V05  a@A -> b" in said
    assert "that followed from" not in said
    assert printed([BROKEN], [PROVED]).startswith("gone  V05  a@A -> b")


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


CAUSE = Finding("V14", "error", "B", "B does not answer: nothing is proved there")
FOLLOWS = [
    Finding("V12", "error", f"{pair} <-> B", "the encryption is not proved", follows_from="V14") for pair in "AC"
]


def test_what_followed_from_another_goes_by_one_line() -> None:
    assert printed([CAUSE, *FOLLOWS], [PROVED]).splitlines() == [
        "gone  V14  B: B does not answer: nothing is proved there",
        "gone  2 findings (V12) that followed from V14",
        "1 proved",
    ]


def test_what_comes_is_told_broken_first_then_the_cause_with_what_follows_then_warnings() -> None:
    warning = Finding("V20", "warning", "lab", "what is declared was not compared")
    leaks = Finding("V12", "error", "A <-> C", "broken: network net is open between A and C")
    said = printed([PROVED], [warning, BROKEN, *FOLLOWS, CAUSE, leaks])
    words = ("broken:", "V14", "2 findings (V12) follow from V14", "a does not reach b", "V20")
    assert sorted(words, key=said.index) == list(words)


def test_metrics_count_findings_by_code_and_severity() -> None:
    text = metrics_text([PROVED, PROVED, BROKEN], cluster='my "shop"', seconds=3.14159, now=1_700_000_000)
    assert r'swarmkit_verify_proved{cluster="my \"shop\""} 0' in text
    assert r'swarmkit_verify_findings{cluster="my \"shop\"",code="V05",severity="ok"} 2' in text
    assert text.endswith("} 1700000000\n")
    assert "duration_seconds" in text


def test_the_metrics_file_is_replaced_at_once_and_readable_by_the_exporter(tmp_path: Path) -> None:
    path = tmp_path / "swarmkit.prom"
    write_whole(path, "old 1\n", mode=READABLE_BY_ALL)
    write_whole(path, "new 1\n", mode=READABLE_BY_ALL)
    assert path.read_text() == "new 1\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_not_there_and_a_pause_of_nothing_are_refused() -> None:
    nowhere = CliRunner().invoke(cli, ["verify", "-i", "hosts.yaml", "--metrics", "/nowhere/at/all.prom"])
    no_page = CliRunner().invoke(cli, ["verify", "-i", "hosts.yaml", "--html", "/nowhere/at/all.html"])
    assert "--html: there is no folder /nowhere/at" in no_page.output
    never = CliRunner().invoke(cli, ["verify", "-i", "hosts.yaml", "--watch", "0"])
    assert (nowhere.exit_code, no_page.exit_code, never.exit_code) == (2, 2, 2)
    assert "--metrics: there is no folder /nowhere/at" in nowhere.output


@pytest.mark.parametrize(
    ("file", "why"),
    [
        pytest.param("hosts.yaml", "the command reads hosts.yaml", id="the inventory"),
        pytest.param("./linked.yaml", "the command reads hosts.yaml", id="the inventory by another name"),
        pytest.param("stack.yaml", "the command reads stack.yaml", id="the stack file"),
        pytest.param("sudo", "the command reads sudo", id="the sudo password's file"),
        pytest.param("other", "--metrics writes other", id="the other file"),
        pytest.param("/dev/null", "/dev/null is not an ordinary file", id="a device"),
        pytest.param("-", "'-' is not a file's name", id="a dash"),
        pytest.param("", "'.' is not a file's name", id="nothing"),
        pytest.param("/proc/page.html", "no file can be made in /proc", id="no folder of files"),
    ],
)
def test_a_file_that_cannot_be_or_goes_over_another_is_refused_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, why: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("hosts.yaml").write_text(INVENTORY)
    Path("stack.yaml").write_text("services: {}\n")
    Path("linked.yaml").symlink_to("hosts.yaml")
    Path("sudo").write_text("secret\n")
    monkeypatch.setenv("SWARMKIT_BECOME_PASSWORD_FILE", "sudo")
    files = {path.name: path.read_text() for path in tmp_path.iterdir()}
    command = ["verify", "-i", "hosts.yaml", "-f", "stack.yaml", "--metrics", "other", "--html", file]
    done = CliRunner().invoke(cli, command)
    assert done.exit_code == 2, done.output
    assert f"--html: {why}" in " ".join(done.output.split())
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == files


@pytest.mark.parametrize(
    ("file", "why"),
    [
        pytest.param("n" * 300, "cannot be written: File name too long", id="a name that is too long"),
        pytest.param("loop", "cannot be written: Too many levels of symbolic links", id="a loop of links"),
        pytest.param("loop/page.html", "cannot be written: Too many levels of symbolic links", id="a folder in a loop"),
        pytest.param("hosts.yaml/page.html", "there is no folder", id="a file for a folder"),
    ],
)
def test_a_path_that_the_system_refuses_is_bad_input_and_no_bug(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, why: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("hosts.yaml").write_text(INVENTORY)
    Path("loop").symlink_to("loop")
    done = CliRunner().invoke(cli, ["verify", "-i", "hosts.yaml", "--html", file])
    assert done.exit_code == 2, done.exception
    assert why in " ".join(done.output.split())
    looped = CliRunner().invoke(cli, ["verify", "-i", "loop", "--html", "page.html"])
    assert isinstance(looped.exception, InputError)


@contextmanager
def without_root() -> Iterator[None]:
    """Be nobody if root runs the tests, who may search every folder; not while pytest reports on them."""
    before = os.geteuid()
    os.seteuid(before or NOBODY)
    try:
        yield
    finally:
        os.seteuid(before)


def test_a_folder_that_may_not_be_searched_is_bad_input_and_no_bug(tmp_path: Path) -> None:
    (closed := tmp_path / "closed").mkdir(mode=0o600)
    with without_root(), pytest.raises(click.UsageError, match="cannot be written: Permission denied"):
        WrittenFiles({"--html": closed / "page.html"}, read=[])


@pytest.mark.parametrize("file", ["password.txt", "settings.cnf", "backend.env", "linked", "known_hosts"])
@pytest.mark.parametrize("files", [("stack.yaml",), ("stack.yaml", "more.yaml")])
def test_a_file_that_stack_or_inventory_name_is_not_replaced_by_a_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, files: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("hosts.yaml").write_text(INVENTORY.replace("vars: {", "vars: {swarm_known_hosts: known_hosts, "))
    Path("stack.yaml").write_text(STACK)
    Path("more.yaml").write_text("services: {backend: {env_file: backend.env}}")
    for name in ("password.txt", "settings.cnf", "backend.env", "known_hosts"):
        Path(name).write_text("A=b\n")
        Path(name).chmod(0o600)
    Path("linked").symlink_to("password.txt")
    given = [word for name in files for word in ("-f", name)]
    done = CliRunner().invoke(cli, ["verify", "-i", "hosts.yaml", *given, "--html", file])
    assert done.exit_code == 2, done.exception
    name = "password.txt" if file == "linked" else file
    assert "--html: the command reads " in done.output
    assert f"{name}\n" in done.output
    assert Path(name).read_text() == "A=b\n"


STACK = """
services:
  backend: {image: 'r.example/backend:1', env_file: [backend.env], secrets: [password], configs: [settings]}
secrets: {password: {file: password.txt}}
configs: {settings: {file: settings.cnf}}
"""


def test_metrics_of_before_that_cannot_be_read_do_not_hide_why_there_is_no_proof(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (inventory := tmp_path / "hosts.yaml").write_text(INVENTORY)
    path = tmp_path / "swarmkit.prom"

    def verify(*_: object, **__: object) -> Proof:
        path.mkdir()
        raise UnreachableError("A: no way", "timed out")

    monkeypatch.setattr(look, "verify", verify)
    done = CliRunner().invoke(cli, ["verify", "-i", str(inventory), "--metrics", str(path)])
    assert isinstance(done.exception, UnreachableError)
    assert f"--metrics {path} is not written: Is a directory" in done.output


def test_a_proof_whose_page_cannot_be_written_is_told_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("hosts.yaml").write_text(INVENTORY)
    Path("pages").mkdir()

    def verify(*_: object, **__: object) -> Proof:
        Path("pages").rmdir()
        return Proof((PROVED,))

    monkeypatch.setattr(look, "verify", verify)
    done = CliRunner().invoke(cli, ["verify", "-i", "hosts.yaml", "--html", "pages/page.html"])
    assert done.exit_code == 1
    assert "--html pages/page.html is not written: No such file or directory" in done.output
    assert "1 proved" in done.output


NOBODY = 65534
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
    write_whole(path, metrics_text([PROVED], cluster="shop", seconds=2, now=1_700_000_000))

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


def test_watching_as_json_gives_a_proof_a_line_at_first_and_where_something_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (inventory := tmp_path / "hosts.yaml").write_text(INVENTORY)
    lost = UnreachableError("A: no way", "timed out")
    tries: Iterator[Proof | BaseException] = iter(
        [Proof((PROVED,)), Proof((PROVED,)), Proof((BROKEN,)), Proof((BROKEN,)), lost, Proof((PROVED,))]
    )

    def verify(*_: object, **__: object) -> Proof:
        said = next(tries, KeyboardInterrupt())
        if isinstance(said, BaseException):
            raise said
        return said

    monkeypatch.setattr(look, "verify", verify)
    done = CliRunner().invoke(cli, ["verify", "-i", str(inventory), "--json", "--watch", "0.01"])
    assert done.exit_code == 0
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    codes = [[one["code"] for one in line["findings"] if one["severity"] != "ok"] for line in lines]
    assert codes == [[], ["V05"], ["V14"], []]
    assert [line["proved"] for line in lines] == [True, False, False, True]
