"""Kernels that can mark what is to be encrypted in one way and not in the other."""

from __future__ import annotations

import dataclasses

import pytest
from fakes.swarm import FEATURES
from unit.doctor.doctor_world import evidence, found
from unit.doctor.test_doctor_between import with_engine

from swarmkit.doctor.evidence import Evidence
from swarmkit.observed.model import KernelFacts


def without_bpf(version: str, u32: str) -> Evidence:
    """Return a cluster of engines of *version*, on whose host C the kernel has no xt_bpf and says *u32* of xt_u32."""
    seen = evidence()
    for name in seen.hosts:
        seen = with_engine(seen, name, version=version)
    answers = dict.fromkeys(FEATURES, "ok") | {"mark": "Couldn't load match `bpf'", "u32": u32}
    old = seen.hosts["C"].facts
    facts = dataclasses.replace(old, system=dataclasses.replace(old.system, kernel=KernelFacts(answers)))
    hosts = {**seen.hosts, "C": dataclasses.replace(seen.hosts["C"], facts=facts)}
    observed = dataclasses.replace(seen.observed, hosts={**seen.observed.hosts, "C": facts})
    return dataclasses.replace(seen, hosts=hosts, observed=observed)


@pytest.mark.parametrize("version", ["20.10.24+dfsg1", "23.0.6"])
def test_an_engine_that_takes_u32_encrypts_without_bpf_and_is_told_of_its_upgrade(version: str) -> None:
    (finding,) = found(without_bpf(version, "ok"))
    assert (finding.code, finding.severity, finding.where) == ("H22", "warning", "C")
    assert "takes xt_u32; no xt_bpf" in finding.evidence


@pytest.mark.parametrize(("version", "u32"), [("24.0.0", "ok"), ("26.1.5", "ok"), ("23.0.6", "Couldn't load match")])
def test_an_engine_that_needs_bpf_or_has_neither_is_refused(version: str, u32: str) -> None:
    errors = [one for one in found(without_bpf(version, u32)) if one.severity == "error"]
    assert [(one.code, one.where) for one in errors] == [("H04", "C")]
    assert "bpf" in errors[0].evidence
