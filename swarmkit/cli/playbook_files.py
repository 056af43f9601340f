"""Finding playbooks, and what their steps may name: files, the toolkit's own commands, facts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from swarmkit.cli.shipped import shipped

if TYPE_CHECKING:
    from swarmkit.declared.playbooks.loader import Values
    from swarmkit.declared.playbooks.model import Playbook

_FOLDERS = shipped("playbooks")
_SUFFIX = ".yaml"


def find_playbook(name: str) -> Path | None:
    """Return the file *name*, or the playbook of that name that comes with the toolkit."""
    if "/" in name or name.endswith(_SUFFIX):
        return Path(name) if Path(name).is_file() else None
    found = (folder / (name + _SUFFIX) for folder in _FOLDERS)
    return next((path for path in found if path.is_file()), None)


def playbook_names() -> list[str]:
    """Return the names of the playbooks that come with the toolkit."""
    folder = next((folder for folder in _FOLDERS if folder.is_dir()), None)
    return sorted(path.stem for path in folder.glob("*" + _SUFFIX)) if folder else []


def read_playbook(path: Path, values: Values) -> Playbook:
    """Return the playbook of *path*; raises InputError with every complaint, of its commands' options too."""
    from swarmkit.declared.playbooks.loader import Vocabulary, load_playbook
    from swarmkit.plan.situation import FACTS

    facts = {name: fact.of_host for name, fact in FACTS.items()}
    return load_playbook(path, values, Vocabulary(facts, _wrong_with, find_playbook))


def document() -> str:
    """Return docs/runbooks.md; a parameter stands there by its name."""
    from swarmkit.report.runbooks import runbooks

    return runbooks([(name, read_described(name)) for name in playbook_names()])


def read_described(name: str) -> Playbook:
    """Return the playbook *name* with each parameter standing for itself: ``host`` is HOST."""
    from swarmkit.declared.documents.complaints import Complaints
    from swarmkit.declared.documents.nodes import MapNode
    from swarmkit.declared.documents.yaml_source import parse_yaml, read_text

    path = find_playbook(name)
    assert path is not None  # noqa: S101 - the names are those of files
    log = Complaints(path)
    root = parse_yaml(read_text(path, log, subject="playbook") or "", log, "docker")
    declared = root.items.get("parameters") if isinstance(root, MapNode) else None
    names = declared.items if isinstance(declared, MapNode) else {}
    return read_playbook(path, {one: [one.upper()] for one in names})


def leaf(words: tuple[str, ...]) -> tuple[click.Command, tuple[str, ...], tuple[str, ...]]:
    """Return the command that *words* begin with, its name's words, and the rest; raises UsageError."""
    from swarmkit.cli.main import cli

    command: click.Command = cli
    used = 0
    while isinstance(command, click.Group):
        name = words[used] if used < len(words) else ""
        context = click.Context(command)
        found = command.get_command(context, name)
        if found is None:
            there = ", ".join(command.list_commands(context))
            raise click.UsageError(f"no command {' '.join(words[: used + 1])!r}; there are: {there}")
        command, used = found, used + 1
    return command, words[:used], words[used:]


def completed(words: tuple[str, ...], given: dict[str, list[str]]) -> list[str]:
    """Return *words* with those options of the play, by parameter name, that the command has and was not given."""
    command, _, rest = leaf(words)
    added: list[str] = []
    for parameter in command.params:
        flags = getattr(parameter, "opts", [])
        if parameter.name in given and not any(word.split("=")[0] in flags for word in rest):
            added += [word for value in given[parameter.name] for word in (flags[0], value)] or [flags[0]]
    return [*words, *added]


def _wrong_with(words: tuple[str, ...]) -> str:
    """Return what the command line would refuse of *words*, or nothing."""
    given = {"inventory_file": ["inventory"], "inventory": ["inventory"]}
    try:
        command, name, _ = leaf(words)
        command.make_context(" ".join(name), completed(words, given)[len(name) :])
    except click.ClickException as error:
        return error.format_message()
    return ""
