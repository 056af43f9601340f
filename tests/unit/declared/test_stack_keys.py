"""The table of keys: the corpus uses all of it, the page says it, and what is left out or refused is told so."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from parity.corpus import cases

from swarmkit.declared.documents.complaints import Complaints
from swarmkit.declared.documents.nodes import plain
from swarmkit.declared.documents.yaml_source import parse_yaml
from swarmkit.declared.stack.reading import load_stack
from swarmkit.declared.stack.stack_keys import FORBIDDEN, IGNORED, IGNORED_INSIDE, KEYS, OURS, paths
from swarmkit.errors import InputError
from swarmkit.report.stack_files import document

ROOT = Path(__file__).parents[3]
NOT_DOCKERS = {path for path in paths() if path in OURS}
NAMED = tuple(place[: -len(".*")] for place in KEYS if place.endswith(".*"))
LISTED = tuple(place[: -len("[]")] for place in KEYS if place.endswith("[]"))


def keys_of(value: object, path: str = "") -> Iterator[str]:
    """Yield the path of every key in the tree, names and numbers of entries as ``*`` and ``[]``."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if path in NAMED:
                yield from keys_of(inner, f"{path}.*")
            else:
                yield f"{path}.{key}".lstrip(".")
                yield from keys_of(inner, f"{path}.{key}".lstrip("."))
    elif isinstance(value, list) and path in LISTED:
        for inner in value:
            yield from keys_of(inner, f"{path}[]")


def test_the_corpus_uses_every_key_that_docker_takes_or_ignores() -> None:
    files = [path for case in cases() for path in case.files]
    documents = [parse_yaml(path.read_text(), Complaints(path), "docker") for path in files]
    used = {path for document in documents if document for path in keys_of(plain(document))}
    taken = set(paths()) - NOT_DOCKERS
    inside = {f"{place}.{key}" for place, keys in IGNORED_INSIDE.items() for key in keys}
    ignored = {f"services.*.{key}" for key in IGNORED}
    assert (taken | inside | ignored) - used == NOT_IN_DOCKER_28


# Options of mounts that are docker compose's; Docker's tool takes them as any other word there (open-keys.yaml).
NOT_IN_DOCKER_28 = {
    "services.*.volumes[].bind.selinux",
    "services.*.volumes[].bind.recursive",
}


def test_the_corpus_has_forty_files_of_each_own_purpose() -> None:
    assert len([case for case in cases() if "stacks" in case.folder.parts]) >= 40


def test_the_page_of_the_stack_file_is_current() -> None:
    assert (ROOT / "docs" / "stack-files.md").read_text() == document()


def test_what_docker_passes_over_is_taken_without_a_word_and_on_the_page(tmp_path: Path) -> None:
    path = tmp_path / "stack.yaml"
    path.write_text("services: {a: {image: 'i:1'}}\nvolumes: {v: {x-cluster-spec: {group: g}}}\n")
    assert load_stack(path, name="s", environment={}).warnings == ()
    assert "| `x-cluster-spec` | passed over by Docker and here" in document()


@pytest.mark.parametrize("key", sorted(FORBIDDEN))
def test_what_a_swarm_cannot_do_is_refused_with_what_to_write_instead(tmp_path: Path, key: str) -> None:
    path = tmp_path / "stack.yaml"
    path.write_text(f"services:\n  a:\n    image: i:1\n    {key}: x\n")
    with pytest.raises(InputError) as caught:
        load_stack(path, name="s", environment={})
    told = [(one.code, one.line, one.to_do) for one in caught.value.complaints]
    assert told == [("B32", 4, FORBIDDEN[key])]


@pytest.mark.parametrize("place", sorted(IGNORED_INSIDE))
def test_what_docker_drops_inside_is_warned_of(tmp_path: Path, place: str) -> None:
    mount = "{type: bind, source: /a, target: /b, bind: {selinux: z}}"
    lines = {
        "services.*.networks.*": "networks: {default: {ipv6_address: '::1'}}",
        "services.*.volumes[].bind": f"volumes: [{mount}]",
        "services.*.volumes[].volume": "volumes: [{type: volume, target: /b, volume: {labels: {a: b}}}]",
        "services.*.volumes[].tmpfs": "volumes: [{type: tmpfs, target: /b, tmpfs: {mode: 5}}]",
    }
    path = tmp_path / "stack.yaml"
    path.write_text(f"services:\n  a:\n    image: i:1\n    {lines[place]}\n")
    assert [one.code for one in load_stack(path, name="s", environment={}).warnings] == ["B31"]
