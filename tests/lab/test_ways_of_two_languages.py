"""The two programs that try the ways between hosts understand each other: real packets between two namespaces."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from lab.namespaces import ADDRESS, PEERS, cable, inside, run

from swarmkit.doctor.paths import paths_from, probe_script

pytestmark = pytest.mark.lab

EVERYONE = [f"{number},{address},{address},1" for number, address in enumerate(ADDRESS.values())]


@pytest.fixture(scope="module", name="cable")
def joined() -> Iterator[None]:
    with cable():
        yield


def lines(name: str, language: str) -> list[list[str]]:
    number = str(list(ADDRESS).index(name))
    hidden = {"python3": "perl", "perl": "python3"}[language]
    script = f'command() {{ test "$2" != {hidden}; }}\n{probe_script()}'
    told = subprocess.run(
        [*inside(name), "sh", "-s", "--", "marker", number, "3", "4789", "1500", *EVERYONE],
        input=script, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert told.stdout.endswith("end\n"), told.stderr
    return [line.split(maxsplit=3) for line in told.stdout.splitlines()[:-1]]


def closed_ways(languages: dict[str, str]) -> set[tuple[str, str, str]]:
    with ThreadPoolExecutor() as pool:
        said = dict(zip(languages, pool.map(lines, languages, languages.values()), strict=True))
    return {(way.source, way.target, way.kind) for way in paths_from(PEERS, said, 4789).ways if not way.passes}


@pytest.mark.parametrize("languages", [("python3", "perl"), ("python3", "python3")])
@pytest.mark.usefixtures("cable")
def test_a_host_without_perl_tries_all_ways_by_python(languages: tuple[str, str]) -> None:
    spoken = dict(zip(ADDRESS, languages, strict=True))
    assert closed_ways(spoken) == set()
    run(*inside("left"), "iptables", "-A", "INPUT", "-p", "esp", "-j", "DROP")
    try:
        assert closed_ways(spoken) == {("right", "left", "proto 50")}
    finally:
        run(*inside("left"), "iptables", "-F", "INPUT")
