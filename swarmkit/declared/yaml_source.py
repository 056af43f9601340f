"""Reading a YAML file into nodes: bounded, without tags that build objects, duplicate keys refused."""

from __future__ import annotations

import sys
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from swarmkit.declared.complaints import Complaints, printable, shown
from swarmkit.declared.go_yaml import TabScanner
from swarmkit.declared.nodes import Node
from swarmkit.declared.scalars import Dialect
from swarmkit.declared.yaml_nodes import NodeBuilder

MAXIMUM_BYTES = 1 << 20
STDIN = Path("-")
# The parser's own slips on odd input (ruamel.yaml raises these for some broken directives and tags).
_PARSER_SLIPS = (ValueError, TypeError, AttributeError, IndexError, KeyError, AssertionError, NotImplementedError)


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
    """Return the document's tree, or None after a complaint or for an empty document."""
    parser = YAML(typ="safe", pure=True)
    if dialect == "docker":
        parser.Scanner = TabScanner
    try:
        root = parser.compose(text)
    except MarkedYAMLError as error:
        _complain_of_syntax(error, log)
    except YAMLError as error:
        log.refuse("B02", None, "", f"not valid YAML ({printable(str(error).splitlines()[0] if str(error) else '')})")
    except RecursionError:
        log.refuse("B04", None, "", "nested too deeply")
    except _PARSER_SLIPS:
        log.refuse("B02", None, "", "not valid YAML")
    else:
        return NodeBuilder(log, dialect).build(root) if root is not None else None
    return None


def _complain_of_syntax(error: MarkedYAMLError, log: Complaints) -> None:
    mark = error.problem_mark or error.context_mark
    place = Node(mark.line + 1, mark.column + 1) if mark else None
    problem = printable(str(error.problem or error.context or "").splitlines()[0][:120] if error.problem else "")
    if "'\\t'" in problem or "\\t" in problem:
        log.refuse("B02", place, "", "not valid YAML (tab used for indentation)", "indent with spaces")
    else:
        log.refuse("B02", place, "", f"not valid YAML ({problem})")
