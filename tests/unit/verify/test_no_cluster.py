from dataclasses import replace
from pathlib import Path

import pytest
from verify_world import World

from swarmkit.declared.stack.reading import load_stack
from swarmkit.observed.model import Observed
from swarmkit.verify.prove import prove


def engines(state: str) -> Observed:
    hosts = World().observed.hosts
    changed = {
        name: replace(facts, engine=replace(facts.engine, swarm_state=state))  # type: ignore[arg-type]
        for name, facts in hosts.items()
    }
    return Observed(changed, None, "A: not a manager")


def test_where_there_is_no_swarm_the_remedy_makes_it_of_the_files_that_were_given(tmp_path: Path) -> None:
    (tmp_path / "stack.yaml").write_text("services: {web: {image: x}}")
    world, stack = World(), load_stack(tmp_path / "stack.yaml")
    (found,) = prove({}, world.inventory, stack, engines("inactive")).findings
    assert (found.code, found.what) == ("V00", "there is no cluster shop: no host is in a swarm")
    assert found.remedy == f"make it: swarmkit up -i hosts.yaml -f {tmp_path}/stack.yaml"


@pytest.mark.parametrize(
    ("state", "remedy"),
    [("active", "swarmkit recover quorum -i hosts.yaml"), ("locked", "swarmkit unlock -i hosts.yaml")],
)
def test_a_swarm_that_cannot_decide_is_not_made_anew(state: str, remedy: str) -> None:
    (found,) = prove({}, World().inventory, None, engines(state)).findings
    assert found.remedy.endswith(remedy)
    assert "swarmkit up" not in found.remedy


def test_where_every_manager_has_left_the_swarm_comes_of_a_backup_or_is_made_anew() -> None:
    """The only one had left by force: it said to start the others, and to recover a quorum that needs one."""
    hosts = dict(engines("active").hosts)
    hosts["A"] = replace(hosts["A"], engine=replace(hosts["A"].engine, swarm_state="inactive", is_manager=False))
    (found,) = prove({}, World().inventory, None, Observed(hosts, None, "")).findings
    assert found.what.endswith("nothing is proved: the managers that the inventory has are in no swarm (A)")
    assert found.remedy == (
        "if A managed the swarm and left it: swarmkit restore ARCHIVE -i hosts.yaml; without a backup of the swarm it "
        "is made anew, and data in volumes stays: on B and C: docker swarm leave --force; then swarmkit up "
        "-i hosts.yaml"
    )


def test_where_the_manager_shall_go_and_another_take_its_place_the_swarm_is_not_given_up() -> None:
    """Both were declared, and up asks both; verify asks those alone that shall be nodes."""
    hosts = dict(engines("active").hosts)
    hosts["A"] = replace(hosts["A"], engine=replace(hosts["A"].engine, swarm_state="inactive", is_manager=False))
    inventory = World().inventory
    leaving = replace(inventory, leaving=(replace(inventory.host("A"), name="OLD"),))
    (found,) = prove({}, leaving, None, Observed(hosts, None, "")).findings
    assert found.remedy == (
        "OLD, which the inventory has absent, may be its manager: start it; then swarmkit up -i hosts.yaml"
    )


def without(*silent: str) -> Observed:
    observed = engines("active")
    return replace(observed, hosts={name: facts for name, facts in observed.hosts.items() if name not in silent})


def test_the_only_manager_that_does_not_answer_is_brought_back_first_and_no_quorum_is_recovered_without_it() -> None:
    """It was switched off, and the remedy of the finding was to recover the quorum, which needs a manager."""
    (found,) = prove({}, World().inventory, None, without("A")).findings
    assert found.remedy.startswith("bring A back, which loses nothing")
    assert "if no manager ever comes back: swarmkit restore ARCHIVE -i hosts.yaml" in found.remedy
    assert "recover quorum" not in found.remedy


def test_of_several_managers_the_silent_ones_come_back_first_and_the_quorum_is_recovered_without_them() -> None:
    inventory = World().inventory
    hosts = tuple(replace(host, role="manager") for host in inventory.hosts)
    (found,) = prove({}, replace(inventory, hosts=hosts), None, without("A", "B")).findings
    assert found.remedy.startswith("bring A, B back")
    assert found.remedy.endswith("if most are gone for good: swarmkit recover quorum -i hosts.yaml")
