"""What kernels lack and how they come by it, and those that can mark what is to be encrypted in one way alone."""

from __future__ import annotations

import dataclasses
import subprocess
from pathlib import Path

import pytest
from fakes.swarm import FEATURES
from unit.doctor.doctor_world import evidence, found
from unit.doctor.test_doctor_between import with_engine

from swarmkit.doctor.evidence import Evidence
from swarmkit.finding import Finding
from swarmkit.observed.model import KernelFacts, ModuleFacts
from swarmkit.plan.nodes.kernel_refusals import kernel_refusals


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


NOT_FOUND = "modprobe: WARNING: Module {} not found in directory /lib/modules/6.8.0-31-generic"
FORBIDDEN = "modprobe: ERROR: Error running install command '/bin/false' for module {}: retcode 1"


def lacking(feature: str, said: str, modules: ModuleFacts) -> Finding:
    """Return the finding of host C, whose kernel says *said* of *feature* and whose files tell *modules*."""
    seen = evidence()
    old = seen.observed.hosts["C"]
    kernel = KernelFacts(dict.fromkeys(FEATURES, "ok") | {feature: said}, modules)
    facts = dataclasses.replace(old, system=dataclasses.replace(old.system, kernel=kernel))
    (finding,) = kernel_refusals(dataclasses.replace(seen.observed, hosts={"C": facts}))
    return finding


@pytest.mark.parametrize(
    ("feature", "said", "line", "load"),
    [
        ("esp", "RTNETLINK answers: Protocol not supported", "install esp4 /bin/false", "esp4 xfrm_user xfrm_algo"),
        ("refuse", "Couldn't load match `policy'", "install xt-policy /bin/true", "xt_policy"),
        ("vxlan", "RTNETLINK answers: Operation not supported", "install udp_tunnel /bin/false", "vxlan"),
        ("esp", "RTNETLINK answers: Function not implemented", "blacklist gcm", "gcm seqiv"),
    ],
)
def test_the_line_that_forbids_a_module_is_told_with_its_file_and_taken_out_before_the_module_is_loaded(
    feature: str, said: str, line: str, load: str, tmp_path: Path
) -> None:
    file = tmp_path / "hardened.conf"
    others = "install dccp /bin/true\ninstall esp4_offload /bin/true\nblacklist gcm_other\n"
    file.write_text(f"# CIS\n{others}  {line}\n")
    rules = tuple(f"{file}:{rule}" for rule in (*others.splitlines(), f"  {line}"))
    told = FORBIDDEN.format(line.split()[1]) if line.endswith("false") else ""
    finding = lacking(feature, said, ModuleFacts(told, rules))
    assert f"{file}:  {line}" in finding.evidence
    host, _, command = finding.remedy.partition(": ")
    *taken_out, loaded = command.split(" && ")
    assert (host, loaded) == ("on C", f"modprobe {'-a ' if ' ' in load else ''}{load}")
    subprocess.run(["/bin/sh", "-c", " && ".join(taken_out)], check=True)
    assert file.read_text() == f"# CIS\n{others}#   {line}\n"


@pytest.mark.parametrize(
    ("system", "package"),
    [
        ("ubuntu debian", "apt-get install -y linux-modules-extra-$(uname -r)"),
        ("debian", "apt-get install -y --reinstall linux-image-$(uname -r)"),
        ("rocky rhel centos fedora", "dnf install -y kernel-modules-extra-$(uname -r)"),
        ("void", "kernel-modules-extra-$(uname -r)"),
    ],
)
def test_a_module_that_is_not_there_is_told_with_the_package_that_has_it(system: str, package: str) -> None:
    said = NOT_FOUND.format("ip_vs")
    finding = lacking("ipvs", "no /proc/net/ip_vs", ModuleFacts(f"{NOT_FOUND.format('vxlan')}\n{said}", (), system))
    assert said in finding.evidence
    assert "vxlan" not in finding.evidence
    assert package in finding.remedy
    assert "modprobe ip_vs && systemctl restart docker;" in finding.remedy
    assert "CONFIG_IP_VS" in finding.remedy


def test_a_kernel_that_takes_no_module_any_more_is_booted_with_those_it_lacks() -> None:
    finding = lacking("vxlan", "RTNETLINK answers: Operation not supported", ModuleFacts(takes_none=True))
    assert "kernel.modules_disabled is 1" in finding.evidence
    assert finding.remedy.endswith("printf '%s\\n' vxlan | tee /etc/modules-load.d/swarm.conf && systemctl reboot")


def test_a_host_without_modprobe_is_told_of_that() -> None:
    finding = lacking("mark", "Couldn't load match `bpf'", ModuleFacts("/bin/sh: 1: modprobe: not found"))
    assert finding.remedy == "on C, which has no modprobe: install kmod, then modprobe xt_bpf"


@pytest.mark.parametrize(
    ("feature", "said", "modules", "option"),
    [
        ("refuse", "Couldn't load match `policy'", "modprobe xt_policy", "CONFIG_NETFILTER_XT_MATCH_POLICY"),
        ("esp", "RTNETLINK answers: Function not implemented", "modprobe -a gcm seqiv", "CONFIG_CRYPTO_GCM"),
        ("esp", "RTNETLINK answers: Protocol not supported", "modprobe -a esp4 xfrm_user", "CONFIG_INET_ESP"),
    ],
)
def test_what_a_kernel_lacks_without_a_reason_is_told_with_its_own_modules(
    feature: str, said: str, modules: str, option: str
) -> None:
    finding = lacking(feature, said, ModuleFacts())
    assert modules in finding.remedy
    assert option in finding.remedy
    assert "bpf" not in finding.remedy
