"""Reading a YAML file into nodes: bounded, without tags that build objects, duplicate keys refused."""

from __future__ import annotations

import sys
from pathlib import Path

from yaml.error import YAMLError

from swarmkit.declared.documents import libyaml
from swarmkit.declared.documents.complaints import Complaints, shown
from swarmkit.declared.documents.nodes import Node
from swarmkit.declared.documents.scalars import Dialect
from swarmkit.declared.documents.yaml_nodes import NodeBuilder

MAXIMUM_BYTES = 1 << 20
STDIN = Path("-")


def read_text(path: Path, log: Complaints, *, subject: str, code: str = "B01") -> str | None:
    """Return the file's text, or None after a complaint."""
    try:
        content = _bytes(path)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        log.refuse(code, None, "", f"cannot read {subject} {shown(path)}: {why.lower()}")
        return None
    if len(content) > MAXIMUM_BYTES:
        log.refuse("B04", None, "", "larger than 1 MiB", "split the file or remove what does not belong here")
        return None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        log.refuse("B02", Node(line, 1), "", "not valid UTF-8 text", "save the file as UTF-8")
        return None


def _bytes(path: Path) -> bytes:
    if path == STDIN:
        return sys.stdin.buffer.read(MAXIMUM_BYTES + 1)
    if path.exists() and not path.is_file():
        raise OSError(0, "is not a regular file")
    with path.open("rb") as file:
        return file.read(MAXIMUM_BYTES + 1)


def parse_yaml(text: str, log: Complaints, dialect: Dialect) -> Node | None:
    """Return the document's tree, or None after a complaint or for an empty document.

    Of several documents Docker reads the first, and passes over the others without a word.
    """
    try:
        root, second = libyaml.compose(text)
        if second is not None and dialect != "docker":
            raise YAMLError("a second document")
    except YAMLError:
        # Not wanted for most files: its import takes as long as reading one.
        from swarmkit.declared.documents import patient_yaml

        root, second = patient_yaml.compose(text, log, dialect), None
    if second is not None and second.value != "":
        place = Node(second.start_mark.line + 1, 1)
        log.warn("B02", place, "", "Docker passes over a second document", "write it into a file of its own")
    return NodeBuilder(log, dialect).build(root) if root is not None else None
