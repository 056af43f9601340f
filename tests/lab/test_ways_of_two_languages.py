"""The programs in two languages that try the ways between hosts, and prove them, understand each other: real packets
between two namespaces."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from lab.namespaces import ADDRESS, PEERS, cable, inside, namespace, run

from swarmkit.doctor.model import Paths
from swarmkit.doctor.paths import paths_from, probe_script
from swarmkit.reach.ssh import CommandResult
from swarmkit.verify.probe.cable import Cable, parse_cable
from swarmkit.verify.probe.look import HOST_NAMESPACE
from swarmkit.verify.probe.script import Language, run_script

pytestmark = pytest.mark.lab

EVERYONE = [f"{number},{address},{address},1" for number, address in enumerate(ADDRESS.values())]


@pytest.fixture(scope="module", name="cable")
def joined() -> Iterator[None]:
    with cable():
        yield


PATIENCE_SECONDS = 30
"""More than any of these tests takes: hosts that hear each other are sooner certain of what is missing."""


BASH_SECONDS = 3
"""What bash tries is waited for to the end."""


def lines(name: str, language: str, patience_seconds: int, beside: str = "") -> list[list[str]]:
    number = str(list(ADDRESS).index(name))
    hidden = {"python3": "perl", "perl": "python3", "bash": "p*"}[language]
    script = f'{beside}command() {{ case "$2" in {hidden}|*/platform-python) return 1; esac; }}\n{probe_script()}'
    told = subprocess.run(
        [*inside(name), "sh", "-s", "--", "marker", number, str(patience_seconds), "4789", "1500", *EVERYONE],
        input=script, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert told.stdout.endswith("end\n"), told.stderr
    return [line.split(maxsplit=3) for line in told.stdout.splitlines()[:-1]]


def paths_between(languages: dict[str, str], beside_left: str = "") -> Paths:
    patience = BASH_SECONDS if "bash" in languages.values() else PATIENCE_SECONDS
    with ThreadPoolExecutor() as pool:
        beside = {"left": beside_left}
        told = pool.map(lambda name: lines(name, languages[name], patience, beside.get(name, "")), languages)
        said = dict(zip(languages, told, strict=True))
    return paths_from(PEERS, said, 4789)


def closed(paths: Paths) -> set[tuple[str, str, str]]:
    return {(way.source, way.target, way.kind) for way in paths.ways if not way.passes}


def closed_ways(languages: dict[str, str]) -> set[tuple[str, str, str]]:
    return closed(paths_between(languages))


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


@pytest.mark.parametrize("languages", [("perl", "perl"), ("python3", "perl"), ("python3", "python3")])
@pytest.mark.usefixtures("cable")
def test_what_is_missing_of_a_host_that_is_heard_is_certain_long_before_patience_ends(
    languages: tuple[str, str],
) -> None:
    """It took all the time that a host is given which is not heard."""
    spoken = dict(zip(ADDRESS, languages, strict=True))
    for rule in ("-p esp", "-p tcp --dport 7946", "-p udp -m length --length 1451:"):
        run(*inside("left"), "iptables", "-A", "INPUT", *rule.split(), "-j", "DROP")
    began = time.monotonic()
    try:
        assert closed_ways(spoken) == {
            ("right", "left", "proto 50"),
            ("right", "left", "tcp/7946"),
            ("right", "left", "full frame"),
        }
    finally:
        run(*inside("left"), "iptables", "-F", "INPUT")
    assert time.monotonic() - began < PATIENCE_SECONDS / 3


STANDS_STILL = "(sleep 0.8; kill -STOP $$; sleep 2; kill -CONT $$) >/dev/null 2>&1 &\n"


@pytest.mark.parametrize("language", ["perl", "python3"])
@pytest.mark.usefixtures("cable")
def test_a_host_that_stands_still_for_a_moment_does_not_leave_the_other_uncertain(language: str) -> None:
    """It hears all that came meanwhile at once, was certain and ended, and the other had heard it too seldom."""
    rule = ("INPUT", "-p", "esp", "-j", "DROP")
    run(*inside("left"), "iptables", "-A", *rule)
    began = time.monotonic()
    try:
        seen = paths_between(dict.fromkeys(ADDRESS, language), STANDS_STILL)
    finally:
        run(*inside("left"), "iptables", "-D", *rule)
    assert closed(seen) == {("right", "left", "proto 50")}
    assert time.monotonic() - began < PATIENCE_SECONDS / 3


@pytest.mark.parametrize("other", ["perl", "python3", "bash"])
@pytest.mark.usefixtures("cable")
def test_a_host_with_neither_tries_connections_by_bash(other: str) -> None:
    """Nothing listens there: a refusal has come from the host itself where that has heard what it answers.

    Of one that hears nothing it may be a firewall's, and is no way that was tried.
    """
    spoken = {"left": "bash", "right": other}
    seen = paths_between(spoken)
    assert closed(seen) == set()
    both = {"tcp/7946", "tcp/2377"}
    assert {kind for _, kind in seen.refused["left"]} == both
    assert {kind for _, kind in seen.refused.get("right", ())} == (both if other == "bash" else set())
    assert {way.kind for way in seen.ways if way.kind in both} == (set() if other == "bash" else both)
    rule = ("INPUT", "-p", "tcp", "--dport", "7946", "-j")
    run(*inside("right"), "iptables", "-A", *rule, "DROP")
    try:
        assert closed_ways(spoken) == {("left", "right", "tcp/7946")}
        run(*inside("right"), "iptables", "-F", "INPUT")
        run(*inside("right"), "iptables", "-A", *rule, "REJECT")
        seen = paths_between(spoken)
        assert closed(seen) == (set() if other == "bash" else {("left", "right", "tcp/7946")})
        assert (("left", "tcp/7946") in seen.refused.get("right", ())) == (other == "bash")
    finally:
        run(*inside("right"), "iptables", "-F", "INPUT")


def closed_connections(languages: dict[str, str]) -> set[tuple[str, str, str]]:
    """Return those of TCP: ESP knows no ports, and where it is translated one direction may cost the other."""
    return {way for way in closed_ways(languages) if way[2].startswith("tcp/")}


@pytest.mark.parametrize("languages", [("python3", "perl"), ("perl", "python3")])
@pytest.mark.usefixtures("cable")
def test_connections_of_a_host_whose_address_is_translated_arrive(languages: tuple[str, str]) -> None:
    """They come from an address that no host has: each was told as a closed port beside the translation (H17)."""
    spoken = dict(zip(ADDRESS, languages, strict=True))
    other = "192.0.2.77"
    run(*inside("left"), "ip", "address", "add", f"{other}/24", "dev", "eth0")
    translate = f"POSTROUTING -s {ADDRESS['left']} -d {ADDRESS['right']} -j SNAT --to-source {other}".split()
    run(*inside("left"), "iptables", "-t", "nat", "-A", *translate)
    try:
        assert closed_connections(spoken) == set()
        reset = "INPUT -p tcp --dport 7946 -j REJECT --reject-with tcp-reset"
        run(*inside("right"), "iptables", "-A", *reset.split())
        assert closed_connections(spoken) == {("left", "right", "tcp/7946")}
    finally:
        run(*inside("right"), "iptables", "-F", "INPUT")
        run(*inside("left"), "iptables", "-t", "nat", "-D", *translate)
        run(*inside("left"), "ip", "address", "del", f"{other}/24", "dev", "eth0")


class NamespaceShell:
    """Runs scripts in a namespace whose own devices are in /sys."""

    def __init__(self, name: str) -> None:
        self.name = name

    def run(
        self, script: str, arguments: tuple[str, ...] = (), *, timeout_seconds: float, root: bool = True
    ) -> CommandResult:
        assert root
        done = subprocess.run(
            ["ip", "netns", "exec", namespace(self.name), "sh", "-s", "--", *arguments],
            input=script, capture_output=True, text=True, timeout=timeout_seconds, check=False,
        )  # fmt: skip
        return CommandResult(done.returncode, done.stdout, done.stderr)


def proved_by(name: str, speaks: Language) -> Cable:
    """Return what a host sees that sends gossip and a clear frame to the other one, and expects the same of it."""
    (peer,) = set(ADDRESS) - {name}
    own, other = ADDRESS[name], ADDRESS[peer]
    keys = {"left": 1, "right": 2}
    lines = [f"watch 4789 4097 eth0 {other}", f"in {HOST_NAMESPACE}", f"send {keys[name]} gossip {other}"]
    lines += ["in input", f"hear {keys[peer]}"]
    lines += [f"inject 3 4097 {own} {other} 10.20.1.3", f"await 4097 {other}"]
    wishes = [f"cable {line}" for line in ("mark M4RK", *lines)]
    return parse_cable(run_script(NamespaceShell(name), "probe.sh", wishes, timeout_seconds=30, speaks=speaks)["cable"])


@pytest.mark.parametrize("languages", [("python3", "perl"), ("perl", "python3"), ("python3", "python3")])
@pytest.mark.usefixtures("cable")
def test_hosts_of_two_languages_hear_each_others_gossip_and_clear_frames(languages: tuple[Language, Language]) -> None:
    began = time.monotonic()
    with ThreadPoolExecutor() as pool:
        left, right = pool.map(proved_by, ADDRESS, languages)
    assert (left.why_blind, right.why_blind) == ("", "")
    assert left.heard.keys() == {("input", 2)}
    assert right.heard.keys() == {("input", 1)}
    # Its own go out by the same interface.
    assert left.injected.keys() == right.injected.keys() == {(address, 4097) for address in ADDRESS.values()}
    assert not left.clear
    assert not right.clear
    assert time.monotonic() - began < 8, "they end when all was heard, and not when their patience ends"
