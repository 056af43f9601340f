import os
import pty
import shlex
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import click
import pytest

from swarmkit.cli import main as entry
from swarmkit.errors import Complaint, InputError, NotConvergedError, UnreachableError


def run_main(monkeypatch: pytest.MonkeyPatch, command: click.Command | None, *arguments: str) -> int:
    if command is not None:
        monkeypatch.setattr(entry.LazyGroup, "get_command", lambda *_: command)
    monkeypatch.setattr(sys, "argv", ["swarmkit", *arguments])
    # The end of a process at once, which is not to be this one's.
    monkeypatch.setattr(os, "_exit", sys.exit)
    with pytest.raises(SystemExit) as caught:
        entry.main()
    return int(str(caught.value.code))


def failing(error: BaseException) -> click.Command:
    def fail() -> None:
        raise error

    return click.Command("up", callback=fail)


@pytest.mark.parametrize(
    ("error", "code"),
    [(InputError("x"), 2), (UnreachableError("x"), 3), (NotConvergedError("x"), 4), (KeyboardInterrupt(), 130)],
)
def test_exit_code_is_the_errors(error: BaseException, code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run_main(monkeypatch, failing(error), "up") == code


def test_an_interruption_while_a_lock_is_given_back_is_told_as_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """``with condition:`` gives back a lock that the interrupted wait had not yet taken again."""

    def fail() -> None:
        condition = threading.Condition(threading.Lock())
        with condition:
            condition.release()
            raise KeyboardInterrupt

    assert run_main(monkeypatch, click.Command("up", callback=fail), "up") == 130
    assert capsys.readouterr().err == "interrupted\n"


def test_sigterm_ends_a_run_as_an_interrupt_does(monkeypatch: pytest.MonkeyPatch) -> None:
    cleaned_up = []

    def wait() -> None:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(10)
        finally:
            cleaned_up.append(True)

    before = signal.getsignal(signal.SIGTERM)
    try:
        assert run_main(monkeypatch, click.Command("up", callback=wait), "up") == 143
    finally:
        signal.signal(signal.SIGTERM, before)
    assert cleaned_up


_ON_A_TERMINAL = """
import pathlib, sys, time, click
from swarmkit.cli import main as entry
folder = pathlib.Path(sys.argv.pop())

def wait():
    try:
        (folder / "runs").touch()
        time.sleep(60)
    finally:
        # What a workflow's end does: it tells, takes its time, and goes on.
        click.echo("the twin is ended", err=True)
        time.sleep(0.3)
        (folder / "cleaned").touch()

entry.LazyGroup.get_command = lambda *_: click.Command("up", callback=wait)
entry.main()
"""


def test_a_terminal_that_is_closed_ends_a_run_as_sigterm_does(tmp_path: Path) -> None:
    child, terminal = pty.fork()
    if child == 0:
        # Tests that nohup began are deaf to it, and so would be what they begin.
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        os.execv(sys.executable, [sys.executable, "-c", _ON_A_TERMINAL, "up", str(tmp_path)])
    deadline = time.monotonic() + 30
    while not (tmp_path / "runs").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.close(terminal)
    # The shell's, beside the kernel's.
    time.sleep(0.1)
    os.kill(child, signal.SIGHUP)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 143
    assert (tmp_path / "cleaned").exists()


def test_who_started_a_run_to_outlive_the_terminal_has_it_go_on(tmp_path: Path) -> None:
    command = ["nohup", sys.executable, "-c", _ON_A_TERMINAL.replace("sleep(60)", "sleep(1)"), "up", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as started:
        deadline = time.monotonic() + 30
        while not (tmp_path / "runs").exists():
            assert time.monotonic() < deadline
            time.sleep(0.02)
        started.send_signal(signal.SIGHUP)
        assert started.wait(30) == 0


def test_an_interrupt_while_the_modules_load_shows_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "click.py").write_text("raise KeyboardInterrupt\n")
    path = os.pathsep.join([str(tmp_path), *filter(None, sys.path)])
    command = [sys.executable, "-m", "swarmkit", "--help"]
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (130, "interrupted\n")


def test_a_command_may_return_its_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run_main(monkeypatch, click.Command("plan", callback=lambda: 5), "plan") == 5
    assert (
        run_main(monkeypatch, click.Command("plan", callback=lambda: click.get_current_context().exit(4)), "plan") == 4
    )


def test_complaints_are_listed_one_a_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    complaints = [Complaint("lab.yaml", line, 3, "B08", "all", "wrong", "mend it") for line in (7, 2)]
    run_main(monkeypatch, failing(InputError("the inventory cannot be used", complaints)), "up")
    assert capsys.readouterr().err.splitlines() == [
        "error: the inventory cannot be used",
        "  B08 lab.yaml:2:3 all - wrong - mend it",
        "  B08 lab.yaml:7:3 all - wrong - mend it",
    ]


def test_a_bug_is_one_masked_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_main(monkeypatch, failing(KeyError("SWMTKN-1-abc-def\nmore")), "up") == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert "KeyError" in lines[0]
    assert "[redacted]" in lines[0]
    assert "abc" not in lines[0]
    assert "--debug" in lines[0]


def test_debug_shows_the_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entry.LazyGroup, "get_command", lambda *_: failing(ValueError("x")))
    monkeypatch.setattr(sys, "argv", ["swarmkit", "--debug", "up"])
    with pytest.raises(ValueError, match="x"):
        entry.main()


def test_unknown_command_suggests_the_nearest(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_main(monkeypatch, None, "pln") == 2
    error = capsys.readouterr().err
    assert "Usage: swarmkit" in error
    assert "did you mean 'plan'?" in error


def test_wrong_option_prints_usage(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_main(monkeypatch, None, "--nonsense") == 2
    assert "Usage: swarmkit" in capsys.readouterr().err


def test_broken_pipe_is_quiet() -> None:
    script = (
        "import click, os, sys\n"
        "from swarmkit.cli import main as entry\n"
        "entry.LazyGroup.get_command = lambda *_: click.Command('x', callback=lambda: click.echo('y' * 100000))\n"
        "read, write = os.pipe(); os.dup2(write, 1); os.close(write); os.close(read)\n"
        "sys.argv = ['swarmkit', 'x']\n"
        "entry.main()\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "")


@pytest.mark.parametrize("ends", ["click.echo('y' * 10)", "click.echo('y' * 10**6)", "print('y' * 10); sys.exit(4)"])
def test_an_output_that_cannot_be_written_is_told_and_is_no_success(ends: str) -> None:
    script = (
        "import click, os, sys\n"
        "from swarmkit.cli import main as entry\n"
        "def command():\n"
        f"    {ends}\n"
        "entry.LazyGroup.get_command = lambda *_: click.Command('x', callback=command)\n"
        "sys.argv = ['swarmkit', 'x']\n"
        "entry.main()\n"
    )
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-c", script]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode in (1, 4)
    assert "No space left on device" in done.stderr
    assert "bug" not in done.stderr
    assert "Traceback" not in done.stderr


def test_an_error_that_cannot_be_told_keeps_its_exit_code(tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "swarmkit", "plan", "-i", "nothing.yaml"]
        assert subprocess.run(command, cwd=tmp_path, stderr=full, check=False).returncode == 2


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_closed_standard_stream_is_like_dev_null_and_takes_no_verdict(closed: str, tmp_path: Path) -> None:
    """A connection had its number otherwise; and `verify >&-` of a cron job ended with an AttributeError."""
    command = f"exec {shlex.quote(sys.executable)} -m swarmkit plan -i nothing.yaml {closed}"
    done = subprocess.run(["/bin/sh", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    assert ("cannot read inventory" in done.stderr) is ("2>&-" not in closed)
    assert "Traceback" not in done.stderr


def test_a_program_that_is_started_with_a_closed_standard_stream_has_dev_null_for_it_too() -> None:
    """ssh of a proxy command, or the lab's QEMU, would have its first file or connection in the place of one."""
    script = (
        "import subprocess\n"
        "from swarmkit.cli import main as entry\n"
        "entry._open_standard_streams()\n"
        "raise SystemExit(subprocess.run(['/bin/sh', '-c', ': <&0 && : >&1 && : >&2']).returncode)\n"
    )
    command = f"exec {shlex.quote(sys.executable)} -c {shlex.quote(script)} <&- >&- 2>&-"
    assert subprocess.run(["/bin/sh", "-c", command], check=False).returncode == 0


def test_help_imports_no_command_and_no_library_of_hosts() -> None:
    script = (
        "import sys\n"
        "from swarmkit.cli import main as entry\n"
        "entry.cli.main(['--help'], standalone_mode=False)\n"
        "print(sorted({'rich', 'paramiko', 'docker', 'pydantic', 'fabric'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("[]\n")
