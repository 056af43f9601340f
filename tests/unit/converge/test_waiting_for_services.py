from __future__ import annotations

import copy
import signal
import threading
import time
from dataclasses import replace

import pytest
from fakes.cluster import Behaviour
from fakes.swarm import FakeFleet

import swarmkit.converge.doing as told_meanwhile
import swarmkit.converge.wait as waiting
from swarmkit.converge.doing import doing
from swarmkit.converge.explain import explain
from swarmkit.converge.service_look import ServiceLook, look_at
from swarmkit.converge.unplaced import unplaced
from swarmkit.converge.wait import wait_for_service, wakeups
from swarmkit.errors import NotConvergedError
from swarmkit.observed import parse
from swarmkit.observed.observe import observe
from swarmkit.observed.rejections import link_left_remedy, taken_port_remedy
from swarmkit.plan.progress import Progress, Silent
from swarmkit.reach.engine import EngineError
from swarmkit.secret import Secret
from swarmkit.workflows.waiting import Waiter

MADE = {"AdvertiseAddr": "10.88.0.11", "Spec": {"Labels": {}}}


@pytest.fixture(autouse=True)
def quick_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(waiting, "_SETTLE_PAUSES_SECONDS", (0.001,) * 4)


def start(
    fleet: FakeFleet, behaviour: Behaviour = "run", *, looks: int = 2, constraint: str = "", image: str = "x:1"
) -> str:
    """Make the service ``shop_x`` on a swarm of A alone, and return its id."""
    manager = fleet.engine("A")
    if manager.cluster is None:
        manager.init_swarm(MADE)
    fleet.cluster.looks_until_running = looks
    fleet.cluster.behaviour["shop_x"] = behaviour
    placement = {"Constraints": [constraint] if constraint else []}
    template = {"ContainerSpec": {"Image": image}, "Placement": placement}
    return manager.create(
        "services", {"Name": "shop_x", "TaskTemplate": template, "Mode": {"Replicated": {"Replicas": 1}}}
    )


class Told(Silent):
    """Keeps what a waiting tells while it goes on."""

    def __init__(self) -> None:
        self.warnings: list[str] = []
        self.doings: list[str] = []

    def warned(self, key: str, text: str) -> None:
        assert key == "key"
        self.warnings.append(text)

    def advanced(self, key: str, text: str, done: int = 0, total: int = 0) -> None:
        del key, done, total
        if text not in self.doings[-1:]:
            self.doings.append(text)


def wait(
    fleet: FakeFleet, timeout_seconds: float = 5.0, *, is_taken_back: bool = False, progress: Progress | None = None
) -> str:
    with wakeups(fleet) as woken:
        return wait_for_service(
            "shop_x", "key", fleet=fleet, manager=fleet.engine("A"), woken=woken, progress=progress or Silent(),
            timeout_seconds=timeout_seconds, is_taken_back=is_taken_back,
        )  # fmt: skip


def complaint(fleet: FakeFleet, timeout_seconds: float = 5.0) -> str:
    with pytest.raises(NotConvergedError) as caught:
        wait(fleet, timeout_seconds)
    return str(caught.value)


def test_a_service_that_comes_up_is_told_of(fleet: FakeFleet) -> None:
    start(fleet, looks=3)
    assert wait(fleet) == "1/1 running"


def test_a_service_that_shall_have_no_tasks_is_there_at_once(fleet: FakeFleet) -> None:
    identity = start(fleet)
    service = fleet.engine("A").inspect("services", identity)
    spec = service["Spec"] | {"Mode": {"Replicated": {"Replicas": 0}}}
    fleet.engine("A").update("services", identity, service["Version"]["Index"], spec)
    assert wait(fleet) == "0/0 running"


def test_tasks_of_an_older_spec_do_not_count(fleet: FakeFleet) -> None:
    identity = start(fleet, looks=0)
    manager = fleet.engine("A")
    service = manager.inspect("services", identity)
    fleet.cluster.looks_until_running = 1000
    newer = {**service["Spec"], "TaskTemplate": {**service["Spec"]["TaskTemplate"], "ContainerSpec": {"Image": "x:2"}}}
    manager.update("services", identity, service["Version"]["Index"], newer)
    assert look_at(manager, "shop_x").running == 0


def test_a_crash_loop_ends_the_waiting_with_health_output_and_log(fleet: FakeFleet) -> None:
    start(fleet, "crash", looks=1)
    fleet.engine("A").task_logs = "starting\npassword authentication failed"
    said = complaint(fleet, timeout_seconds=30)
    assert "shop_x: its tasks fail again and again" in said
    assert "non-zero exit (1)" in said
    assert "its task on A ended" in said
    assert "password authentication failed" in said


def start_job(
    fleet: FakeFleet, mode: dict[str, object], policy: dict[str, object], *, ends: Behaviour = "crash"
) -> str:
    """Make the job ``shop_x`` on a swarm of A alone, and return its id."""
    manager = fleet.engine("A")
    manager.init_swarm(MADE)
    fleet.cluster.looks_until_running = 1
    fleet.cluster.behaviour["shop_x"] = ends
    manager.task_logs = "starting\npassword authentication failed"
    template = {"ContainerSpec": {"Image": "x:1"}, "Placement": {}, "RestartPolicy": policy}
    return manager.create("services", {"Name": "shop_x", "TaskTemplate": template, "Mode": mode})


ONE = {"ReplicatedJob": {"MaxConcurrent": 1, "TotalCompletions": 1}}


@pytest.mark.parametrize("mode", [ONE, {"GlobalJob": {}}], ids=["replicated", "global"])
@pytest.mark.parametrize(
    ("policy", "failures"),
    [({"Condition": "none"}, 1), ({"Condition": "on-failure", "MaxAttempts": 1}, 2)],
    ids=["none", "attempts-used-up"],
)
def test_a_job_that_failed_and_is_not_started_again_ends_the_waiting(
    fleet: FakeFleet, mode: dict[str, object], policy: dict[str, object], failures: int
) -> None:
    start_job(fleet, mode, policy)
    said = complaint(fleet, timeout_seconds=30)
    assert "shop_x: a task of this job failed and is not started again" in said
    assert "its task on A ended: task: non-zero exit (1)" in said
    assert "password authentication failed" in said
    assert [task["Status"]["State"] for task in fleet.cluster.tasks.values()] == ["failed"] * failures


def test_a_job_that_is_always_started_again_is_given_three_tries(fleet: FakeFleet) -> None:
    start_job(fleet, ONE, {"Condition": "on-failure"})
    assert "shop_x: its tasks fail again and again" in complaint(fleet, timeout_seconds=30)


def test_a_job_that_completes_is_told_of(fleet: FakeFleet) -> None:
    start_job(fleet, ONE, {"Condition": "none"}, ends="run")
    assert wait(fleet) == "1/1 complete"


@pytest.mark.parametrize("mode", [ONE, {"GlobalJob": {}}], ids=["replicated", "global"])
def test_a_run_waits_for_a_job_that_is_under_way_and_not_for_one_that_is_complete(
    fleet: FakeFleet, mode: dict[str, object]
) -> None:
    start_job(fleet, mode, {"Condition": "none"}, ends="run")
    fleet.cluster.looks_until_running = 5
    with wakeups(fleet) as woken:
        waiter = Waiter(fleet, woken, Silent(), 30.0)
        assert waiter.wait_for_services(["shop_x"], observe(fleet, kernel="never"))
        assert not waiter.wait_for_services(["shop_x"], observe(fleet, kernel="never"))


def test_a_job_is_waited_for_anew_when_nothing_of_its_container_has_changed(fleet: FakeFleet) -> None:
    identity = start_job(fleet, ONE, {"Condition": "none"}, ends="run")
    assert wait(fleet) == "1/1 complete"
    manager = fleet.engine("A")
    service = manager.inspect("services", identity)
    fleet.cluster.looks_until_running = 5
    spec = service["Spec"] | {"Labels": {"a": "b"}}
    manager.update("services", identity, service["Version"]["Index"], spec)
    with wakeups(fleet) as woken:
        assert Waiter(fleet, woken, Silent(), 30.0).wait_for_services(["shop_x"], observe(fleet, kernel="never"))


def test_a_global_job_that_failed_on_one_of_two_hosts_is_not_complete(fleet: FakeFleet) -> None:
    start_job(fleet, {"GlobalJob": {}}, {"Condition": "none"}, ends="run")
    assert wait(fleet) == "1/1 complete"
    (done,) = fleet.cluster.tasks.values()
    status = {**done["Status"], "State": "failed", "Err": "task: non-zero exit (1)"}
    fleet.cluster.tasks["second"] = {
        **done, "ID": "second", "NodeID": "other", "DesiredState": "shutdown", "Status": status,
    }  # fmt: skip
    look = look_at(fleet.engine("A"), "shop_x")
    assert (look.running, look.wanted, look.is_converged, look.is_given_up) == (1, 2, False, True)
    with wakeups(fleet) as woken, pytest.raises(NotConvergedError, match="failed and is not started again"):
        Waiter(fleet, woken, Silent(), 30.0).wait_for_services(["shop_x"], observe(fleet, kernel="never"))
    # Tried once more on the same host, it is complete on both, and nothing is waited for.
    fleet.cluster.tasks["third"] = {**done, "ID": "third", "NodeID": "other"}
    with wakeups(fleet) as woken:
        assert not Waiter(fleet, woken, Silent(), 30.0).wait_for_services(["shop_x"], observe(fleet, kernel="never"))


def test_a_run_ends_by_a_job_that_failed(fleet: FakeFleet) -> None:
    start_job(fleet, ONE, {"Condition": "none"})
    with wakeups(fleet) as woken, pytest.raises(NotConvergedError, match="failed and is not started again"):
        Waiter(fleet, woken, Silent(), 30.0).wait_for_services(["shop_x"], observe(fleet, kernel="never"))


def test_a_failed_task_of_a_job_s_earlier_iteration_does_not_end_the_waiting(fleet: FakeFleet) -> None:
    identity = start_job(fleet, ONE, {"Condition": "none"})
    complaint(fleet, timeout_seconds=30)
    manager = fleet.engine("A")
    fleet.cluster.behaviour["shop_x"] = "run"
    fleet.cluster.looks_until_running = 8
    service = manager.inspect("services", identity)
    template = {**service["Spec"]["TaskTemplate"], "ForceUpdate": 1}
    manager.update("services", identity, service["Version"]["Index"], {**service["Spec"], "TaskTemplate": template})
    assert wait(fleet, 30) == "1/1 complete"


@pytest.mark.parametrize("other", [("running", "complete"), ("failed", "complete")], ids=["runs", "not-yet-handled"])
def test_a_job_goes_on_while_the_engine_has_a_task_of_it_to_see_to(fleet: FakeFleet, other: tuple[str, str]) -> None:
    start_job(fleet, ONE, {"Condition": "none"})
    complaint(fleet, timeout_seconds=30)
    look = look_at(fleet.engine("A"), "shop_x")
    state, desired = other
    second = {**look.tasks[0], "ID": "second", "DesiredState": desired, "Status": {"State": state}}
    assert look.is_given_up
    assert not replace(look, tasks=(*look.tasks, second)).is_given_up


def test_an_unhealthy_task_is_explained_by_its_health_check(fleet: FakeFleet) -> None:
    start(fleet, "unhealthy", looks=1)
    manager = fleet.engine("A")
    manager.find("tasks")
    task = manager.find("tasks")[0]
    container = task["Status"]["ContainerStatus"]["ContainerID"]
    health = {"Log": [{"ExitCode": 1, "Output": "connection to database refused\n"}]}
    manager.containers[container] = {"Id": container, "Labels": {}, "FullState": {"Health": health}}
    said = complaint(fleet, timeout_seconds=0.05)
    assert "0 of 1 tasks run after 0.05 s" in said
    assert "still starting; its health check says: exit 1, connection to database refused" in said
    assert "it has logged nothing" in said


def test_what_was_logged_is_a_cause_and_no_remedy(fleet: FakeFleet) -> None:
    start(fleet, "crash", looks=1)
    with pytest.raises(NotConvergedError) as caught:
        wait(fleet, 30)
    assert "it has logged nothing" in caught.value.why
    assert caught.value.to_do.splitlines() == [
        "what its host may lack, such as ESP: swarmkit doctor",
        "see: docker service ps --no-trunc shop_x",
        "mend the cause and run up again, or go back: swarmkit rollback",
    ]


@pytest.mark.parametrize(
    ("policy", "state", "desired", "given_up"),
    [
        ("on-failure", "complete", "shutdown", True),
        ("none", "failed", "shutdown", True),
        ("on-failure", "complete", "running", False),
        ("any", "complete", "shutdown", False),
    ],
)
def test_a_service_whose_policy_lets_it_end_is_not_waited_for(
    fleet: FakeFleet, policy: str, state: str, desired: str, given_up: bool
) -> None:
    look = looked(fleet, state=state)
    look.service["Spec"]["TaskTemplate"]["RestartPolicy"] = {"Condition": policy}
    ended = {**look.tasks[0], "DesiredState": desired}
    assert replace(look, tasks=(ended,)).is_given_up == given_up
    successor = {**look.tasks[0], "Status": {"State": "preparing"}, "DesiredState": "running"}
    assert not replace(look, tasks=(ended, successor)).is_given_up


def test_services_that_do_not_come_up_are_told_in_one_error_with_what_to_do(fleet: FakeFleet) -> None:
    start(fleet, constraint="node.labels.role == absent")
    observed = observe(fleet, kernel="never")
    with wakeups(fleet) as woken, pytest.raises(NotConvergedError) as one:
        Waiter(fleet, woken, Silent(), 0.05).wait_for_services(["shop_x"], observed)
    assert one.value.what == "shop_x: 0 of 1 tasks run after 0.05 s"
    assert one.value.to_do == (
        "correct deploy.placement.constraints; a label that the inventory declares comes back with swarmkit up; "
        "where a host that takes it has been ready for a minute: swarmkit up makes it anew (moby issue 53722)"
    )
    service = next(iter(fleet.cluster.objects["services"].values()))
    fleet.engine("A").create("services", {**service["Spec"], "Name": "shop_y"})
    with wakeups(fleet) as woken, pytest.raises(NotConvergedError) as both:
        Waiter(fleet, woken, Silent(), 0.05).wait_for_services(["shop_x", "shop_y"], observe(fleet, kernel="never"))
    assert both.value.what == "2 services do not run as declared"
    assert both.value.why.splitlines()[::3] == [f"shop_{one}: 0 of 1 tasks run after 0.05 s" for one in "xy"]
    assert both.value.why.splitlines()[2] == f"  to do: {one.value.to_do}"


def test_a_task_without_a_suitable_node_is_explained(fleet: FakeFleet) -> None:
    start(fleet, constraint="node.labels.role == absent")
    said = complaint(fleet, timeout_seconds=0.05)
    assert "no ready node satisfies its placement constraints" in said
    assert "scheduling constraints not satisfied on 1 node" in said
    assert "it asks for node.labels.role == absent; the nodes' labels are: none" in said


def test_the_labels_and_names_that_the_nodes_have_are_told_with_a_task_without_a_suitable_node(
    fleet: FakeFleet,
) -> None:
    start(fleet, constraint="node.hostname == host-z")
    manager = fleet.engine("A")
    fleet.engine("B").join_swarm(
        {
            "AdvertiseAddr": "10.88.0.12",
            "RemoteAddrs": ["10.88.0.11:2377"],
            "JoinToken": manager.swarm()["JoinTokens"]["Worker"],
        }
    )
    for node in manager.find("nodes"):
        labels = {"disk": "fast", "role": node["Description"]["Hostname"]}
        manager.update("nodes", node["ID"], node["Version"]["Index"], {**node["Spec"], "Labels": labels})
    said = complaint(fleet, timeout_seconds=0.05)
    assert "it asks for node.hostname == host-z; the nodes' names are: host-a, host-b; " in said
    assert "the nodes' labels are: disk=fast, role=host-a, role=host-b\n" in said


@pytest.mark.parametrize("unfinished", [{"Description": {"Engine": {}}}, {}], ids=["unnamed", "undescribed"])
def test_the_entry_of_a_join_that_was_never_finished_has_no_name_to_tell(
    fleet: FakeFleet, monkeypatch: pytest.MonkeyPatch, unfinished: dict[str, object]
) -> None:
    """The wait ended with a KeyError."""
    start(fleet, constraint="node.hostname == host-z")
    manager = fleet.engine("A")
    (task,) = look_at(manager, "shop_x").states
    (node,) = manager.find("nodes")
    entry = {key: value for key, value in node.items() if key != "Description"} | {"ID": "x"} | unfinished
    monkeypatch.setattr(manager, "find", lambda _: [entry, node])
    assert "the nodes' names are: host-a; the nodes' labels are" in unplaced(task, manager).sentence


def test_nodes_that_cannot_be_read_do_not_hide_why_a_task_has_no_node(
    fleet: FakeFleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    start(fleet, constraint="node.labels.role == absent")
    manager = fleet.engine("A")
    (task,) = look_at(manager, "shop_x").states

    def no_answer(kind: str) -> list[object]:
        raise EngineError("A", f"list {kind}", 500, "rpc error: context deadline exceeded")

    monkeypatch.setattr(manager, "find", no_answer)
    said = unplaced(task, manager).sentence
    assert "no ready node satisfies its placement constraints" in said
    assert said.endswith("the nodes' labels cannot be read: rpc error: context deadline exceeded (HTTP 500)")


def test_a_missing_image_is_named_with_its_host(fleet: FakeFleet) -> None:
    start(fleet, image="sha256:" + "0" * 64)
    said = complaint(fleet, timeout_seconds=0.05)
    assert "is not on A" in said
    assert "--images" in said


def not_pulled(fleet: FakeFleet, image: str, error: str) -> str:
    """Return what is said of a task that A rejected with *error*."""
    start(fleet, image=image)
    (task,) = fleet.cluster.tasks.values()
    task["Status"].update(State="rejected", Err=error)
    cause = explain(look_at(fleet.engine("A"), "shop_x").states, fleet, fleet.engine("A"))
    assert f"image {image} is not on A and could not be pulled: {error}" in cause.sentence
    return f"{cause.sentence}\n{cause.to_do}"


def test_a_vxlan_link_that_was_left_behind_is_told_with_what_removes_it(fleet: FakeFleet) -> None:
    """What was told was to look at the journal."""
    start(fleet)
    (task,) = fleet.cluster.tasks.values()
    task["Status"].update(
        State="rejected",
        Err='network sandbox join failed: subnet sandbox join failed for "10.20.1.0/24": '
        "error creating vxlan interface: file exists",
    )
    cause = explain(look_at(fleet.engine("A"), "shop_x").states, fleet, fleet.engine("A"))
    assert cause.to_do == link_left_remedy("A")
    assert "ip link delete" in cause.to_do
    assert cause.to_do.endswith("sudo systemctl restart docker (H65)")


@pytest.mark.parametrize(
    "error",
    [
        "GW Network failed: Error starting userland proxy: listen tcp4 0.0.0.0:8099: bind: address already in use",
        "driver failed programming external connectivity: Bind for 0.0.0.0:8099 failed: port is already allocated",
    ],
    ids=["by a process", "by a container"],
)
def test_a_port_that_something_on_the_host_has_is_told_with_what_names_it(fleet: FakeFleet, error: str) -> None:
    """What was told was that the host may lack ESP, and the doctor, who finds nothing."""
    start(fleet)
    (task,) = fleet.cluster.tasks.values()
    task["Status"].update(State="failed", Err=error)
    cause = explain(look_at(fleet.engine("A"), "shop_x").states, fleet, fleet.engine("A"))
    assert cause.sentence == f"its task on A ended: {error}"
    assert cause.to_do == taken_port_remedy("A", "8099")
    assert "on A: ss -lnptu 'sport = :8099'" in cause.to_do


def test_an_address_that_another_container_has_is_no_port_that_is_taken(fleet: FakeFleet) -> None:
    start(fleet)
    (task,) = fleet.cluster.tasks.values()
    task["Status"].update(State="failed", Err="failed to allocate gateway (10.20.1.1): Address already in use")
    assert explain(look_at(fleet.engine("A"), "shop_x").states, fleet, fleet.engine("A")).to_do == ""


def test_an_engine_whose_network_agent_did_not_start_is_told_with_what_starts_it(fleet: FakeFleet) -> None:
    """What was told was to look at the journal."""
    start(fleet)
    (task,) = fleet.cluster.tasks.values()
    task["Status"].update(State="rejected", Err="cannot create a swarm scoped network when swarm is not active")
    cause = explain(look_at(fleet.engine("A"), "shop_x").states, fleet, fleet.engine("A"))
    assert "on A: sudo systemctl restart docker" in cause.to_do


@pytest.mark.parametrize("asks_for_login", [True, False])
def test_that_a_registry_asks_for_a_login_is_found_out_behind_the_engine_s_words(
    fleet: FakeFleet, asks_for_login: bool
) -> None:
    image = "r.example:5000/web:1"
    fleet.engine("A").init_swarm(MADE)
    if asks_for_login:
        fleet.cluster.registries["r.example:5000"] = Secret(b"login")
    said = not_pulled(fleet, image, f"No such image: {image}")
    assert ("its registry answers A, which shows no login: " in said) is asks_for_login
    assert ("unauthorized: authentication required" in said) is asks_for_login
    assert ("docker login r.example:5000, then swarmkit up --with-registry-auth" in said) is asks_for_login
    assert "--images DIR" in said


@pytest.mark.parametrize(
    ("error", "says"), [("", "No such image: x:1"), ("no suitable node (insufficient resources)", "no host has enough")]
)
def test_a_task_that_was_just_made_is_explained_by_the_one_before_it(fleet: FakeFleet, error: str, says: str) -> None:
    start(fleet, image="x:1")
    (rejected,) = fleet.cluster.tasks.values()
    rejected["Status"].update(State="rejected", Err="No such image: x:1")
    status = {**rejected["Status"], "State": "pending", "Err": error, "Message": "pending task scheduling"}
    later = {**rejected, "ID": "later", "CreatedAt": fleet.world.tick(), "Status": status}
    tasks = [parse.task(task) for task in (rejected, later)]
    assert says in explain(tasks, fleet, fleet.engine("A")).sentence


def test_an_engine_that_says_that_a_login_is_missing_is_believed(fleet: FakeFleet) -> None:
    fleet.engine("A").init_swarm(MADE)
    said = not_pulled(fleet, "team/web:1", "pull access denied for team/web, repository does not exist")
    assert "\ndocker login, then swarmkit up --with-registry-auth" in said


@pytest.mark.parametrize("state", ["paused", "rollback_completed"])
def test_an_update_that_was_stopped_or_taken_back_is_a_failure(fleet: FakeFleet, state: str) -> None:
    identity = start(fleet, looks=0)
    message = "update paused due to failure or early termination of task x"
    fleet.cluster.objects["services"][identity]["UpdateStatus"] = {"State": state, "Message": message}
    said = complaint(fleet)
    assert f"its update is {state}" in said
    assert message in said
    assert "run up again" in said


@pytest.mark.parametrize(
    ("old_runs", "says"),
    [(True, "1 of 1 tasks run, 1 of the version before; "), (False, "NOTHING of it serves, no task runs; ")],
)
def test_what_serves_while_an_update_is_stopped_is_counted_and_not_taken_for_granted(
    fleet: FakeFleet, old_runs: bool, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By Docker's own order, stop-first, the task of before is stopped before the new one fails."""
    start(fleet)
    look = look_at(fleet.engine("A"), "shop_x")
    (made, *_) = look.tasks
    state, desired = ("running", "running") if old_runs else ("shutdown", "shutdown")
    before = {**made, "ID": "before", "DesiredState": desired, "Status": {**made["Status"], "State": state}}
    before["Spec"] = {**made["Spec"], "ForceUpdate": 7}
    failed = {**made, "DesiredState": "shutdown", "Status": {**made["Status"], "State": "failed", "Err": "exit (1)"}}
    service = {**look.service, "UpdateStatus": {"State": "paused", "Message": "failure"}}
    monkeypatch.setattr(waiting, "look_at", lambda *_: ServiceLook(service, (before, failed), 1))
    assert says in complaint(fleet)


def test_an_update_that_was_taken_back_is_explained_by_its_own_task_and_not_by_an_earlier_versions(
    fleet: FakeFleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    start(fleet)
    manager = fleet.engine("A")
    health = {"Log": [{"ExitCode": 1, "Output": "no such page"}]}
    manager.containers["c2"] = {"Id": "c2", "Labels": {}, "FullState": {"Health": health}}
    look = look_at(manager, "shop_x")
    (made, *_) = look.tasks

    def ended(identity: str, day: int, container: str, **status: str) -> dict[str, object]:
        has = {**made["Status"], **status, "ContainerStatus": {"ContainerID": container}}
        return {**made, "ID": identity, "CreatedAt": f"2026-11-0{day}T00:00:00Z", "Status": has}

    earlier = ended("before", 1, "c1", State="failed", Err="task: non-zero exit (3)")
    # Its container was stopped as unhealthy, and ended with 0.
    sick = ended("sick", 2, "c2", State="complete")
    message = "update rolled back due to failure or early termination of task sick"
    service = {**look.service, "UpdateStatus": {"State": "rollback_started", "Message": message}}
    monkeypatch.setattr(waiting, "look_at", lambda *_: ServiceLook(service, (earlier, sick), 1))
    said = complaint(fleet)
    assert "its task on A ended: its health check said: exit 1, no such page" in said
    assert "non-zero exit (3)" not in said


def test_a_task_that_is_not_healthy_in_time_is_not_explained_by_one_that_failed_before_the_waiting(
    fleet: FakeFleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    start(fleet)
    manager = fleet.engine("A")
    health = {"Log": [{"ExitCode": 1, "Output": "the database does not answer"}]}
    manager.containers["c2"] = {"Id": "c2", "Labels": {}, "FullState": {"Health": health}}
    look = look_at(manager, "shop_x")
    (made, *_) = look.tasks
    rejected = {"State": "rejected", "Err": "its node of then had no xt_bpf"}
    starting = {"State": "starting", "ContainerStatus": {"ContainerID": "c2"}}
    tasks = (
        {**made, "ID": "gone", "CreatedAt": "2026-11-01T00:00:00Z", "Status": rejected, "DesiredState": "shutdown"},
        {**made, "ID": "now", "CreatedAt": "2026-11-02T00:00:00Z", "Status": starting, "DesiredState": "running"},
    )
    monkeypatch.setattr(waiting, "look_at", lambda *_: ServiceLook(look.service, tasks, 1))
    said = complaint(fleet, timeout_seconds=0.05)
    assert "still starting; its health check says: exit 1, the database does not answer" in said
    assert "xt_bpf" not in said


def test_an_update_that_was_taken_back_before_this_run_is_no_failure_of_it(fleet: FakeFleet) -> None:
    identity = start(fleet, looks=0)
    fleet.cluster.objects["services"][identity]["UpdateStatus"] = {"State": "rollback_completed", "Message": "back"}
    assert wait(fleet, is_taken_back=True) == "1/1 running"


def test_a_service_taken_back_before_this_run_is_waited_for_where_its_tasks_start_anew(fleet: FakeFleet) -> None:
    identity = start(fleet, looks=4)
    fleet.cluster.objects["services"][identity]["UpdateStatus"] = {"State": "rollback_completed", "Message": "back"}
    assert wait(fleet, is_taken_back=True) == "1/1 running"


def test_of_a_service_taken_back_before_this_run_no_version_before_is_said_to_serve(fleet: FakeFleet) -> None:
    identity = start(fleet, "crash", looks=1)
    fleet.cluster.objects["services"][identity]["UpdateStatus"] = {"State": "rollback_completed", "Message": "back"}
    with pytest.raises(NotConvergedError) as caught:
        wait(fleet, 30, is_taken_back=True)
    assert "its tasks fail again and again" in str(caught.value)
    assert "serves" not in str(caught.value)
    assert "mend the cause and run up again, or go back: swarmkit rollback" in str(caught.value)


def test_ctrl_c_ends_the_waiting_for_services_at_once(fleet: FakeFleet) -> None:
    start(fleet, looks=1000)
    with wakeups(fleet) as woken:
        waiter = Waiter(fleet, woken, Silent(), 60.0)
        timer = threading.Timer(0.3, signal.pthread_kill, [threading.get_ident(), signal.SIGINT])
        timer.start()
        began = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            waiter.wait_for_services(["shop_x"], observe(fleet, kernel="never"))
        assert time.monotonic() - began < 10


def test_an_update_that_the_engine_has_taken_and_not_begun_is_waited_for(
    fleet: FakeFleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    identity = start(fleet, looks=0)
    assert wait(fleet) == "1/1 running"
    service = fleet.cluster.objects["services"][identity]
    monkeypatch.setattr(fleet.cluster, "reschedule", lambda: None)
    service["Spec"] = copy.deepcopy(service["Spec"])
    service["Spec"]["TaskTemplate"]["ContainerSpec"]["Env"] = ["NOTE=new"]
    observed = observe(fleet, kernel="never")
    with wakeups(fleet) as woken, pytest.raises(NotConvergedError, match="0 of 1 tasks run"):
        Waiter(fleet, woken, Silent(), 0.1).wait_for_services(["shop_x"], observed)


def test_waiting_is_woken_by_an_event(fleet: FakeFleet) -> None:
    seen = threading.Event()

    def happen_again_and_again() -> None:
        # Who begins to listen hears only what happens later, and when that is nobody tells.
        while not seen.wait(0.05):
            fleet.world.happened(Type="container", Action="start")

    with wakeups(fleet) as woken:
        happening = threading.Thread(target=happen_again_and_again)
        happening.start()
        try:
            assert woken.wait(0, 30) > 0
        finally:
            seen.set()
            happening.join()


def test_waiting_ends_without_an_event_when_its_time_is_over(fleet: FakeFleet) -> None:
    with wakeups(fleet) as woken:
        assert woken.wait(0, 0.01) == 0


def test_a_successor_that_waits_is_explained_by_the_unhealthy_task_before_it(fleet: FakeFleet) -> None:
    start(fleet)
    manager = fleet.engine("A")
    # The last check was killed with its container.
    health = {"Log": [{"ExitCode": 1, "Output": "connection refused"}, {"ExitCode": 137, "Output": ""}]}
    manager.containers["c1"] = {"Id": "c1", "Labels": {}, "FullState": {"Health": health}}
    (made, *_) = look_at(manager, "shop_x").states
    stopping = replace(made, id="old", state="starting", desired_state="shutdown", container_id="c1", created_at="1")
    waits = replace(made, id="new", state="ready", container_id="", created_at="2")
    cause = explain([waits, stopping], fleet, manager)
    assert "its health check says: exit 1, connection refused" in cause.sentence


def test_what_failed_on_a_node_that_is_gone_explains_nothing(fleet: FakeFleet) -> None:
    """A restore told of an image that a node of before had not got, and that the hosts have now."""
    start(fleet)
    (made, *_) = look_at(fleet.engine("A"), "shop_x").states
    old = replace(made, id="old", node_id="gone", state="rejected", error="No such image: x:1", created_at="1")
    starts = replace(made, id="new", state="starting", created_at="2")
    assert explain([old, starts], fleet, fleet.engine("A")).sentence == "its task on A is still starting"


def test_a_job_that_takes_longer_than_it_is_given_runs_still(fleet: FakeFleet) -> None:
    """It was said to have ended, and its host to lack ESP perhaps."""
    start(fleet)
    (made, *_) = look_at(fleet.engine("A"), "shop_x").states
    cause = explain([replace(made, state="running", message="started")], fleet, fleet.engine("A"))
    assert cause.sentence == "its task on A runs still"
    assert cause.to_do.startswith("where it only takes longer: --timeout SECONDS")


def test_a_task_without_a_place_is_the_reason_and_not_one_that_runs(fleet: FakeFleet) -> None:
    """Of nine tasks on a port of three hosts, one of the three that ran was blamed."""
    start(fleet)
    (made, *_) = look_at(fleet.engine("A"), "shop_x").states
    runs = replace(made, id="runs", state="running", created_at="2")
    error = "no suitable node (host-mode port already in use on 3 nodes)"
    waits = replace(made, id="waits", node_id="", state="pending", error=error, created_at="1")
    cause = explain([runs, waits], fleet, fleet.engine("A"))
    assert cause.sentence.startswith("the port it publishes in host mode is taken")
    ended = replace(made, id="ended", state="failed", error="exit 3", created_at="0")
    assert "ended" in explain([runs, ended], fleet, fleet.engine("A")).sentence
    # A newer one of another slot says more than an old one that found no place.
    newer = replace(made, id="newer", state="rejected", error="No such image: x:1", created_at="3")
    assert "No such image" in explain([newer, waits], fleet, fleet.engine("A")).sentence


def test_a_task_that_has_done_its_job_is_no_reason(fleet: FakeFleet) -> None:
    start(fleet)
    (made, *_) = look_at(fleet.engine("A"), "shop_x").states
    done = replace(made, id="done", state="complete", desired_state="complete", created_at="3")
    stopped = replace(made, id="stopped", state="shutdown", desired_state="shutdown", created_at="2")
    runs = replace(made, id="runs", state="running", created_at="1")
    assert explain([done, stopped, runs], fleet, fleet.engine("A")).sentence == "its task on A runs still"


def test_an_unhealthy_task_that_ended_with_0_is_explained_by_its_health_check(fleet: FakeFleet) -> None:
    start(fleet)
    manager = fleet.engine("A")
    health = {"Log": [{"ExitCode": 1, "Output": "connection refused"}]}
    manager.containers["c1"] = {"Id": "c1", "Labels": {}, "FullState": {"Health": health}}
    (made, *_) = look_at(manager, "shop_x").states
    complete = replace(made, id="old", state="complete", desired_state="shutdown", container_id="c1", created_at="1")
    starts = replace(made, id="new", state="starting", container_id="c2", created_at="2")
    cause = explain([starts, complete], fleet, manager)
    assert "ended: its health check said: exit 1, connection refused" in cause.sentence


def test_why_a_task_failed_is_told_before_the_waiting_ends_and_once(fleet: FakeFleet) -> None:
    start(fleet, "crash", looks=1)
    told = Told()
    with pytest.raises(NotConvergedError):
        wait(fleet, 30, progress=told)
    assert told.warnings == ["its task on A ended: task: non-zero exit (1)"]
    assert any("1 failed so far" in doing for doing in told.doings), told.doings


def test_a_task_that_no_host_can_take_is_told_of_while_it_is_waited_for(
    fleet: FakeFleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(told_meanwhile, "UNPLACED_SECONDS", 0.02)
    start(fleet, constraint="node.labels.role == absent")
    told = Told()
    with pytest.raises(NotConvergedError):
        wait(fleet, 0.3, progress=told)
    (warning,) = told.warnings
    assert "no ready node satisfies its placement constraints" in warning
    assert told.doings[0].startswith("0/1 running, no host yet: no suitable node")


def test_the_time_that_was_given_is_kept_however_seldom_is_looked(
    fleet: FakeFleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "POLL_SECONDS", 20)
    start(fleet, "unhealthy", looks=1)
    began = time.monotonic()
    complaint(fleet, timeout_seconds=0.2)
    assert time.monotonic() - began < 10


def looked(fleet: FakeFleet, **changes: object) -> ServiceLook:
    """Return a look at a service of one task, with the task's status or the update's state changed."""
    start(fleet, looks=1000)
    look = look_at(fleet.engine("A"), "shop_x")
    task = {**look.tasks[0], "Status": {**look.tasks[0]["Status"], "State": changes.get("state", "starting")}}
    update = {"UpdateStatus": {"State": changes["update"]}} if "update" in changes else {}
    return replace(look, service={**look.service, **update}, tasks=(task,))


@pytest.mark.parametrize(
    ("state", "says"),
    [
        ("starting", "0/1 running, its container is starting, or the health check of its image has not passed yet"),
        ("preparing", "0/1 running, its host prepares it: image x:1, networks, volumes"),
        ("assigned", "0/1 running, a host was chosen"),
    ],
)
def test_what_is_waited_for_is_said_in_words(fleet: FakeFleet, state: str, says: str) -> None:
    assert doing(looked(fleet, state=state), 0) == says


@pytest.mark.parametrize(
    ("test", "says"),
    [(["NONE"], "its container is starting"), (["CMD", "true"], "its health check has not passed yet")],
)
def test_a_health_check_is_spoken_of_only_where_there_is_one(fleet: FakeFleet, test: list[str], says: str) -> None:
    look = looked(fleet)
    look.service["Spec"]["TaskTemplate"]["ContainerSpec"]["Healthcheck"] = {"Test": test}
    assert doing(look, 0) == f"0/1 running, {says}"


@pytest.mark.parametrize(
    ("policy", "says"),
    [
        ({}, "the task that failed is started anew"),
        ({"Condition": "on-failure"}, "the task that failed is started anew"),
        ({"Condition": "none"}, "a task failed"),
    ],
)
def test_a_failed_task_is_started_anew_but_where_its_policy_says_no(
    fleet: FakeFleet, policy: dict[str, str], says: str
) -> None:
    look = looked(fleet, state="failed")
    look.service["Spec"]["TaskTemplate"]["RestartPolicy"] = policy
    assert doing(look, 0) == f"0/1 running, {says}"


def test_that_an_update_is_still_watched_is_said(fleet: FakeFleet) -> None:
    look = looked(fleet, state="running", update="updating")
    assert doing(look, 0) == "1/1 running, its update watches the new tasks for 5 s"
    spec = {**look.service["Spec"], "UpdateConfig": {"Monitor": 60_000_000_000}}
    assert doing(replace(look, service={**look.service, "Spec": spec}), 0).endswith("for 60 s")


def test_the_line_of_a_service_that_did_not_come_up_says_why(fleet: FakeFleet) -> None:
    class Ended(Silent):
        notes: list[str] = []  # noqa: RUF012 - of this test alone

        def ended(self, key: str, *, ok: bool, note: str = "") -> None:
            del key, ok
            self.notes.append(note)

    start(fleet, "crash", looks=1)
    progress = Ended()
    with wakeups(fleet) as woken, pytest.raises(NotConvergedError):
        Waiter(fleet, woken, progress, 30.0).wait_for_services(["shop_x"], observe(fleet, kernel="never"))
    assert progress.notes == ["shop_x: its tasks fail again and again: its task on A ended: task: non-zero exit (1)"]
