"""docs/runbooks.md: every playbook as a page for people, made from the playbook itself."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

from swarmkit.declared.playbooks.model import Playbook, PlayStep
from swarmkit.plan.situation import FACTS

_HEAD = """# Runbooks

Made by `make docs` from the playbooks, which run as they stand here: `swarmkit play NAME -i INVENTORY [-f STACK]`. Each
step is shown before it runs, and each command shows its plan and asks; `--yes` agrees to all, `--step` asks before each
step, `--check` shows the steps and changes nothing. A play that stopped says how to go on: `--from STEP`.
`-i`, `-f`, `--stack`, `--images` and `--yes` go to every command that has them.
"""


def runbooks(playbooks: Sequence[tuple[str, Playbook]]) -> str:
    """Return the document."""
    rows = "\n".join(f"| [{name}](#{name}) | {playbook.title} |" for name, playbook in playbooks)
    pages = "\n".join("\n".join(_page(name, playbook)) for name, playbook in playbooks)
    return f"{_HEAD}\n| playbook | when |\n|---|---|\n{rows}\n\n{pages}\n{_facts()}"


def _page(name: str, playbook: Playbook) -> Iterator[str]:
    stack = " -f STACK" if playbook.needs_stack else ""
    settings = [(key, parameter) for key, parameter in playbook.parameters.items()]
    given = "".join(f" --set {key}={key.upper()}" for key, parameter in settings if not parameter.optional)
    yield f"## {name}\n\n**{playbook.title}.** {playbook.about}\n"
    yield f"    swarmkit play {name} -i INVENTORY{stack}{given}\n"
    for key, parameter in settings:
        yield f"- `{key}`{' (may be left out)' if parameter.optional else ''}: {parameter.about}"
    if settings:
        yield ""
    for number, step in enumerate(playbook.steps, 1):
        yield f"{number}. {_step(step)}"
    yield ""


def _step(step: PlayStep) -> str:
    parts = [f"**{step.name}**"]
    if step.when:
        parts.append(f"when {', '.join(f'`{one}`' for one in step.when)}:")
    if step.command:
        parts.append(f"`swarmkit {shlex.join(step.command)}`.")
    if step.wait_for:
        waited = " and ".join(f"`{one}`" for one in step.wait_for)
        parts.append(f"wait until {waited}, at most {step.timeout_seconds} s.")
    if step.note:
        parts.append(step.note)
    if step.confirm:
        parts.append(f"*Asked: {step.confirm}*")
    if step.exit_codes != (0,):
        parts.append(f"Goes on with exit code {' or '.join(map(str, step.exit_codes))}.")
    return " ".join(parts)


def _facts() -> str:
    rows = [f"| `{name}{'(HOST)' if fact.of_host else ''}` | {fact.about} |" for name, fact in FACTS.items()]
    return (
        "## What `when` and `wait_for` may ask\n\nEach may stand after `not`.\n\n| fact | |\n|---|---|\n"
        + "\n".join([*rows, ""])
    )
