"""Remedies as the logins of the inventory can run them."""

from __future__ import annotations

from pathlib import Path

import pytest

from swarmkit.declared.inventory.host import Host, Inventory
from swarmkit.finding import Finding
from swarmkit.plan.logins import as_its_logins, for_logins


def inventory(*, user: str | None = "root", become: bool = False) -> Inventory:
    """Return A, whose login is given, and B, whose login is root."""
    hosts = (
        Host("A", "10.88.0.11", "manager", user=user, become=become),
        Host("B", "10.88.0.12", "worker", user="root"),
    )
    return Inventory(Path("inventory.yaml"), "shop", hosts)


BY_SUDO = {
    "on A: systemctl restart docker; if that is not enough, the same on B": (
        "on A: sudo systemctl restart docker; if that is not enough, the same on B"
    ),
    "on B: systemctl restart docker; on A: iptables -w -t mangle -S": (
        "on B: systemctl restart docker; on A: sudo iptables -w -t mangle -S"
    ),
    "on A: echo 'k = 1' | tee /etc/sysctl.d/k.conf && sysctl --system, and where /etc/sysctl.conf says otherwise": (
        "on A: echo 'k = 1' | sudo tee /etc/sysctl.d/k.conf && sudo sysctl --system, "
        "and where /etc/sysctl.conf says otherwise"
    ),
    """on A: sed -i 's/"iptables": *false/"iptables": true/' /etc/docker/daemon.json && systemctl restart docker""": (
        """on A: sudo sed -i 's/"iptables": *false/"iptables": true/' /etc/docker/daemon.json"""
        " && sudo systemctl restart docker"
    ),
    "on A: { update-grub || grub2-mkconfig -o /boot/grub2/grub.cfg; }": (
        "on A: { sudo update-grub || sudo grub2-mkconfig -o /boot/grub2/grub.cfg; }"
    ),
    "on B, by the firewall it has:\nufw allow from 10.88.0.11\non A:\nnft insert rule x": (
        "on B, by the firewall it has:\nufw allow from 10.88.0.11\non A:\nsudo nft insert rule x"
    ),
    "on A: ExecStartPost=-/bin/sh -c '; iptables -w'": "on A: ExecStartPost=-/bin/sh -c '; iptables -w'",
    "on A: journalctl -u docker; on A, as its user: systemctl --user disable --now docker": (
        "on A: sudo journalctl -u docker; on A, as its user: systemctl --user disable --now docker"
    ),
    "on B: docker ps; on every other node, one after the other: systemctl restart docker": (
        "on B: docker ps; on every other node, one after the other: sudo systemctl restart docker"
    ),
    "in the stack file, for db: sysctls: {net.ipv4.tcp_keepalive_time: 300}": (
        "in the stack file, for db: sysctls: {net.ipv4.tcp_keepalive_time: 300}"
    ),
    "on A: docker rm -f s_old.1.x": "on A: sudo docker rm -f s_old.1.x",
    "swarmkit node drain A; on A: systemctl reboot; then swarmkit node activate A": (
        "swarmkit node drain A; on A: sudo systemctl reboot; then swarmkit node activate A"
    ),
}


@pytest.mark.parametrize(("told", "copied"), BY_SUDO.items())
def test_what_takes_root_begins_with_sudo_on_the_hosts_whose_login_is_not_root(told: str, copied: str) -> None:
    hosts = inventory(user="deploy", become=True)
    assert as_its_logins(told, "A", hosts) == copied
    assert as_its_logins(copied, "A", hosts) == copied, "once"
    assert as_its_logins(copied, "A", inventory()) == told, "root needs none, and may have none"


def test_a_login_that_the_inventory_does_not_name_may_be_anybodys() -> None:
    hosts = inventory(user=None)
    assert as_its_logins("on A: systemctl restart docker", "A", hosts) == "on A: sudo systemctl restart docker"


def test_a_command_before_any_host_is_of_the_place_of_the_finding() -> None:
    hosts = inventory(user="deploy", become=True)
    assert as_its_logins("systemctl restart docker", "shop_web@A -> shop_db", hosts) == "sudo systemctl restart docker"
    assert as_its_logins("systemctl restart docker", "B", hosts) == "systemctl restart docker"


def test_the_engine_is_spoken_to_by_sudo_where_the_inventory_does_so() -> None:
    told = "on A: docker network rm old, or if that is refused: systemctl restart docker"
    in_group = inventory(user="deploy")
    assert as_its_logins(told, "A", in_group) == told.replace("systemctl", "sudo systemctl")
    by_sudo = "on A: sudo docker network rm old, or if that is refused: sudo systemctl restart docker"
    assert as_its_logins(told, "A", inventory(user="deploy", become=True)) == by_sudo


@pytest.mark.parametrize(
    ("told", "copied"),
    [
        ("docker node rm n1", "on A: docker node rm n1"),
        ("docker secret rm s_old", "on A: docker secret rm s_old"),
        ("only if nobody uses it: docker network rm n", "only if nobody uses it: on A: docker network rm n"),
        ("docker service ps w; if it runs, on B: systemctl", "on A: docker service ps w; if it runs, on B: systemctl"),
        ("on B: docker network rm n", "on B: docker network rm n"),
        ("swarmkit up", "swarmkit up"),
        ("", ""),
    ],
)
def test_what_only_a_manager_takes_is_told_with_one(told: str, copied: str) -> None:
    (finding,) = for_logins([Finding("V23", "warning", "B", "left", remedy=told)], inventory(), "A")
    assert finding.remedy == copied
    (without,) = for_logins([Finding("V23", "warning", "B", "left", remedy=told)], inventory(), "")
    assert without.remedy == told
