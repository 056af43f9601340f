"""The part of Go's templates that `--format` is mostly used for: paths, json, index, join, range and if.

What is not of that part is refused and never printed as it stands: a script would take it for an answer.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from swarmkit.errors import InputError

_ACTION = re.compile(r"(?:\s*\{\{-\s|\{\{)\s*(.*?)\s*(?:\s-\}\}\s*|\}\})", re.DOTALL)
_WORD = re.compile(r'"(?:[^"\\]|\\.)*"|`[^`]*`|[^\s"`|]+|\|')
_WORDS = re.compile(rf"(?:\s*(?:{_WORD.pattern}))+\s*")
_PATH = re.compile(r"\.|(?:\.[A-Za-z_][A-Za-z0-9_]*)+", re.ASCII)
_NUMBER = re.compile(r"[0-9]{1,9}")
_FUNCTIONS = {"json": 1, "upper": 1, "lower": 1, "len": 1, "join": 2}
_KNOWN = "there are {{.Field}}, json, index, join, len, upper, lower, range, if, else and end"


@dataclass(frozen=True)
class _Block:
    """A ``range`` or ``if`` with what it holds, or without *word* all of a template."""

    word: str
    expression: str
    then: list[str | _Expression | _Block]
    otherwise: list[str | _Expression | _Block]


@dataclass(frozen=True)
class _Expression:
    text: str


_Parts = list["str | _Expression | _Block"]


class Template:
    """A template that was read once; raises InputError for what is not of the part that is known."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._parts = self._read()

    def render(self, value: object) -> str:
        """Return the text for *value*; raises InputError for a field that it has not."""
        return "".join(self._rendered(self._parts, value))

    def _read(self) -> _Parts:
        whole: _Parts = []
        into, open_blocks, position = whole, list[tuple[_Block, _Parts]](), 0
        for found in _ACTION.finditer(self.text):
            into.append(self._plain(self.text[position : found.start()]))
            position = found.end()
            word, _, rest = found[1].partition(" ")
            if word in ("range", "if"):
                block = _Block(word, rest.strip(), [], [])
                self._check(block.expression)
                into.append(block)
                open_blocks.append((block, into))
                into = block.then
            elif found[1] == "else" and open_blocks and into is open_blocks[-1][0].then:
                into = open_blocks[-1][0].otherwise
            elif found[1] == "end" and open_blocks:
                into = open_blocks.pop()[1]
            else:
                self._check(found[1])
                into.append(_Expression(found[1]))
        if open_blocks:
            raise self._wrong(f"{{{{{open_blocks[-1][0].word}}}}} without {{{{end}}}}")
        into.append(self._plain(self.text[position:]))
        return whole

    def _plain(self, text: str) -> str:
        if "{{" in text or "}}" in text:
            raise self._wrong("an action that is not closed, or not opened")
        return text

    def _check(self, expression: str) -> None:
        """Complain of an expression that could not be understood, whatever the value."""
        for number, words in enumerate(self._pipeline(expression)):
            name, given = words[0], len(words) - 1 + bool(number)
            if name == "index":
                is_known = given > 1
            elif name in _FUNCTIONS:
                is_known = given == _FUNCTIONS[name]
            else:
                is_known = given == 0 and _PATH.fullmatch(name) is not None
            if not is_known or not all(_is_operand(word) for word in words[1:]):
                raise self._wrong(f"{{{{{expression}}}}}")

    def _pipeline(self, expression: str) -> list[list[str]]:
        steps: list[list[str]] = [[]]
        for word in _WORD.findall(expression):
            if word == "|":
                steps.append([])
            else:
                steps[-1].append(word)
        if not all(steps) or not _WORDS.fullmatch(expression):
            raise self._wrong(f"{{{{{expression}}}}}")
        return steps

    def _rendered(self, parts: _Parts, value: object) -> list[str]:
        said: list[str] = []
        for part in parts:
            if isinstance(part, str):
                said.append(part)
            elif isinstance(part, _Expression):
                said.append(shown(self._value(part.text, value)))
            else:
                found = self._value(part.expression, value)
                each = _items(found) if part.word == "range" else [value] if found else []
                for item in each:
                    said += self._rendered(part.then, item)
                if not each:
                    said += self._rendered(part.otherwise, value)
        return said

    def _value(self, expression: str, value: object) -> object:
        steps = self._pipeline(expression)
        result: object = None
        for number, (name, *words) in enumerate(steps):
            given = [self._operand(word, value) for word in words] + ([result] if number else [])
            result = self._called(name, given) if name in _FUNCTIONS or name == "index" else self._at(name, value)
        return result

    def _operand(self, word: str, value: object) -> object:
        if word.startswith('"'):
            return word[1:-1].replace(r"\"", '"')
        if word.startswith("`"):
            return word[1:-1]
        return int(word) if _NUMBER.fullmatch(word) else self._at(word, value)

    def _at(self, path: str, value: object) -> object:
        for key in filter(None, path.split(".")):
            if not isinstance(value, Mapping) or key not in value:
                there = f"there are {', '.join(map(str, value))}" if isinstance(value, Mapping) else "it has no fields"
                raise self._wrong(f"{{{{{path}}}}}: no field {key}", there)
            value = value[key]
        return value

    def _called(self, name: str, given: list[object]) -> object:
        first = given[0]
        if name == "json":
            return json.dumps(first, separators=(",", ":"), ensure_ascii=False)
        if name in ("upper", "lower"):
            return shown(first).upper() if name == "upper" else shown(first).lower()
        if name == "len" and isinstance(first, (Mapping, Sequence)):
            return len(first)
        if name == "join" and isinstance(first, Sequence) and not isinstance(first, str):
            return shown(given[1]).join(map(shown, first))
        if name == "index":
            return self._index(first, given[1:])
        raise self._wrong(f"{{{{{name}}}}} of {shown(first)!r}")

    def _index(self, value: object, keys: list[object]) -> object:
        """Return what stands at *keys*; as in Go nothing where a map lacks the key; a list must be long enough."""
        for key in keys:
            if isinstance(value, Mapping):
                value = value.get(key, "")
            elif isinstance(value, list) and isinstance(key, int) and key < len(value):
                value = value[key]
            else:
                raise self._wrong(f"index {key!r} of {shown(value)!r}")
        return value

    def _wrong(self, what: str, there: str = _KNOWN) -> InputError:
        return InputError(f"--format {self.text!r}: cannot make out {what}", to_do=there)


def shown(value: object) -> str:
    """Return *value* as Go prints it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "<no value>"
    if isinstance(value, Mapping):
        return f"map[{' '.join(f'{key}:{shown(value[key])}' for key in sorted(value))}]"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"[{' '.join(map(shown, value))}]"
    return str(value)


def _items(value: object) -> list[object]:
    if isinstance(value, Mapping):
        return [value[key] for key in sorted(value)]
    return list(value) if isinstance(value, Sequence) and not isinstance(value, str) else []


def _is_operand(word: str) -> bool:
    return word[0] in '"`' or _NUMBER.fullmatch(word) is not None or _PATH.fullmatch(word) is not None
