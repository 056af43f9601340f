"""The command line's entry: the group of commands, each imported only when it is called."""

from __future__ import annotations

import contextlib
import difflib
import errno
import gc
import importlib
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from types import FrameType
from typing import NoReturn

import click

from swarmkit import __version__
from swarmkit.errors import SwarmkitError, TerminatedError

COMMANDS: dict[str, tuple[str, str]] = {
    "up": ("swarmkit.cli.up:up", "Make the cluster as declared, and prove it."),
    "plan": ("swarmkit.cli.plan:plan", "Show what up would change, and why."),
    "rollback": ("swarmkit.cli.rollback:rollback", "Take a stack back to what it ran before the last up."),
    "export": ("swarmkit.cli.export:export", "Write a running stack as a stack file that plans to no change."),
    "status": ("swarmkit.cli.status:status", "Show nodes, services and networks as they are."),
    "doctor": (
        "swarmkit.cli.doctor:doctor",
        "Find what will break, on hosts and between them; changes no file or setting.",
    ),
    "verify": ("swarmkit.cli.verify:verify", "Prove that services answer and the overlay is encrypted."),
    "down": ("swarmkit.cli.down:down", "Remove what up has made; volumes stay unless told."),
    "network": (
        "swarmkit.cli.networking.network:network",
        "Networks of every kind on the hosts, in the words of `docker network`.",
    ),
    "run": ("swarmkit.cli.run:run", "Run a container on a host, on a network of any kind."),
    "node": ("swarmkit.cli.node:node", "List, drain, activate or replace nodes."),
    "engine": ("swarmkit.cli.engine:engine", "Upgrade the Docker engines, host by host."),
    "rotate": ("swarmkit.cli.credentials:rotate", "Make new join tokens, a new CA or a new unlock key."),
    "autolock": ("swarmkit.cli.credentials:autolock", "Lock managers when they start, or not."),
    "unlock": ("swarmkit.cli.credentials:unlock", "Unlock every manager after a reboot."),
    "backup": ("swarmkit.cli.backup:backup", "The swarm and its volumes in one encrypted file; ls, verify."),
    "restore": ("swarmkit.cli.backup:restore", "Let a manager go on from a backup, when none is left."),
    "rebuild": ("swarmkit.cli.rebuild:rebuild", "A fresh cluster of bare hosts, with a backup's data in its volumes."),
    "rehearse": ("swarmkit.cli.rehearsing.rehearse:rehearse", "Recover on a lab twin of the hosts, and prove it."),
    "recover": ("swarmkit.cli.recover:recover", "Go on with the manager that is left of many, or undo a restore."),
    "play": ("swarmkit.cli.play:play", "Run a playbook: the toolkit's own commands, step by step."),
    "history": ("swarmkit.cli.history:history", "Show what runs from this machine have changed."),
    "trust": ("swarmkit.cli.trust:trust", "Show the hosts' SSH keys and record them as trusted."),
    "lab": ("swarmkit.cli.lab:lab", "The embedded lab: Linux hosts with their own kernels on this machine."),
}
"""Command name -> (module:attribute, short help); static, so that --help imports none of them."""

INTERRUPTED = 130


def _terminate(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the signal handler's signature
    raise TerminatedError


class LazyGroup(click.Group):
    """A click group that imports a command's module when the command is called, not for --help."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            near = difflib.get_close_matches(cmd_name, COMMANDS, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(COMMANDS)}"
            raise click.UsageError(f"no command {cmd_name!r}; {hint}", ctx)
        module_name, attribute = COMMANDS[cmd_name][0].split(":")
        command = getattr(importlib.import_module(module_name), attribute)
        assert isinstance(command, click.Command)  # noqa: S101 - a wrong table entry is our bug
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option("--debug", is_flag=True, help="Show tracebacks.")
@click.version_option(__version__, prog_name="swarmkit")
@click.pass_context
def cli(ctx: click.Context, *, debug: bool) -> None:
    """Bootstrap, prove and recover Docker Swarms with encrypted overlay networks, over SSH."""
    ctx.obj = {"debug": debug}


_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def main() -> None:
    """Run the command line and exit with the workflow's code; a traceback only with --debug."""
    _open_standard_streams()
    _end_by_signals()
    sys.unraisablehook = _without_channels
    # Nearly all a run makes lives to its end: at the default of 700 a tenth of a large plan's time goes into looking.
    gc.set_threshold(500_000, 20, 20)
    # While one thread imports, those that connect would wait 5 ms for each of their many short turns.
    sys.setswitchinterval(0.0005)
    _leave(run(sys.argv[1:]))


def _end_by_signals() -> None:
    """Let SIGTERM end a run as Ctrl-C does, and SIGHUP where nobody (nohup) asked that it be ignored."""
    signal.signal(signal.SIGTERM, _terminate)
    if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:
        return
    terminals = [number for number in (1, 2) if os.isatty(number)]

    def hang_up(number: int, frame: FrameType | None) -> None:
        # The kernel sends one and the shell another: a second must not cut off what the first one ends.
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        # What is told while the run ends must not fail for a terminal that is gone, or will be in a moment.
        for one in terminals:
            os.dup2(os.open(os.devnull, os.O_WRONLY), one)
        _terminate(number, frame)

    signal.signal(signal.SIGHUP, hang_up)


def _open_standard_streams() -> None:
    """Give /dev/null to a standard stream that is closed: a connection would have its number, and our words."""
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        if getattr(sys, name) is None:
            # The lowest free number is given, and those below are open. Programs that we start have it too.
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # noqa: FBT003 - takes no keyword
            setattr(sys, name, os.fdopen(number, mode, encoding="utf-8"))


def _leave(code: int) -> NoReturn:
    """End the process without taking its objects apart one by one, which takes a tenth as long as a large plan."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        code = code or 1
    except OSError as error:
        code = code or 1
        with contextlib.suppress(OSError):
            sys.stderr.write(f"error: the output cannot be written: {error.strerror}\n")
    with contextlib.suppress(OSError):
        sys.stderr.flush()
    os._exit(code)


def _without_channels(raised: sys.UnraisableHookArgs) -> None:
    """Leave out what Paramiko's files say when they are collected after their connection broke: that was told."""
    if "BufferedFile.__del__" not in getattr(raised.object, "__qualname__", ""):
        sys.__unraisablehook__(raised)


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code; what goes wrong is told on stderr."""
    debug = "--debug" in sys.argv or bool(os.environ.get("SWARMKIT_DEBUG"))
    try:
        return _invoke(arguments)
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 1
    except (click.exceptions.Abort, KeyboardInterrupt) as error:
        return _interrupted(error)
    except click.ClickException as error:
        error.show()
        return 2
    except BrokenPipeError:
        # The interpreter flushes once more at its end: give it somewhere to flush to.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        if debug:
            raise
        # Where it comes while a lock is taken or given back, threading makes a RuntimeError of an interruption.
        if isinstance(error, RuntimeError) and any(isinstance(one, KeyboardInterrupt) for one in _causes(error)):
            return _interrupted(error)
        return _explain(error)


def _interrupted(error: BaseException) -> int:
    """Say what ended the run and return its exit code; click makes an Abort of a signal."""
    terminated = any(isinstance(one, TerminatedError) for one in _causes(error))
    click.echo("terminated" if terminated else "interrupted", err=True)
    return TerminatedError.exit_code if terminated else INTERRUPTED


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield *error* and what it was raised from, or while handling."""
    while error:
        yield error
        error = error.__cause__ or error.__context__


def _invoke(arguments: Sequence[str]) -> int:
    """Return the exit code: what a command returns, or gives to ``ctx.exit``."""
    result: object = cli.main(list(arguments), prog_name="swarmkit", standalone_mode=False)
    sys.stdout.flush()
    return result if isinstance(result, int) else 0


def _explain(error: Exception) -> int:
    """Tell *error* where something can be told, and return its exit code."""
    with contextlib.suppress(OSError):
        _print(error)
    return error.exit_code if isinstance(error, SwarmkitError) else 1


def _print(error: Exception) -> None:
    from swarmkit.report.errors import print_bug, print_error

    if isinstance(error, SwarmkitError):
        print_error(error, sys.stderr)
        return
    if isinstance(error, OSError) and error.errno in _NO_ROOM:
        what = f"{error.filename or 'the output, or a file of this machine,'} cannot be written"
        print_error(
            SwarmkitError(what, error.strerror or "", "make room on this machine, then run it again"), sys.stderr
        )
        return
    print_bug(error, sys.stderr)
