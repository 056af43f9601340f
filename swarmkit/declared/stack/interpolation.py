"""Variables in a stack file: ``$A``, ``${A:-b}``, ``${A-b}``, ``${A:?why}``, ``${A?why}``, ``$$``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from operator import is_

from swarmkit.declared.documents.complaints import Complaints, key_path, shown
from swarmkit.declared.documents.nodes import ListNode, MapNode, Node, ScalarNode

# Docker interpolates values in these sections only, never keys (docker/cli compose/loader/interpolate.go).
SECTIONS = ("services", "networks", "volumes", "secrets", "configs")
_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_VARIABLE = re.compile(
    rf"\$(?:(?P<escaped>\$)|(?P<named>{_NAME})|\{{(?P<braced>{_NAME})(?:(?P<operator>:?[-?])(?P<word>[^}}]*))?\}}"
    rf"|(?P<invalid>(?:\{{{_NAME}:?\+)?))",
    re.ASCII,
)
_ADVICE = "write $$ for a dollar sign"
_OPERATOR = re.compile(r":?[-?]")


def interpolate(root: Node, environment: Mapping[str, str], log: Complaints) -> Node:
    """Return the tree with its variables replaced from *environment*; unset ones become empty, with a warning."""
    if not isinstance(root, MapNode):
        return root
    walk = _Interpolation(environment, log)
    items = {key: walk.node(node, key) if key in SECTIONS else node for key, node in root.items.items()}
    return MapNode(root.line, root.column, items, root.keys, file=root.file)


class _Interpolation:
    def __init__(self, environment: Mapping[str, str], log: Complaints) -> None:
        self.environment = environment
        self.log = log
        self.done: dict[int, Node] = {}

    def node(self, node: Node, path: str) -> Node:
        done = self.done.get(id(node))
        if done is None:
            done = self.done[id(node)] = self._fresh(node, path)
        return done

    def _fresh(self, node: Node, path: str) -> Node:
        if isinstance(node, MapNode):
            items = {
                key: value if _is_plain(value) else self.node(value, key_path(path, key))
                for key, value in node.items.items()
            }
            if all(map(is_, items.values(), node.items.values())):
                return node
            return MapNode(node.line, node.column, items, node.keys, file=node.file)
        if isinstance(node, ListNode):
            replaced = [
                item if _is_plain(item) else self.node(item, f"{path}[{i}]") for i, item in enumerate(node.items)
            ]
            if all(map(is_, replaced, node.items)):
                return node
            return ListNode(node.line, node.column, tuple(replaced), file=node.file)
        if isinstance(node, ScalarNode) and isinstance(node.value, str) and "$" in node.value:
            text = _VARIABLE.sub(lambda found: self._value(found, node, path), node.value)
            return ScalarNode(node.line, node.column, text, text, node.tag, file=node.file)
        return node

    def _value(self, found: re.Match[str], node: ScalarNode, path: str) -> str:
        if found["escaped"]:
            return "$"
        name = found["named"] or found["braced"]
        if not name:
            advice = f"docker stack deploy takes no ${found['invalid']}...}}" if found["invalid"] else _ADVICE
            self.log.refuse("B36", node, path, f"invalid variable in {shown(node.text)}", advice)
            return ""
        operator, word = found["operator"] or "", found["word"] or ""
        follows = _OPERATOR.match(found.string, found.end()) if found["named"] else None
        self._warn_of_traps(name, operator, word, follows[0] if follows else "", node, path)
        return self._chosen(name, operator, word, node, path)

    def _warn_of_traps(self, name: str, operator: str, word: str, follows: str, node: ScalarNode, path: str) -> None:
        """Tell of what Docker's tool reads otherwise (docker/cli compose/template/template.go)."""
        what = advice = ""
        if follows:
            what = f"docker stack deploy takes what follows ${name} for a default or a message"
            advice = f"write ${{{name}}}{follows}..."
        elif operator.endswith("?") and "-" in word:
            what = f"docker stack deploy takes the dash in {shown(word)} for a default: it never looks for {name}"
            advice = "write the message without a dash"
        elif operator == "-" and ":-" in word:
            what = f"docker stack deploy looks for the name {name}-{word.partition(':-')[0]}: it takes :- before -"
            advice = f"write ${{{name}:-default}}, or a default without :-"
        if what:
            self.log.warn("B36", node, path, what, advice)

    def _chosen(self, name: str, operator: str, word: str, node: ScalarNode, path: str) -> str:
        value = self.environment.get(name)
        is_there = bool(value) if operator.startswith(":") else value is not None
        if is_there:
            return value or ""
        if operator.endswith("?"):
            self.log.refuse("B36", node, path, f"the variable {name} is required{': ' + shown(word) if word else ''}")
        elif not operator:
            advice = f"export it, or write ${{{name}:-default}}"
            self.log.warn("B36", node, path, f"the variable {name} is not set and becomes empty", advice)
        elif "$" in word:
            what = f"a variable within the default of {name} is not replaced, nor is it by docker's tool"
            self.log.warn("B36", node, path, what, f"export {name}, or write the default out")
        return word if operator.endswith("-") else ""


def _is_plain(node: Node) -> bool:
    """Tell whether *node* is a single value without variables, as most are: no walk is needed for those."""
    return isinstance(node, ScalarNode) and not (isinstance(node.value, str) and "$" in node.value)
