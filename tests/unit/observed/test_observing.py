import pytest
from fakes.swarm import FakeFleet

from swarmkit.errors import SwarmkitError
from swarmkit.observed.observe import observe, with_cluster_now
from swarmkit.observed.parse import sections, system_facts
from swarmkit.reach.engine import EngineError
from swarmkit.reach.ssh import CommandResult, ConnectionLostError

FACTS = """
== clock
1000.5
== machine_id
abc
== hostname
a
== addresses_and_routes
[{"ifname":"lo","flags":["LOOPBACK"],"addr_info":[{"local":"127.0.0.1"}]},
 {"ifname":"eth0","flags":["UP"],"addr_info":[{"local":"10.0.0.1"},{"local":"fd00::1"}]}, {"ifname":"wg0"}]
[{"dst":"default","dev":"eth0"},{"dst":"10.0.0.0/24","dev":"eth0"},{"dst":"10.9.9.9","dev":"wg0"}]
"""


def test_bare_hosts_have_facts_and_no_cluster(fleet: FakeFleet) -> None:
    observed = observe(fleet, kernel="auto")
    assert observed.cluster is None
    assert observed.hosts["B"].system.addresses == {"10.88.0.12": "eth0"}
    assert observed.hosts["B"].system.kernel is not None
    assert observed.hosts["B"].engine.swarm_state == "inactive"


def test_kernels_are_asked_only_when_wanted(fleet: FakeFleet) -> None:
    assert observe(fleet, kernel="never").hosts["A"].system.kernel is None


def test_a_cluster_is_told_by_the_first_manager_that_can(fleet: FakeFleet) -> None:
    fleet.engine("B").init_swarm({"AdvertiseAddr": "10.88.0.12", "Spec": {"Labels": {"x": "y"}}})
    observed = observe(fleet, kernel="never")
    assert observed.cluster is not None
    assert (observed.cluster.told_by, observed.cluster.labels) == ("B", {"x": "y"})


def test_the_cluster_alone_is_read_again_and_by_the_manager_that_can(
    fleet: FakeFleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet.engine("A").init_swarm({"AdvertiseAddr": "10.88.0.11"})
    before = observe(fleet, kernel="never")
    assert before.cluster is not None
    fleet.engine("A").create("services", {"Name": "web", "TaskTemplate": {"ContainerSpec": {"Image": "web:1"}}})
    for name in fleet:
        monkeypatch.setattr(fleet.engine(name), "info", lambda: pytest.fail("a host was read again"))
    now = with_cluster_now(fleet, before)
    assert now.cluster is not None
    assert now.cluster.service("web") is not None
    assert (now.hosts, now.cluster.id) == (before.hosts, before.cluster.id)


def test_a_network_that_is_left_on_the_managers_host_alone_is_none_of_the_swarms(fleet: FakeFleet) -> None:
    engine = fleet.engine("A")
    engine.init_swarm({"AdvertiseAddr": "10.88.0.11"})
    identity = engine.create("networks", {"Name": "s_own", "Driver": "bridge", "Scope": "swarm"})

    def names() -> set[str]:
        cluster = observe(fleet, kernel="never").cluster
        return {network.name for network in cluster.networks} if cluster else set()

    # The manager's own answer says of no container, its host's part has a map of them.
    left = {**engine.inspect("networks", identity), "Containers": {}}
    assert "s_own" in names()
    engine.remove("networks", identity)
    engine.config_networks[identity] = left
    assert names() == {"ingress"}


def test_a_manager_without_quorum_is_an_error_and_no_missing_cluster(
    fleet: FakeFleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = fleet.engine("A")
    engine.init_swarm({"AdvertiseAddr": "10.88.0.11"})

    def no_leader() -> None:
        raise EngineError("A", "describe the swarm", 503, "The swarm does not have a leader.")

    monkeypatch.setattr(engine, "swarm", no_leader)
    observed = observe(fleet, kernel="never")
    assert observed.cluster is None
    assert observed.cluster_error == "A: The swarm does not have a leader."


def test_a_host_that_does_not_answer_ends_the_look(fleet: FakeFleet, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone() -> None:
        raise ConnectionLostError("C: the SSH connection is gone")

    monkeypatch.setattr(fleet.engine("C"), "info", gone)
    with pytest.raises(ConnectionLostError):
        observe(fleet, kernel="never")


def test_facts_that_cannot_be_read_are_an_error_with_what_the_host_said(
    fleet: FakeFleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = CommandResult(127, "\n== clock\n1\n", "sh: ip: not found")
    monkeypatch.setattr(fleet["A"].shell, "run", lambda *_, **__: result)
    with pytest.raises(SwarmkitError, match="ip: not found"):
        observe(fleet, kernel="never")


def test_loopback_addresses_and_the_default_route_are_left_out() -> None:
    facts = system_facts(FACTS, asked_at=1000.0, answered_at=1001.0)
    assert facts.addresses == {"10.0.0.1": "eth0", "fd00::1": "eth0"}
    assert [(route.destination, route.device) for route in facts.routes] == [
        ("10.0.0.0/24", "eth0"),
        ("10.9.9.9/32", "wg0"),
    ]


@pytest.mark.parametrize(("asked", "answered", "offset"), [(1000, 1001, 0), (1010, 1011, -9.5), (980, 990, 10.5)])
def test_a_clock_is_off_by_no_less_than_the_question_took(asked: float, answered: float, offset: float) -> None:
    assert system_facts(FACTS, asked_at=asked, answered_at=answered).clock_offset_seconds == offset


def test_what_a_login_shell_says_first_is_no_section() -> None:
    assert sections("Welcome!\n== a\n1\n2\n\n== b\n") == {"a": "1\n2", "b": ""}
