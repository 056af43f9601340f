"""Every code that the toolkit can print is explained, in one place, and the doctor names those it looked for."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable
from pathlib import Path

import pytest
from click.testing import CliRunner
from unit.doctor.doctor_world import evidence
from unit.doctor.test_doctor_between import with_stack

import swarmkit
import swarmkit.verify.codes
from swarmkit.cli.doctor import doctor
from swarmkit.declared.inventory.host import Host
from swarmkit.declared.stack.service import Service
from swarmkit.doctor.codes import EXPLANATIONS, NOT_OVERRIDABLE, OF_DOCTOR, OF_PLANS, OF_STACKS, TOLD_ELSEWHERE
from swarmkit.doctor.evidence import Evidence
from swarmkit.doctor.looked_for import looked_for
from swarmkit.doctor.model import Paths, Way
from swarmkit.observed.model import KernelFacts
from swarmkit.observed.networks import HostNetwork
from swarmkit.report.doctor import document
from swarmkit.verify.explained import PROOFS

ROOT = Path(__file__).parents[3]
PACKAGE = Path(swarmkit.__file__).parent
TELLS_OF_CODES = ("codes.py", "looked_for.py")
"""What lists codes by their kind and yields none."""
OF_PLANS_TOO = (
    "refusals.py",
    "engines/refusals.py",
    "networks/address_sheet.py",
    "nodes/advertised.py",
    "nodes/kernel_refusals.py",
    "nodes/memberships.py",
)
"""Of the plans' rules those that the doctor asks as well; a plan's pools are its own."""


def codes_in(sources: Iterable[Path]) -> set[str]:
    return {code for source in sources for code in re.findall(r'"([BDHS]\d\d)"', source.read_text())}


def test_every_code_there_is_is_explained_once_and_every_explained_one_is_there() -> None:
    sources = [
        source
        for source in PACKAGE.rglob("*.py")
        if "explained" not in source.parts and not (source.parent.name == "doctor" and source.name in TELLS_OF_CODES)
    ]
    assert len(sources) > 300
    used = codes_in(sources)
    assert used == EXPLANATIONS.keys() | TOLD_ELSEWHERE.keys()
    assert EXPLANATIONS.keys() & TOLD_ELSEWHERE.keys() == set()
    assert EXPLANATIONS.keys() >= NOT_OVERRIDABLE
    for told in (*EXPLANATIONS.values(), *TOLD_ELSEWHERE.values()):
        assert "" not in dataclasses.astuple(told)


def test_the_document_is_current_and_has_every_code() -> None:
    text = (ROOT / "docs" / "checks.md").read_text()
    assert text == document()
    rows = re.findall(r'^\| <a id="(\w+)"></a>(\w+) \|', text, re.MULTILINE)
    assert sorted(code for _, code in rows) == sorted({**EXPLANATIONS, **TOLD_ELSEWHERE, **PROOFS})
    assert all(anchor == code.lower() for anchor, code in rows)


def test_every_code_of_a_proof_is_explained() -> None:
    proofs = {value for value in vars(swarmkit.verify.codes).values() if re.fullmatch(r"V\d\d", str(value))}
    assert proofs == PROOFS.keys()


def test_the_doctors_codes_are_those_that_its_checks_yield() -> None:
    plans = PACKAGE / "plan"
    sources = [*(PACKAGE / "doctor" / "checks").glob("*.py"), *(plans / name for name in OF_PLANS_TOO)]
    assert codes_in(sources) == set(OF_DOCTOR)
    assert set(OF_DOCTOR) | OF_PLANS == EXPLANATIONS.keys()
    assert set(OF_DOCTOR) >= OF_STACKS


def seen_in_full() -> Evidence:
    """Return evidence of which nothing is missing."""
    seen = with_stack(evidence(), Service("web", "web:1"))
    system = dataclasses.replace(seen.observed.hosts["A"].system, kernel=KernelFacts({}))
    facts = dataclasses.replace(seen.observed.hosts["A"], system=system)
    observed = dataclasses.replace(seen.observed, hosts={**seen.observed.hosts, "A": facts})
    paths = Paths((Way("A", "B", "proto 50", passes=True),), {}, {})
    lans = tuple(
        HostNetwork(host, f"lan-{host}", "lan", "macvlan", "local", {"Options": {"parent": "eth0"}}, {})
        for host in "AB"
    )
    asking = (Host("D", "10.88.0.14", "worker", become=True),)
    return dataclasses.replace(seen, observed=observed, paths=paths, networks=lans, unread=asking)


def without_kernels(seen: Evidence) -> Evidence:
    hosts = {
        name: dataclasses.replace(facts, system=dataclasses.replace(facts.system, kernel=None))
        for name, facts in seen.observed.hosts.items()
    }
    return dataclasses.replace(seen, observed=dataclasses.replace(seen.observed, hosts=hosts))


def without_root(seen: Evidence) -> Evidence:
    hosts = {name: dataclasses.replace(host, said={"user": "other"}) for name, host in seen.hosts.items()}
    return dataclasses.replace(seen, hosts=hosts)


@pytest.mark.parametrize(
    ("seen", "missing"),
    [
        (seen_in_full(), set()),
        (dataclasses.replace(seen_in_full(), stack=None), {"H19", "H21", "H43", "H80", "H84"}),
        (without_kernels(seen_in_full()), {"H04", "H20"}),
        (without_root(seen_in_full()), {"H18", "H35"}),
        (dataclasses.replace(seen_in_full(), paths=Paths((), {}, {})), {"H06", "H07", "H17"}),
        (dataclasses.replace(seen_in_full(), paths=Paths((), {}, {"A": "no perl"})), {"H06", "H17"}),
        (dataclasses.replace(seen_in_full(), unread=()), {"S08"}),
        (dataclasses.replace(seen_in_full(), networks=seen_in_full().networks[:1]), {"D12"}),
    ],
)
def test_what_could_not_be_seen_was_not_looked_for(seen: Evidence, missing: set[str]) -> None:
    assert set(OF_DOCTOR) - set(looked_for(seen)) == missing


def test_only_and_skip_leave_the_rest_unlooked_for() -> None:
    assert looked_for(seen_in_full(), only=("H38", "D01")) == ("D01", "H38")
    assert set(OF_DOCTOR) - set(looked_for(seen_in_full(), skip=("H38",))) == {"H38"}


@pytest.mark.parametrize(
    ("only", "told"),
    [
        ("B45", "B45 is no check of the doctor: it is told by swarmkit plan and up"),
        ("h58,B31", "B31, H58 are no checks of the doctor: told by swarmkit plan and up"),
        ("V12", "V12 is no check of the doctor: swarmkit verify proves it"),
        ("v16,V09", "V09, V16 are no checks of the doctor: swarmkit verify proves them"),
        ("H99", "no check has the code H99"),
    ],
)
def test_only_refuses_what_the_doctor_does_not_look_for_and_says_who_tells_it(only: str, told: str) -> None:
    said = CliRunner().invoke(doctor, ["-i", "none.yaml", "--only", only])
    assert said.exit_code == 2
    assert told in " ".join(said.output.replace("│", "").split())


def test_skip_says_of_a_proof_s_code_who_proves_it() -> None:
    said = CliRunner().invoke(doctor, ["-i", "none.yaml", "--skip", "V12"])
    assert said.exit_code == 2
    assert "V12 is no check of the doctor: swarmkit verify proves it" in " ".join(said.output.replace("│", "").split())


def test_a_check_of_stacks_alone_asks_for_one_before_any_host_is() -> None:
    said = CliRunner().invoke(doctor, ["-i", "none.yaml", "--only", "H43"])
    assert "H43: looked for in a stack alone" in str(said.exception)


@pytest.mark.parametrize("code", ["H58", "B31", "H38", "V01"])
def test_every_kind_of_code_is_explained_on_demand(code: str) -> None:
    said = CliRunner().invoke(doctor, ["--explain", code])
    assert (said.exit_code, said.output.startswith(f"{code}  ")) == (0, True)


def test_the_document_names_the_modules_that_a_host_is_made_to_load() -> None:
    script = (PACKAGE / "observed" / "facts.sh").read_text()
    (modules,) = re.findall(r"^for module in (.+); do$", script, re.MULTILINE)
    intro = document().partition("## Before")[0]
    told = intro.partition("dockerd itself loads (")[2].partition(", and what")[0]
    assert re.findall(r"`(\w+)`", told) == modules.split()
