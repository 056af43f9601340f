"""Both YAML parsers give one tree, with one place for each value: of every file here, and of what is written oddly."""

from __future__ import annotations

from pathlib import Path

import pytest
from yaml.error import YAMLError

from swarmkit.declared.documents import libyaml, patient_yaml
from swarmkit.declared.documents.complaints import Complaints
from swarmkit.declared.documents.nodes import ListNode, MapNode, Node, ScalarNode
from swarmkit.declared.documents.scalars import Dialect
from swarmkit.declared.documents.yaml_nodes import NodeBuilder

ROOT = Path(__file__).resolve().parents[3]
FILES = sorted(
    path
    for folder in ("examples", "inventories", "playbooks", "tests")
    for path in (ROOT / folder).rglob("*.y*ml")
    if path.suffix in (".yaml", ".yml")
)
ODD = [
    "a: 0o17\nb: 017\nc: 1e3\nd: .5\ne: 1_000\nf: 0x1F\ng: yes\nh: 'yes'\ni: !!str 5\nj: ! 5\nk: ~\nl:\n",
    "a: &x {b: 1, c: [2, 'three', \"f\\tour\"]}\nd:\n  <<: *x\n  e: *x\n'<<': text\n",
    "# first\n--- # begins\nfolded: >-\n  one\n  two\n\n  three\nliteral: |+\n  a\n   b\n\nlast: 2001-12-14 21:59:43\n",
    "? plain\n: [a, b,\n   c]\n? 'quoted key'\n: {x: 1,\n y: http://host:80/path#part}\n",
    "- - - deep\n    - er\n  - {}\n- []\n- \n- 'it''s'\n",
    "wide: ünï\U0001f600 after\nafter: [1, 2]\n",
    "%YAML 1.2\n---\na: b\n...\n",
]


def tree(root: object, dialect: Dialect) -> tuple[object, list[str]]:
    log = Complaints(Path("file.yaml"))
    return told_of(NodeBuilder(log, dialect).build(root)), log.refused


def told_of(node: Node | None) -> object:
    """Return the tree of values with their places; of a value that is not there libyaml names the line of its key."""
    if isinstance(node, MapNode):
        return {(key, place.line, place.column): told_of(node.items[key]) for key, place in node.keys.items()}
    if isinstance(node, ListNode):
        return [node.line, node.column, *map(told_of, node.items)]
    assert isinstance(node, ScalarNode)
    return (node.value, node.text, node.tag, (node.line, node.column) if node.text else None)


@pytest.mark.parametrize("dialect", ["docker", "ansible"])
def test_every_file_is_the_same_to_both(dialect: Dialect) -> None:
    assert len(FILES) > 80
    for path in FILES:
        same_to_both(path.read_text(), dialect, str(path))


@pytest.mark.parametrize("dialect", ["docker", "ansible"])
@pytest.mark.parametrize("text", ODD)
def test_what_is_written_oddly_is_the_same_to_both(text: str, dialect: Dialect) -> None:
    assert same_to_both(text, dialect, text)


def same_to_both(text: str, dialect: Dialect, told: str) -> bool:
    """Assert it where libyaml takes *text*; what it refuses is the other one's alone."""
    try:
        fast, second = libyaml.compose(text)
    except YAMLError:
        return False
    if second is not None:
        # Several documents are the fast one's alone, and it tells of them.
        return True
    log = Complaints(Path("file.yaml"))
    patient = patient_yaml.compose(text, log, dialect)
    if dialect == "ansible" and "\t" in text:
        # Ansible takes tabs between words as libyaml does, the other one for Docker's files alone.
        return True
    assert log.refused == [], told
    if fast is None:
        assert patient is None, told
    else:
        assert tree(fast, dialect) == tree(patient, dialect), told
    return True


def test_a_document_without_end_of_nesting_is_refused_by_the_fast_one_too() -> None:
    for opening in ("- ", "[", "{a: ", "? "):
        with pytest.raises(YAMLError, match="nesting"):
            libyaml.compose(opening * 200_000)
