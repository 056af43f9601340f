"""`swarmkit play`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from swarmkit.cli import options
from swarmkit.cli.playbook_files import find_playbook, playbook_names, read_playbook
from swarmkit.errors import InputError

if TYPE_CHECKING:
    from swarmkit.declared.inventory.host import Inventory
    from swarmkit.declared.playbooks.model import Playbook

_path = click.Path(path_type=Path)


def _list(ctx: click.Context, param: click.Parameter, value: bool) -> None:  # noqa: ARG001, FBT001
    if value:
        for name in playbook_names():
            click.echo(name)
        ctx.exit()


def _facts(ctx: click.Context, param: click.Parameter, value: bool) -> None:  # noqa: ARG001, FBT001
    from swarmkit.plan.situation import FACTS

    if value:
        for name, fact in FACTS.items():
            click.echo(f"{name + ('(HOST)' if fact.of_host else ''):20} {fact.about}")
        ctx.exit()


@click.command()
@click.argument("playbook_name", metavar="PLAYBOOK")
@options.inventory_option
@options.stack_files_option
@options.stack_name_option
@click.option("--images", "images_folder", type=_path, metavar="DIR", help="Folder of docker-archive files, for up.")
@click.option("--with-registry-auth", is_flag=True, help="Send your logins at the images' registries, for up and plan.")
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="A parameter of the playbook; repeatable.")
@click.option("--from", "first", metavar="STEP", help="Begin at this step: those before it are done.")
@click.option("--step", "stepwise", is_flag=True, help="Ask before each step.")
@click.option("--check", is_flag=True, help="Show the steps and what their conditions are now; changes nothing.")
@options.yes_option
@options.allow_even_managers_option
@click.option("--list", is_flag=True, is_eager=True, expose_value=False, callback=_list, help="List the playbooks.")
@click.option(
    "--facts", is_flag=True, is_eager=True, expose_value=False, callback=_facts, help="List what when: may ask."
)
def play(
    *,
    playbook_name: str,
    inventory_file: Path,
    stack_files: tuple[Path, ...],
    stack_name: str | None,
    images_folder: Path | None,
    with_registry_auth: bool,
    settings: tuple[str, ...],
    first: str | None,
    stepwise: bool,
    check: bool,
    yes: bool,
    allow_even_managers: bool,
) -> None:
    """Run PLAYBOOK, a file or one of those that come with swarmkit: its commands, step by step.

    Each step is shown before it runs, and each command shows its plan and asks as ever; --yes agrees to all. A play
    that stopped tells at which step: run it again with --from STEP. What is done changes nothing when it runs again.
    """
    from swarmkit.cli.playing import Play
    from swarmkit.workflows.inputs import read_declared

    playbook = read_playbook(_file_of(playbook_name), _values(settings))
    if Path("-") in stack_files:
        raise InputError("a stack file on standard input can be read by one step only", to_do="give it as a file")
    if playbook.needs_stack and not stack_files:
        raise InputError(f"the playbook {playbook_name} needs a stack file", to_do="name it with -f FILE")
    inventory = read_declared(
        inventory_file, stack_files, stack_name=stack_name, allow_even_managers=allow_even_managers
    ).inventory
    _check_hosts(playbook, inventory)
    given = _given(inventory_file, stack_files, stack_name, images_folder)
    flags = {"allow_even_managers": allow_even_managers, "with_registry_auth": with_registry_auth}
    given |= {name: [] for name, is_given in flags.items() if is_given}
    again = ["swarmkit", "play", playbook_name, *_flags(given), *(f"--set={setting}" for setting in settings)]
    given |= {"yes": []} if yes else {}
    run = Play(playbook_name, playbook, inventory, given, again, yes=yes, stepwise=stepwise)
    steps = run.steps_from(first)
    if check:
        run.show(steps)
    else:
        sys.exit(run.play(steps))


def _file_of(name: str) -> Path:
    path = find_playbook(name)
    if path is None:
        raise InputError(f"no playbook {name!r}", to_do=f"name a file, or one of: {', '.join(playbook_names())}")
    return path


def _given(
    inventory_file: Path, stack_files: Sequence[Path], stack_name: str | None, images_folder: Path | None
) -> dict[str, list[str]]:
    """Return what the play's commands are given, by the name that the parameter has in them."""
    given = {"inventory_file": [str(inventory_file)], "inventory": [str(inventory_file)]}
    if stack_files:
        given["stack_files"] = list(map(str, stack_files))
    if stack_name:
        given["stack_name"] = [stack_name]
    if images_folder:
        given["images_folder"] = [str(images_folder)]
    return given


def _values(settings: Sequence[str]) -> dict[str, list[str]]:
    values: dict[str, list[str]] = {}
    for setting in settings:
        name, equals, value = setting.partition("=")
        if not equals or not name or not value:
            raise InputError(f"--set {setting!r}: not of the form NAME=VALUE")
        values.setdefault(name, []).append(value)
    return values


def _flags(given: dict[str, list[str]]) -> list[str]:
    names = {"inventory_file": "-i", "stack_files": "-f", "stack_name": "--stack", "images_folder": "--images"}
    words = [word for name, flag in names.items() for value in given.get(name, ()) for word in (flag, value)]
    switches = {"allow_even_managers": "--allow-even-managers", "with_registry_auth": "--with-registry-auth"}
    return [*words, *(flag for name, flag in switches.items() if name in given)]


def _check_hosts(playbook: Playbook, inventory: Inventory) -> None:
    options.check_hosts(
        inventory,
        dict.fromkeys(one.host for step in playbook.steps for one in (*step.when, *step.wait_for) if one.host),
    )
