"""Checks of engines that carry no overlay, or carry it otherwise than the others."""

from __future__ import annotations

import pytest
from unit.doctor.doctor_world import evidence, found
from unit.doctor.test_doctor_between import the_one, with_engine, with_stack

from swarmkit.declared.stack.service import Deploy, Service


@pytest.mark.parametrize(
    ("changes", "code", "remedy"),
    [
        ({"operating_system": "windows"}, "H14", "take it out of the inventory"),
        ({"live_restore": True}, "H40", "systemctl restart docker"),
        ({"rootless": True}, "H41", "systemctl --user disable --now docker; as root: systemctl enable --now docker"),
    ],
)
def test_an_engine_that_can_carry_no_overlay_is_refused(changes: dict[str, object], code: str, remedy: str) -> None:
    finding = the_one(with_engine(evidence(), "C", **changes))
    assert (finding.code, finding.severity, finding.where) == (code, "error", "C")
    assert remedy in finding.remedy


def test_engines_that_keep_images_in_two_kinds_of_stores_are_told_with_the_host_to_change() -> None:
    seen = evidence()
    for name in ("A", "B"):
        seen = with_engine(seen, name, content_store=True)
    finding = the_one(with_engine(seen, "C", content_store=False))
    assert (finding.code, finding.severity) == ("H42", "warning")
    assert finding.remedy.startswith("on C: ")


@pytest.mark.parametrize(("replicas", "codes"), [(2400, []), (2401, ["H19"])])
def test_more_tasks_a_host_than_overlays_bear_are_told(replicas: int, codes: list[str]) -> None:
    stack = with_stack(evidence(), Service("web", "web:1", deploy=Deploy(replicas=replicas)))
    findings = found(stack)
    assert [one.code for one in findings] == codes
    assert all("have 4 hosts or more" in one.remedy for one in findings)


@pytest.mark.parametrize(
    ("blocks", "free", "severity"),
    [
        (5_000_000, 375_000, "warning"),
        (5_000_000, 700_000, "warning"),
        (5_000_000, 760_000, None),
        (1_000_000, 500_000, "warning"),
        (1_000_000, 530_000, None),
    ],
)
def test_a_disk_wants_two_gib_and_fifteen_hundredths_free(blocks: int, free: int, severity: str | None) -> None:
    findings = found(evidence(said={"space": f"4096 {blocks} {free} 524288 515500"}))
    assert [(one.code, one.severity) for one in findings] == ([("H38", severity)] if severity else [])


@pytest.mark.parametrize(
    ("blocks", "free", "free_inodes", "what", "first"),
    [
        (100_000_000, 1_000_000, 500_000, "its disk is getting full", "docker system df"),
        (600_000, 500_000, 500_000, "its disk is small", "docker system df"),
        (120_000, 110_000, 500_000, "its disk is too small", "docker system df"),
        (100_000_000, 90_000_000, 100, "its disk has almost no inodes left", "df -i"),
    ],
)
def test_a_small_disk_is_not_called_a_full_one_and_inodes_are_looked_for_as_such(
    blocks: int, free: int, free_inodes: int, what: str, first: str
) -> None:
    (one,) = found(evidence(said={"space": f"4096 {blocks} {free} 524288 {free_inodes}"}))
    assert one.what == what
    assert one.remedy.split(": ")[1].startswith(first)


def test_an_engine_whose_swarm_rules_are_nftables_is_refused_as_verify_could_not_prove_them() -> None:
    """The swarm was made, and verify told of missing rules (V10) for ever, with a restart that mends nothing."""
    info = {"FirewallBackend": {"Driver": "nftables"}, "Features": {"swarm-nftables": True}}
    settings = {"/etc/docker/daemon.json": '{"firewall-backend": "nftables", "features": {"swarm-nftables": true}}'}
    seen = with_engine(evidence(info=info, files=settings), "C", version="29.7.2")
    (finding,) = (one for one in found(seen) if one.code == "H23")
    assert finding.severity == "error"
    assert "cannot prove" in finding.what
    assert '"firewall-backend": "iptables"' in finding.remedy
