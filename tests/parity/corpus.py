"""The stack files that both tools deploy: own ones in stacks/, forms of well-known public ones in public/, yours.

And those in ours/, which Docker's tool takes and whose services its engine refuses.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from swarmkit.declared.stack.reading import load_stack
from swarmkit.declared.stack.service import Stack

HERE = Path(__file__).parent
FOLDERS = ("stacks", "public")
ENVIRONMENT = {"GIVEN": "given", "EMPTY": "", "TAG": "7", "HOME": "/home/operator", "COUNT": "3"}
"""The variables that both tools see."""
YOURS = "SWARMKIT_PARITY_FOLDER"
"""Names a folder of more stack files; its file ``variables`` holds those they need, as NAME=VALUE lines."""
_ENGINES_OWN = ("host", "none", "bridge")
OUTSIDE = "outside-"
"""An external network ``outside-DRIVER`` is one of that driver, any other an overlay."""


@dataclass(frozen=True)
class Case:
    """One stack: a file, or a folder whose files are merged in their names' order."""

    name: str
    files: tuple[Path, ...]
    environment: Mapping[str, str]

    @property
    def folder(self) -> Path:
        return self.files[0].parent

    def load(self) -> Stack:
        return load_stack(*self.files, name=self.name, environment=self.environment)

    def claims(self) -> frozenset[str]:
        """Return what no other stack may have at the same time: published ports, names and subnets."""
        stack = self.load()
        found = {
            f"port {port.published}/{port.protocol}"
            for service in stack.services
            for port in service.ports
            if port.published
        }
        objects = (*stack.networks, *stack.secrets, *stack.configs)
        found |= {f"name {one.name}" for one in objects if not one.external and one.name != f"{self.name}_{one.key}"}
        return frozenset(found | {f"subnet {subnet}" for one in stack.networks for subnet in one.subnets})

    def outside(self) -> frozenset[str]:
        """Return the names of what it calls external, which no other stack may declare at the same time."""
        stack = self.load()
        objects = (*stack.networks, *stack.secrets, *stack.configs)
        return frozenset(f"name {one.name}" for one in objects if one.external)


def cases() -> list[Case]:
    found = [case for folder in FOLDERS for case in _cases(HERE / folder, ENVIRONMENT)]
    if yours := os.environ.get(YOURS):
        found += _cases(Path(yours), ENVIRONMENT | _variables(Path(yours) / "variables"))
    assert len({case.name for case in found}) == len(found)
    return found


def our_cases() -> list[Case]:
    """Return the stacks with a network that Docker's tool makes on one manager alone, where no service can use it."""
    return list(_cases(HERE / "ours", ENVIRONMENT))


def _cases(folder: Path, environment: Mapping[str, str]) -> Iterator[Case]:
    for path in sorted(folder.iterdir()):
        is_file = path.suffix in (".yaml", ".yml")
        files = tuple(sorted(path.glob("*.yaml"))) if path.is_dir() else (path,) if is_file else ()
        if files:
            yield Case(path.stem, files, environment)


def _variables(path: Path) -> dict[str, str]:
    lines = path.read_text().splitlines() if path.exists() else []
    return {name: value for name, equals, value in (line.partition("=") for line in lines) if equals}


def external_objects(all_cases: list[Case]) -> dict[str, list[str]]:
    """Return the names of what has to be in the swarm beforehand, as the files call it external."""
    stacks = [case.load() for case in all_cases]
    return {
        kind: sorted({one.name for stack in stacks for one in getattr(stack, kind) if one.external} - {*_ENGINES_OWN})
        for kind in ("networks", "secrets", "configs")
    }


def batches(all_cases: list[Case]) -> list[list[Case]]:
    """Return the cases in as few groups as their claims let be in one swarm together."""
    groups: list[tuple[set[str], set[str], list[Case]]] = []
    for case in all_cases:
        claims, outside = case.claims(), case.outside()
        for taken, shared, group in groups:
            if not taken & (claims | outside) and not shared & claims:
                taken |= claims
                shared |= outside
                group.append(case)
                break
        else:
            groups.append((set(claims), set(outside), [case]))
    return [group for _, _, group in groups]
