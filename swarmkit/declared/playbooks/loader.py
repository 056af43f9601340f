"""Reading a playbook: YAML, every complaint at its line; contacts nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from swarmkit.declared.documents.complaints import Complaints, did_you_mean, shown
from swarmkit.declared.documents.field import Field
from swarmkit.declared.documents.nodes import MapNode
from swarmkit.declared.documents.yaml_source import parse_yaml, read_text
from swarmkit.declared.playbooks.model import Condition, Parameter, Playbook, PlayStep
from swarmkit.declared.playbooks.words import fill, fill_text
from swarmkit.errors import Complaint, InputError

_KEYS = ("title", "about", "needs", "parameters", "steps")
_STEP_KEYS = ("name", "note", "confirm", "when", "run", "play", "with", "wait_for", "timeout_seconds", "exit_codes")
_DOING = ("run", "play", "wait_for")
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,40}")
_CONDITION = re.compile(r"(?P<no>not +)?(?P<fact>[a-z][a-z-]*)(?:\((?P<host>[^()]*)\))?")
WHAT = "the playbook cannot be used"

Values = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Vocabulary:
    """What playbooks may name, told by those who know."""

    facts: Mapping[str, bool]
    """Name of a fact -> whether it is one of a host."""
    check_command: Callable[[tuple[str, ...]], str]
    """Returns what is wrong with a command's words, or nothing."""
    find_playbook: Callable[[str], Path | None]


def load_playbook(path: Path, values: Values, vocabulary: Vocabulary) -> Playbook:
    """Return the playbook of *path* with its parameters filled in, or raise InputError with every complaint."""
    return _Reader(path, values, vocabulary, ()).playbook()


class _Reader:
    """One file; those it plays are read by readers of their own."""

    def __init__(self, path: Path, values: Values, vocabulary: Vocabulary, outer: tuple[Path, ...]) -> None:
        self.path, self.vocabulary, self.outer = path, vocabulary, outer
        self.values: dict[str, Sequence[str]] = dict(values)
        self.log = Complaints(path)
        self.inner: list[Complaint] = []

    def playbook(self) -> Playbook:
        text = read_text(self.path, self.log, subject="playbook")
        root = parse_yaml(text, self.log, "docker") if text is not None else None
        if not self.log.refused and not isinstance(root, MapNode):
            self.log.refuse("B05", root, "", "a playbook is a map with title and steps")
        self.log.raise_if_any(WHAT)
        assert root is not None  # noqa: S101 - without a root there was a complaint
        top = Field(root, "", self.log)
        parts = self._known(top, _KEYS)
        title = self._required(top, parts, "title")
        parameters = self._parameters(parts.get("parameters"))
        self._check_values(parameters, top)
        steps = self._steps(top, parts.get("steps"))
        needs = parts["needs"].items() if "needs" in parts else []
        needs_stack = all(item.choice(("stack",)) for item in needs) and bool(needs)
        about = parts["about"].text() if "about" in parts else ""
        if self.log.refused or self.inner:
            raise InputError(WHAT, (*self.log.refused, *self.inner))
        return Playbook(self.path, title, about or "", needs_stack, parameters, steps)

    def _parameters(self, field: Field | None) -> dict[str, Parameter]:
        found: dict[str, Parameter] = {}
        for name, item in (field.fields() if field else {}).items():
            if not _NAME.fullmatch(name):
                item.refuse("B18", f"name {shown(name)}: only [a-z0-9-]")
            if item.is_map:
                parts = self._known(item, ("about", "optional"))
                about = self._required(item, parts, "about")
                found[name] = Parameter(about, bool(parts["optional"].boolean()) if "optional" in parts else False)
            else:
                found[name] = Parameter(item.text() or "")
        return found

    def _check_values(self, parameters: Mapping[str, Parameter], top: Field) -> None:
        known = ", ".join(parameters) or "none"
        for name in self.values.keys() - parameters.keys():
            top.refuse("B05", f"no parameter {shown(name)}", did_you_mean(name, parameters) or f"there are: {known}")
        for name, parameter in parameters.items():
            if not self.values.get(name):
                # One that is needed stands for itself, so that its steps are not complained of for want of it.
                self.values[name] = () if parameter.optional else (name,)
                if not parameter.optional:
                    top.refuse("B05", f"the parameter {name} is not given: {parameter.about}", f"--set {name}=VALUE")

    def _steps(self, top: Field, field: Field | None) -> tuple[PlayStep, ...]:
        items = field.items() if field else []
        if not items:
            top.refuse("B05", "no steps", "name at least one under steps")
        found: list[PlayStep] = []
        for item in items:
            parts = self._known(item, _STEP_KEYS)
            for step in self._step(item, parts):
                if step.name in [other.name for other in found]:
                    item.refuse("B05", f"two steps have the name {shown(step.name)}")
                found.append(step)
        return tuple(found)

    def _step(self, item: Field, parts: dict[str, Field]) -> tuple[PlayStep, ...]:
        name = self._required(item, parts, "name")
        if name and not _NAME.fullmatch(name):
            parts["name"].refuse("B18", f"name {shown(name)}: only [a-z0-9-]")
        if len([key for key in _DOING if key in parts]) > 1:
            item.refuse("B05", f"a step has one of {', '.join(_DOING)}")
        if not parts.keys() & {*_DOING, "note", "confirm"}:
            item.refuse("B05", f"the step does nothing: give it one of {', '.join(_DOING)}, note and confirm")
        step = PlayStep(
            name, self._text(parts, "note"), self._text(parts, "confirm"), self._conditions(parts.get("when")),
            self._command(parts.get("run")), self._conditions(parts.get("wait_for")),
        )  # fmt: skip
        if "timeout_seconds" in parts:
            step = replace(step, timeout_seconds=parts["timeout_seconds"].integer("B49", 1, 86400) or 1)
        if "exit_codes" in parts:
            codes = [code.integer("B05", 0, 255) for code in parts["exit_codes"].items()]
            step = replace(step, exit_codes=tuple(code for code in codes if code is not None))
        return self._played(parts, step) if "play" in parts else (step,)

    def _words(self, field: Field) -> tuple[str, ...]:
        """Return a value, or a list of them, with parameters filled in."""
        items = field.items() if field.is_list else [field]
        return fill([item.text() or "" for item in items], self.values, field)

    def _command(self, field: Field | None) -> tuple[str, ...]:
        if field is None:
            return ()
        raw = [item.text() or "" for item in field.items()] if field.is_list else (field.text() or "").split()
        words = fill(raw, self.values, field)
        if words and (wrong := self.vocabulary.check_command(words)):
            field.refuse("B05", wrong)
        return words

    def _conditions(self, field: Field | None) -> tuple[Condition, ...]:
        if field is None:
            return ()
        items = field.items() if field.is_list else [field]
        return tuple(found for item in items if (found := self._condition(item)))

    def _condition(self, field: Field) -> Condition | None:
        text = fill_text(field.text() or "", self.values, field)
        match = _CONDITION.fullmatch(text)
        fact = match["fact"] if match else text
        of_host = self.vocabulary.facts.get(fact)
        if match is None or of_host is None:
            known = ", ".join(name + ("(HOST)" if host else "") for name, host in self.vocabulary.facts.items())
            hint = did_you_mean(fact, self.vocabulary.facts) or f"there are: {known}; each may stand after not"
            field.refuse("B05", f"no fact {shown(text)}", hint)
            return None
        if bool(match["host"]) != of_host:
            field.refuse("B05", f"{fact} is a fact of " + ("a host" if of_host else "all hosts together"),
                         f"write {fact}(HOST)" if of_host else f"write {fact}")  # fmt: skip
        return Condition(fact, match["host"] or "", wanted=match["no"] is None)

    def _played(self, parts: dict[str, Field], step: PlayStep) -> tuple[PlayStep, ...]:
        """Return the steps of the playbook that *step* plays, after a step of its own for its note and question."""
        field = parts["play"]
        if step.when:
            parts["when"].refuse("B05", "a playbook's steps have their own conditions", "remove when")
        path = self.vocabulary.find_playbook(field.text() or "")
        if path is None or path in (*self.outer, self.path):
            field.refuse("B05", f"no playbook {shown(field.word)}" if path is None else "it plays itself")
            return (step,)
        given = parts["with"].fields() if "with" in parts else {}
        values = {name: self._words(value) for name, value in given.items()}
        try:
            inner = _Reader(path, values, self.vocabulary, (*self.outer, self.path)).playbook()
        except InputError as error:
            self.inner += error.complaints
            field.refuse("B05", f"the playbook {shown(field.word)} cannot be used")
            return (step,)
        own = (step,) if step.note or step.confirm else ()
        return (*own, *(replace(one, name=f"{step.name}/{one.name}") for one in inner.steps))

    def _known(self, field: Field, keys: Sequence[str]) -> dict[str, Field]:
        parts = field.fields()
        for key in parts.keys() - set(keys):
            hint = did_you_mean(key, keys) or f"there are: {', '.join(keys)}"
            field.key(key).refuse("B05", f"unknown key {shown(key)}", hint)
        return parts

    def _required(self, field: Field, parts: Mapping[str, Field], key: str) -> str:
        if key not in parts:
            field.refuse("B05", f"{key} is required")
            return ""
        return parts[key].text() or ""

    def _text(self, parts: Mapping[str, Field], key: str) -> str:
        return fill_text(parts[key].text() or "", self.values, parts[key]) if key in parts else ""
