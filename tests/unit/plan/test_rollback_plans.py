"""A stack on fake hosts, changed and taken back: what comes, what goes, and what is said when it cannot."""

from __future__ import annotations

import base64
import itertools
import json
import zlib
from dataclasses import replace
from pathlib import Path

import pytest
from fakes.running import StopsAfter, plan_on, run_once
from fakes.swarm import FakeFleet, fake_fleet

from swarmkit.declared.inventory.host import Host, Inventory
from swarmkit.declared.stack.service import Deploy, FileReference, Network, SecretFile, Service, ServiceNetwork, Stack
from swarmkit.observed.observe import observe
from swarmkit.plan.apply import apply
from swarmkit.plan.context import Context
from swarmkit.plan.declaration import Declared
from swarmkit.plan.model import Plan
from swarmkit.plan.progress import Silent
from swarmkit.plan.stacks.record import Change, Record, read_records
from swarmkit.plan.stacks.recording import write_down
from swarmkit.plan.stacks.rollback_planner import make_rollback_plan
from swarmkit.secret import Secret

INVENTORY = Inventory(Path("inventory.yaml"), "prod", (Host("A", "10.88.0.11", "manager"),))


def declared(level: str, *, password: bytes = b"one", other: str = "old") -> Declared:
    web = Service(
        "web", "r.example/web:1", environment={"LEVEL": level}, secrets=(FileReference("p", "p"),),
        depends_on={other: "service_healthy"},
    )  # fmt: skip
    services = (web, Service(other, "r.example/other:1"))
    secrets = (SecretFile("p", "s_p", Secret(password)),)
    return Declared(INVENTORY, Stack(Path("stack.yaml"), "s", services, secrets=secrets), prune=True)


def with_network(one: Declared) -> Declared:
    assert one.stack
    services = tuple(replace(service, networks=(ServiceNetwork("n"),)) for service in one.stack.services)
    return replace(one, stack=replace(one.stack, services=services, networks=(Network("n", "s_n"),)), prune=False)


@pytest.fixture
def made() -> FakeFleet:
    fleet = fake_fleet(INVENTORY)
    run_once(fleet, declared("1"))
    return fleet


def rollback_plan(fleet: FakeFleet, target: Record | None = None) -> tuple[Plan, Record | None]:
    return make_rollback_plan(INVENTORY, "s", observe(fleet, kernel="never"), {}, target=target)


def roll_back(fleet: FakeFleet, count: int | None = None) -> Record:
    """Apply the plan of the way back, or its first *count* operations."""
    plan, target = rollback_plan(fleet)
    assert plan.refusals == ()
    assert target
    context = Context(fleet, Silent(), "A", lambda name, _: name)
    assert apply(Plan(plan.operations[:count]), context).failed == ()
    return target


def records(fleet: FakeFleet) -> list[str]:
    return [record.name for record in read_records(observe(fleet, kernel="never").cluster, "s")]


def is_as(fleet: FakeFleet, wanted: Declared) -> bool:
    return plan_on(fleet, wanted).is_empty


def refusal(fleet: FakeFleet) -> str:
    (finding,) = rollback_plan(fleet)[0].refusals
    return f"{finding.code}: {finding.what}; {finding.remedy}"


def test_after_the_first_up_there_is_nothing_to_go_back_to(made: FakeFleet) -> None:
    assert refusal(made) == "H73: the last up made the stack: nothing ran before; swarmkit down removes it"


def test_a_stack_that_no_run_has_changed_has_no_way_back(made: FakeFleet) -> None:
    plan, target = make_rollback_plan(INVENTORY, "t", observe(made, kernel="never"), {})
    assert target is None
    assert "nothing says what ran before" in plan.refusals[0].what


def test_the_whole_stack_goes_back_and_forth(made: FakeFleet) -> None:
    one, two = declared("1"), declared("2", password=b"two", other="new")
    run_once(made, two)
    target = roll_back(made)
    assert is_as(made, one)
    assert rollback_plan(made, target)[0].is_empty
    roll_back(made)
    assert is_as(made, two)
    assert len(records(made)) == 1


def test_services_go_back_in_the_order_in_which_they_depend_on_each_other(made: FakeFleet) -> None:
    run_once(made, declared("2"))
    run_once(made, replace(declared("3"), prune=False))
    keys = [operation.step.key for operation in rollback_plan(made)[0].operations]
    assert keys.index("wait:s_old") < keys.index("service:s_web")


def test_services_go_back_in_the_order_of_the_stack_they_go_back_to_and_forth_in_the_other(made: FakeFleet) -> None:
    run_once(made, declared("2"))
    wanted = declared("3")
    assert wanted.stack
    web, other = wanted.stack.services
    turned = (
        replace(web, depends_on={}),
        replace(other, environment={"A": "b"}, depends_on={"web": "service_started"}),
    )
    run_once(made, replace(wanted, stack=replace(wanted.stack, services=turned)))

    def waited_for(name: str) -> set[str]:
        (back,) = [op.step for op in rollback_plan(made)[0].operations if op.step.key == f"service:s_{name}"]
        return {key for key in back.after if key.startswith("wait:")}

    assert (waited_for("web"), waited_for("old")) == ({"wait:s_old"}, set())
    roll_back(made)
    assert is_as(made, declared("2"))
    assert (waited_for("web"), waited_for("old")) == (set(), {"wait:s_web:started"})


@pytest.mark.timeout(60)
def test_layers_of_services_that_each_need_all_of_the_layer_below_are_ordered_at_once(made: FakeFleet) -> None:
    live = next(iter(observe(made, kernel="never").cluster.services))  # type: ignore[union-attr]
    layers = [[f"s_{layer}-{number}" for number in range(8)] for layer in range(12)]
    needed = {
        name: dict.fromkeys(below, "service_started") for below, layer in itertools.pairwise(layers) for name in layer
    }
    services = {name: {**live.spec, "Name": name} for layer in reversed(layers) for name in layer}
    target = Record("s", 1, Change("up", "", frozenset(), {}), services, depends_on=needed)  # type: ignore[arg-type]
    plan, _ = rollback_plan(made, target)
    created = [op.step.target for op in plan.operations if op.step.verb == "create" and op.step.subject == "service"]
    assert [name.partition("-")[0] for name in created] == [f"s_{layer}" for layer in range(12) for _ in range(8)]


def test_what_needed_no_more_than_a_start_waits_for_no_more_on_its_way_back(made: FakeFleet) -> None:
    run_once(made, _on_start(declared("2")))
    run_once(made, _on_start(declared("3")))
    plan, _ = rollback_plan(made)
    (waits,) = [op.step for op in plan.operations if op.step.key.startswith("wait:s_old")]
    assert (waits.key, waits.summary) == ("wait:s_old:started", "wait until s_old has started")
    (back,) = [op.step for op in plan.operations if op.step.key == "service:s_web"]
    assert waits.key in back.after


def test_a_job_runs_again_on_its_way_back_and_that_is_told(made: FakeFleet) -> None:
    for level in ("2", "3"):
        wanted = declared(level)
        assert wanted.stack
        web, other = wanted.stack.services
        web = replace(web, name="job", deploy=Deploy(mode="replicated-job"))
        run_once(made, replace(wanted, stack=replace(wanted.stack, services=(web, other))))
    (back,) = [op.step for op in rollback_plan(made)[0].operations if op.step.key == "service:s_job"]
    assert back.reason == "as it ran before; the job runs again"


def _on_start(wanted: Declared) -> Declared:
    assert wanted.stack
    web, other = wanted.stack.services
    services = (replace(web, depends_on={other.name: "service_started"}), other)
    return replace(wanted, stack=replace(wanted.stack, services=services))


def test_a_record_of_before_the_conditions_waits_for_health() -> None:
    needed = {"s_web": {"s_old": "service_started"}}
    record = Record("s", 1, Change("up", "", frozenset(), needed), {}, depends_on=needed)  # type: ignore[arg-type]
    newer = _stored(record.content)
    older = json.loads(zlib.decompress(record.content))
    older["change"]["depends_on"] = {"s_web": ["s_old"]}
    del older["depends_on"]
    read = _stored(zlib.compress(json.dumps(older).encode()))
    assert newer.change.depends_on == newer.depends_on == needed
    assert read.change.depends_on == read.depends_on == {"s_web": {"s_old": "service_healthy"}}


def _stored(content: bytes) -> Record:
    """Return the record that a swarm's config holds."""
    fleet = fake_fleet(INVENTORY)
    run_once(fleet, Declared(INVENTORY))
    labels = {"swarmkit.before": "s"}
    fleet.engine("A").create("configs", {"Name": "x", "Data": base64.b64encode(content).decode(), "Labels": labels})
    (found,) = read_records(observe(fleet, kernel="never").cluster, "s")
    return found


@pytest.mark.parametrize("count", range(1, 7))
def test_an_interrupted_rollback_goes_on_to_where_it_was_going(made: FakeFleet, count: int) -> None:
    run_once(made, declared("2", password=b"two", other="new"))
    assert count < len(rollback_plan(made)[0].operations)
    roll_back(made, count)
    roll_back(made)
    assert is_as(made, declared("1"))
    assert len(records(made)) == 1


@pytest.mark.parametrize("count", range(1, 9))
def test_after_an_interrupted_up_and_another_one_the_way_back_is_to_what_last_ran_whole(
    made: FakeFleet, count: int
) -> None:
    two = declared("2", password=b"two", other="new")
    run_once(made, two, StopsAfter(count))
    left = {operation.step.subject for operation in plan_on(made, two).operations}
    run_once(made, declared("3", password=b"three"))
    roll_back(made)
    assert is_as(made, declared("1") if "service" in left else two)


def test_what_an_update_that_failed_was_to_be_is_not_gone_back_to(made: FakeFleet) -> None:
    run_once(made, declared("bad"))
    web = made.cluster.resolve("services", "s_web")
    web["UpdateStatus"] = {"State": "paused", "Message": "update paused due to failure"}
    run_once(made, declared("3"))
    roll_back(made)
    assert is_as(made, declared("1"))


def test_a_version_of_a_secret_stays_until_the_next_change(made: FakeFleet) -> None:
    def versions() -> int:
        return len(made.cluster.objects["secrets"])

    run_once(made, declared("1", password=b"two"))
    assert versions() == 2
    run_once(made, declared("1", password=b"three"))
    assert versions() == 2


def test_the_newer_version_that_goes_after_a_rollback_is_not_said_to_be_replaced_by_a_newer_one(
    made: FakeFleet,
) -> None:
    run_once(made, declared("1", password=b"two"))
    roll_back(made)
    plan, _ = run_once(made, declared("3"))
    (removed,) = [op.step for op in plan.operations if (op.step.verb, op.step.subject) == ("remove", "secret")]
    assert removed.reason == "neither the file nor the way back names this content"


def test_a_secret_that_somebody_removed_is_told_before_anything_changes(made: FakeFleet) -> None:
    run_once(made, declared("1", password=b"two"))
    secrets = made.cluster.objects["secrets"]
    first = next(iter(secrets))
    name = secrets[first]["Spec"]["Name"]
    del secrets[first]
    assert f"the secret {name} that it used before is gone" in refusal(made)


def test_services_do_not_go_back_to_a_network_that_was_made_in_clear_since() -> None:
    fleet = fake_fleet(INVENTORY)
    first = with_network(declared("1"))
    run_once(fleet, first)
    run_once(fleet, replace(declared("2"), prune=False))
    network = fleet.cluster.resolve("networks", "s_n")
    network["Options"] = {key: value for key, value in network["Options"].items() if key != "encrypted"}
    said = refusal(fleet)
    assert "the network s_n was made otherwise since" in said
    assert "swarmkit network rm s_n" in said


def test_an_image_by_id_that_no_host_has_is_told_before_anything_changes(made: FakeFleet) -> None:
    web = made.cluster.resolve("services", "s_web")
    web["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"] = "sha256:" + "1" * 64
    run_once(made, declared("2"))
    assert "no longer has the image that it ran" in refusal(made)
    assert "--images" in refusal(made)


def test_a_record_that_the_engine_would_not_take_is_warned_of_and_not_written(made: FakeFleet) -> None:
    run_once(made, declared("2"))
    (record,) = read_records(observe(made, kernel="never").cluster, "s")
    # Not compressible: hex digits in an order without a pattern.
    noise = "".join(f"{number * number * 2654435761 % 2**64:x}" for number in range(200_000))
    spec = record.services["s_web"] | {"Labels": {"noise": noise}}
    note = write_down(replace(record, services={"s_web": spec}), (), frozenset())
    assert note.created == ()
    assert "rollback will not be possible" in note.warnings[0].what


def test_an_order_alone_is_no_change_and_the_way_back_leads_past_it(made: FakeFleet) -> None:
    run_once(made, declared("2"))
    before = records(made)
    changed = declared("2")
    assert changed.stack is not None
    web, other = changed.stack.services
    turned = (replace(web, depends_on={}), replace(other, depends_on={"web": "service_healthy"}))
    plan = plan_on(made, replace(changed, stack=replace(changed.stack, services=turned)))
    assert plan.is_empty
    assert records(made) == before
    roll_back(made)
    assert is_as(made, declared("1"))
