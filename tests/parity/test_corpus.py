"""Stacks that are in one swarm at a time: those that do not declare what another has."""

from __future__ import annotations

from pathlib import Path

from parity.corpus import Case, batches

WEB = "services: {web: {image: web, networks: [proxy]}}\n"
EXTERNAL = WEB + "networks: {proxy: {external: true}}\n"
DECLARED = WEB + "networks: {proxy: {name: proxy, driver: overlay}}\n"


def case(folder: Path, name: str, text: str) -> Case:
    path = folder / f"{name}.yaml"
    path.write_text(text)
    return Case(name, (path,), {})


def groups(*all_cases: Case) -> list[list[str]]:
    return [[one.name for one in group] for group in batches(list(all_cases))]


def test_stacks_that_call_one_network_external_are_together(tmp_path: Path) -> None:
    assert groups(case(tmp_path, "a", EXTERNAL), case(tmp_path, "b", EXTERNAL)) == [["a", "b"]]


def test_a_stack_that_declares_what_another_calls_external_is_not_with_it(tmp_path: Path) -> None:
    external, declared = case(tmp_path, "a", EXTERNAL), case(tmp_path, "b", DECLARED)
    assert groups(external, declared) == [["a"], ["b"]]
    assert groups(declared, external) == [["b"], ["a"]]
