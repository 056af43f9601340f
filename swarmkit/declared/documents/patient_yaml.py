"""YAML nodes by a parser in Python: what libyaml refuses and yaml.v3 takes, and where and why a text is no YAML."""

from __future__ import annotations

from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.scanner import Scanner

from swarmkit.declared.documents.complaints import Complaints, printable
from swarmkit.declared.documents.nodes import Node
from swarmkit.declared.documents.scalars import Dialect

_LINE_ENDS = "\0\r\n\x85\u2028\u2029"
# The parser's own slips on odd input (ruamel.yaml raises these for some broken directives and tags).
_PARSER_SLIPS = (ValueError, TypeError, AttributeError, IndexError, KeyError, AssertionError, NotImplementedError)


def compose(text: str, log: Complaints, dialect: Dialect) -> Any:
    """Return the root of the only document of *text*, None where it has none or after a complaint."""
    parser = YAML(typ="safe", pure=True)
    if dialect == "docker":
        parser.Scanner = TabScanner
    try:
        return parser.compose(text)
    except MarkedYAMLError as error:
        _complain_of_syntax(error, log)
    except YAMLError as error:
        log.refuse("B02", None, "", f"not valid YAML ({printable(str(error).splitlines()[0] if str(error) else '')})")
    except RecursionError:
        log.refuse("B04", None, "", "nested too deeply")
    except _PARSER_SLIPS:
        log.refuse("B02", None, "", "not valid YAML")
    return None


def _complain_of_syntax(error: MarkedYAMLError, log: Complaints) -> None:
    mark = error.problem_mark or error.context_mark
    place = Node(mark.line + 1, mark.column + 1) if mark else None
    problem = printable(str(error.problem or error.context or "").splitlines()[0][:120] if error.problem else "")
    if "'\\t'" in problem or "\\t" in problem:
        log.refuse("B02", place, "", "not valid YAML (tab used for indentation)", "indent with spaces")
    else:
        log.refuse("B02", place, "", f"not valid YAML ({problem})")


class TabScanner(Scanner):
    """Takes a tab after a word of a line for a space, and leaves one that indents an error."""

    def scan_to_next_token(self) -> Any:
        super().scan_to_next_token()
        while self.reader.peek() == "\t" and not self.allow_simple_key:
            while self.reader.peek() in " \t":
                self.reader.forward()
            super().scan_to_next_token()

    def scan_plain_spaces(self, indent: Any, start_mark: Any) -> Any:
        length = 0
        while self.reader.peek(length) in " \t":
            length += 1
        blanks = self.reader.prefix(length)
        if "\t" not in blanks:
            return super().scan_plain_spaces(indent, start_mark)
        self.reader.forward(length)
        at_end = self.reader.peek() in _LINE_ENDS
        return super().scan_plain_spaces(indent, start_mark) if at_end else [blanks]
