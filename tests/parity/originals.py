"""The public originals as a folder for the comparison, in the text that went through: from clones, by their sums.

    make originals ORIGINALS=CLONES         all of it: the folder, and the comparison
    python tests/parity/originals.py CLONES FOLDER

CLONES has repositories under their OWNER/NAME. A text that is no longer the newest is found in the clone's history.
What an original names beside itself gets a stand-in, each of its variables a value.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

SUMS = Path(__file__).parent / "public" / "originals.sha256"
_VARIABLE = re.compile(r"\$(?:\$|\{?([A-Za-z_][A-Za-z0-9_]*))")
_NUMBERS = re.compile(r"PORT|COUNT|NUM|REPLICAS|SIZE|INSTANCES|LIMIT", re.IGNORECASE)
_STAND_IN = "stand=in\n"


@dataclass(frozen=True)
class Original:
    sum: str
    repository: str
    path: str

    @property
    def name(self) -> str:
        """A stack's name: short, as those of its services begin with it, and no other original's."""
        return f"{self.repository.rpartition('/')[2].lower().replace('.', '-')[:16]}-{self.sum[:4]}"


def originals(sums: Path = SUMS) -> list[Original]:
    lines = [line.split("  ", 1) for line in sums.read_text().splitlines()]
    return [Original(digest, "/".join(path.split("/")[:2]), "/".join(path.split("/")[2:])) for digest, path in lines]


def text_of(original: Original, clones: Path) -> bytes | None:
    """Return the text that went through: the clone's own, or an earlier one; None where it has none of it."""
    clone = clones / original.repository
    texts = _texts(clone, original.path)
    return next((text for text in texts if hashlib.sha256(text).hexdigest() == original.sum), None)


def _texts(clone: Path, path: str) -> Iterator[bytes]:
    if (clone / path).is_file():
        yield (clone / path).read_bytes()
    if (clone / ".git").exists():
        git = ["git", "-C", str(clone)]
        log = [*git, "log", "--all", "--format=%H", "--", path]
        commits = subprocess.run(log, capture_output=True, text=True, check=True).stdout.split()
        for commit in commits:
            # A commit that takes the file away has none.
            shown = subprocess.run([*git, "show", f"{commit}:{path}"], capture_output=True, check=False)
            if shown.returncode == 0:
                yield shown.stdout


def variables_of(text: str) -> dict[str, str]:
    """Return a value for each variable of *text*: a number where its name asks for one."""
    names = {match[1] for match in _VARIABLE.finditer(text) if match[1]}
    return {name: "8" if _NUMBERS.search(name) else "given" for name in sorted(names)}


def stand_ins(document: Mapping[str, Any]) -> set[str]:
    """Return the files that a stack names and that are read where it is deployed."""
    found: set[str] = set()
    for service in (document.get("services") or {}).values():
        named = (service or {}).get("env_file") or ()
        found |= {named} if isinstance(named, str) else {str(one) for one in named}
    for section in ("secrets", "configs"):
        found |= {str(one["file"]) for one in (document.get(section) or {}).values() if one and one.get("file")}
    return {path for path in found if not Path(path).is_absolute()}


def _write_stand_ins(folder: Path, document: Mapping[str, Any], values: Mapping[str, str]) -> None:
    for name in stand_ins(document):
        path = folder / _VARIABLE.sub(lambda match: values.get(match[1] or "", "$"), name).replace("}", "")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(_STAND_IN)


def prepare(clones: Path, folder: Path, sums: Path = SUMS) -> list[Original]:
    """Write each original to *folder* with what it needs; return those whose text *clones* has not."""
    folder.mkdir(parents=True, exist_ok=True)
    missing, variables = [], {}
    for original in originals(sums):
        text = text_of(original, clones)
        if text is None:
            missing.append(original)
            continue
        own = folder / original.name
        own.mkdir(exist_ok=True)
        (own / "stack.yaml").write_bytes(text)
        found = variables_of(text.decode())
        variables |= found
        _write_stand_ins(own, yaml.safe_load(text), found)
    (folder / "variables").write_text("".join(f"{name}={value}\n" for name, value in sorted(variables.items())))
    return missing


def main() -> None:
    clones, folder = (Path(word).expanduser() for word in sys.argv[1:])
    missing, count = prepare(clones, folder, SUMS), len(originals(SUMS))
    for original in missing:
        print(f"no clone has this text: {original.repository}/{original.path}", file=sys.stderr)
    if len(missing) == count:
        sys.exit(f"nothing to compare: {clones} has, as OWNER/NAME, no repository with a text of {SUMS}")
    print(f"{count - len(missing)} of {count}; to compare: SWARMKIT_PARITY_FOLDER={folder} pytest tests/parity")


if __name__ == "__main__":
    main()
