"""Options that several commands share: decorators, and what turns their values into something usable."""

from __future__ import annotations

import math
import os
import stat
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from swarmkit.errors import InputError
from swarmkit.secret import Secret

if TYPE_CHECKING:
    from swarmkit.declared.inventory.host import Inventory

Command = TypeVar("Command", bound=Callable[..., Any])

DEFAULT_TIMEOUT_SECONDS = "300"
PASSWORD_FILE_VARIABLE = "SWARMKIT_BECOME_PASSWORD_FILE"  # noqa: S105 - the variable's name


_YEAR_SECONDS = 366 * 24 * 3600.0


def positive_seconds(ctx: click.Context, param: click.Parameter, value: str) -> float:
    """Return *value* as a positive number of seconds, at most those of a year, or refuse it."""
    try:
        seconds = float(value)
    except ValueError:
        seconds = math.nan
    # What sleeps or waits takes no more than some hundred years (the C library's time_t, and Python's own limits).
    if not math.isfinite(seconds) or not 0 < seconds <= _YEAR_SECONDS:
        what = f"B49 {value!r} is not a positive number of seconds, such as 300, and at most those of a year"
        raise click.BadParameter(what, ctx, param)
    return seconds


def pause_seconds(ctx: click.Context, param: click.Parameter, value: str | None) -> float | None:
    """Return *value* as a positive number of seconds, None where the option was not given, or refuse it."""
    return None if value is None else positive_seconds(ctx, param, value)


Check = Callable[[click.Context, click.Parameter, Any], Any]


def _inventory_option(*, required: bool, callback: Check | None = None) -> Callable[[Command], Command]:
    return click.option(
        "-i",
        "--inventory",
        "inventory_file",
        type=click.Path(path_type=Path),
        envvar="SWARMKIT_INVENTORY",
        show_envvar=True,
        required=required,
        callback=callback,
        metavar="FILE",
        help="Inventory of the hosts, in Ansible's YAML or JSON layout.",
    )


def checked_inventory_option(check: Check) -> Callable[[Command], Command]:
    """Return the option with a *check* of what was given."""
    return _inventory_option(required=True, callback=check)


inventory_option = _inventory_option(required=True)
optional_inventory_option = _inventory_option(required=False)
stack_files_option = click.option(
    "-f",
    "--file",
    "stack_files",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Stack file (Compose format), - for standard input; repeatable, a later one is merged over an earlier one.",
)
stack_name_option = click.option(
    "--stack",
    "stack_name",
    metavar="NAME",
    help="Name of the stack. Without it: the stack file's name:, else what the file is called without .yaml; of a "
    "stack.yaml, compose.yaml, docker-stack.yaml, docker-compose.yaml or standard input, the folder's name.",
)


def refuse_name_without_file(stack_files: Sequence[Path], stack_name: str | None) -> None:
    """Refuse the name of a stack whose file is not given: without one the whole cluster is meant, not that stack."""
    if stack_name is not None and not stack_files:
        raise click.UsageError("--stack names the stack of a file: give it with -f")


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
yes_option = click.option("-y", "--yes", is_flag=True, help="Do not ask before changing something.")
ask_become_pass_option = click.option(
    "--ask-become-pass",
    is_flag=True,
    help=f"Ask for the sudo password. For scripts: {PASSWORD_FILE_VARIABLE} names a file of mode 0600 that holds it.",
)
allow_even_managers_option = click.option(
    "--allow-even-managers", is_flag=True, help="Accept an even number of managers, of which one adds no tolerance."
)


def wait_seconds(ctx: click.Context, param: click.Parameter, value: str) -> float:
    """Return *value* as a number of seconds, 0 too, or refuse it."""
    return 0.0 if value == "0" else positive_seconds(ctx, param, value)


lock_wait_option = click.option(
    "--lock-wait",
    "lock_wait_seconds",
    callback=wait_seconds,
    default="0",
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for another run that holds the cluster. With 0 too that takes a few seconds: until the "
    "other's next heartbeat, one every 5 s; one that shows none for 20 s is dead, and is taken over.",
)
timeout_option = click.option(
    "--timeout",
    "timeout_seconds",
    callback=positive_seconds,
    default=DEFAULT_TIMEOUT_SECONDS,
    show_default=True,
    metavar="SECONDS",
    help="How long each service may take to converge, from the moment it is waited for: one that depends on another "
    "begins after it.",
)


def sudo_password(*, ask: bool) -> Secret | None:
    """Return the sudo password: asked for, or from the file the environment names; None when there is neither.

    Raises InputError when the file cannot be used or there is no terminal to ask on.
    """
    if ask:
        if not sys.stdin.isatty():
            raise InputError(
                "--ask-become-pass needs a terminal to ask on",
                to_do=f"name a file of mode 0600 that holds the password in {PASSWORD_FILE_VARIABLE}",
            )
        return Secret(str(click.prompt("sudo password", hide_input=True, err=True)).encode())
    return next((secret_line(path, PASSWORD_FILE_VARIABLE) for path in sudo_password_files()), None)


def sudo_password_files() -> tuple[Path, ...]:
    """Return the file that the environment names for the sudo password, if it names one."""
    named = os.environ.get(PASSWORD_FILE_VARIABLE)
    return (Path(named).expanduser(),) if named else ()


def secret_file(path: Path, source: str) -> Secret:
    """Return what is in *path*, which only its owner may read; *source* is what named it. Raises InputError."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode) or stat.S_IMODE(status.st_mode) & 0o077:
            raise InputError(
                f"{source}: {path} can be read by others or is no regular file",
                to_do=f"make it a file that only you can read: chmod 600 {path}",
            )
        return Secret(path.read_bytes())
    except OSError as error:
        raise InputError(f"{source}: cannot read {path}: {error.strerror}") from error


def secret_line(path: Path, source: str) -> Secret:
    """Return the one line that *path* must hold; see secret_file."""
    line = secret_file(path, source).reveal().removesuffix(b"\n").removesuffix(b"\r")
    if not line or b"\n" in line:
        raise InputError(f"{source}: {path} must hold the secret alone, in one line")
    return Secret(line)


def check_hosts(inventory: Inventory, names: Iterable[str], *, backed_up: Iterable[str] = ()) -> None:
    """Raise InputError when *names* has hosts that neither *inventory* has nor a backup, of which are *backed_up*."""
    known = list(dict.fromkeys((*(host.name for host in inventory.hosts), *backed_up)))
    where = "in the inventory" + (" or among the backup's managers" if backed_up else "")
    if unknown := [name for name in names if name not in known]:
        absent = [host.name for host in inventory.leaving if host.name in unknown]
        more = f"; with swarm_state: absent: {', '.join(absent)}" if absent else ""
        raise InputError(f"no host {', '.join(unknown)} {where}", to_do=f"there are: {', '.join(known)}{more}")


def confirmed(question: str, *, yes: bool) -> bool:
    """Ask *question* and return the answer; *yes* answers it. Raises InputError when there is nobody to ask."""
    if yes:
        return True
    if not sys.stdin.isatty():
        raise InputError(
            f"not done without an answer to: {question}", to_do="no terminal to ask on: give --yes to agree beforehand"
        )
    return click.confirm(question, default=False, err=True)


def told(what: str) -> None:
    """Say what is waited for, where no progress is shown."""
    click.echo(what, err=True)


def check_codes(ctx: click.Context, param: click.Parameter, value: tuple[str, ...]) -> tuple[str, ...]:  # noqa: ARG001
    """Return the codes of the doctor's checks that *value* names; refuse others, with all there are."""
    from swarmkit.doctor.codes import EXPLANATIONS

    codes = tuple(code.strip().upper() for codes in value for code in codes.split(","))
    unknown = [code for code in codes if code not in EXPLANATIONS]
    if unknown:
        _refuse_of_proofs(unknown)
        where = where_codes_are(unknown, EXPLANATIONS)
        raise click.BadParameter(f"no check has the code {', '.join(unknown)}; {where}")
    return codes


def _refuse_of_proofs(codes: Iterable[str]) -> None:
    from swarmkit.verify.explained import PROOFS

    if proofs := sorted(PROOFS.keys() & set(codes)):
        told = "is no check of the doctor: swarmkit verify proves it"
        if len(proofs) > 1:
            told = "are no checks of the doctor: swarmkit verify proves them"
        raise click.BadParameter(f"{', '.join(proofs)} {told}")


def check_doctors_codes(ctx: click.Context, param: click.Parameter, value: tuple[str, ...]) -> tuple[str, ...]:
    """Return the codes that *value* names; refuse what is told by others than the doctor, and by whom it is."""
    from swarmkit.doctor.codes import OF_PLANS, TOLD_ELSEWHERE

    named = {code.strip().upper() for codes in value for code in codes.split(",")}
    if others := sorted(named & (OF_PLANS | TOLD_ELSEWHERE.keys())):
        told = (
            "is no check of the doctor: it is told by" if len(others) == 1 else "are no checks of the doctor: told by"
        )
        raise click.BadParameter(f"{', '.join(others)} {told} swarmkit plan and up, of what they read and would do")
    return check_codes(ctx, param, value)


def where_codes_are(unknown: Iterable[str], known: Iterable[str]) -> str:
    """Return which of *known* are nearest to *unknown* codes, if any are near, and what lists them all."""
    import difflib

    near = {code: None for word in unknown for code in difflib.get_close_matches(word[:8], known, n=3, cutoff=0.6)}
    told = f"near it: {', '.join(near)}; " if near else ""
    return f"{told}all are listed by: swarmkit doctor --explain all"


def _overridable(ctx: click.Context, param: click.Parameter, value: tuple[str, ...]) -> tuple[str, ...]:
    from swarmkit.doctor.codes import NOT_OVERRIDABLE

    codes = check_codes(ctx, param, value)
    if fixed := [code for code in codes if code in NOT_OVERRIDABLE]:
        raise click.BadParameter(f"{', '.join(fixed)} cannot be overridden; see swarmkit doctor --explain {fixed[0]}")
    return codes


override_option = click.option(
    "--override",
    "overridden",
    multiple=True,
    metavar="CODE",
    callback=_overridable,
    help="Go on in spite of what this check refuses; repeatable.",
)
