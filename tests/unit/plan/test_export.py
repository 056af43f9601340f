"""A running stack, by whatever tool it was made, becomes a file that plans to no change, or says what it cannot say."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fakes.running import run_once
from fakes.swarm import FakeFleet, fake_fleet
from parity.corpus import Case, cases

from swarmkit.declared.inventory.host import Host, Inventory
from swarmkit.declared.stack.reading import load_stack
from swarmkit.declared.stack.service import Stack
from swarmkit.errors import SwarmkitError
from swarmkit.observed.model import ClusterState, NetworkState, Observed, SecretState, ServiceState
from swarmkit.observed.observe import observe
from swarmkit.plan.declaration import Declared
from swarmkit.plan.stacks.spec import network_spec, service_spec
from swarmkit.workflows.export import Exported, exported

SAMPLES = Path(__file__).parent / "samples" / "everything"
HOST = Host("A", "10.88.0.11", "manager", labels={"tier": "frontend", "role": "database"})
INVENTORY = Inventory(Path("i.yaml"), "prod", (HOST,), overlay_encryption="as-declared")
Spec = dict[str, Any]


@pytest.fixture(scope="module")
def swarm() -> Observed:
    """One host, a manager of an empty swarm."""
    fleet = fake_fleet(INVENTORY)
    run_once(fleet, Declared(INVENTORY))
    return observe(fleet, kernel="never")


def cluster_of(observed: Observed) -> ClusterState:
    assert observed.cluster
    return observed.cluster


def network_state(raw: Spec) -> NetworkState:
    identity = raw.get("Id") or f"id-of-{raw['Name']}"
    return NetworkState(
        identity, raw["Name"], raw["Driver"], "swarm", raw.get("Options") or {}, raw.get("Labels") or {}, raw
    )


def with_specs(observed: Observed, networks: list[Spec], services: list[Spec]) -> Observed:
    """Return the swarm with these, and with the secrets and configs that the services name."""
    states = tuple(network_state(raw) for raw in networks)
    names = {kind: sorted({one[f"{kind}Name"] for spec in services for one in _files(spec, kind)}) for kind in _KINDS}
    found = {kind: tuple(SecretState(f"id-of-{name}", name, {}) for name in names[kind]) for kind in _KINDS}
    cluster = replace(
        cluster_of(observed),
        networks=(*cluster_of(observed).networks, *states),
        secrets=found["Secret"],
        configs=found["Config"],
        services=tuple(
            ServiceState(str(number), 1, spec["Name"], spec["Labels"], spec) for number, spec in enumerate(services)
        ),
    )
    return replace(observed, cluster=cluster)


_KINDS = ("Secret", "Config")


def _files(spec: Spec, kind: str) -> list[Spec]:
    return list(spec["TaskTemplate"]["ContainerSpec"].get(f"{kind}s") or ())


def deployed(observed: Observed, stack: Stack) -> Observed:
    """Return the swarm with the stack as docker's tool makes it."""
    networks = [
        {"Name": one.name, "Driver": "overlay"} if one.external else network_spec(stack, one, encrypted=one.encrypted)
        for one in stack.networks
    ]
    services = [service_spec(stack, service, images={}, api_version=(1, 45)) for service in stack.services]
    return with_specs(observed, networks, services)


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_each_stack_of_the_corpus_is_exported_as_it_runs(swarm: Observed, case: Case) -> None:
    made = exported(INVENTORY, case.name, deployed(swarm, case.load()))
    assert made.differences == (), made.text
    # The swarm's engines are older than mounts of images.
    told = ("B35", "H44") if case.name == "image-mounts" else ("B35",)
    assert [line for line in made.refusals if not line.startswith(told)] == [], made.text


@pytest.fixture
def everything(swarm: Observed) -> Observed:
    """What an engine said of a stack that docker's tool had deployed."""
    read_back = json.loads((SAMPLES / "readback.json").read_text())
    return with_specs(swarm, read_back["networks"], read_back["services"])


def test_what_an_engine_tells_of_dockers_own_stack_is_exported_as_it_runs(everything: Observed) -> None:
    made = exported(INVENTORY, "t1", everything)
    assert (made.differences, made.refusals) == ((), ())
    assert "external: true" in made.text


def loaded(made: Exported, folder: Path) -> Stack:
    (folder / "t1.yaml").write_text(made.text)
    return load_stack(folder / "t1.yaml", environment={})


def test_an_exported_file_exports_to_itself(everything: Observed, swarm: Observed, tmp_path: Path) -> None:
    first = exported(INVENTORY, "t1", everything)
    second = exported(INVENTORY, "t1", deployed(swarm, loaded(first, tmp_path)))
    assert second.text == first.text


def changed(observed: Observed, name: str, change: Callable[[Spec], object]) -> Observed:
    cluster = cluster_of(observed)
    services = []
    for live in cluster.services:
        spec = copy.deepcopy(dict(live.spec))
        if live.name == name:
            change(spec)
        services.append(replace(live, spec=spec, labels=spec["Labels"]))
    return replace(observed, cluster=replace(cluster, services=tuple(services)))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda spec: spec["TaskTemplate"]["ContainerSpec"].update(Groups=["video"]), "Groups"),
        (lambda spec: spec["TaskTemplate"]["Networks"][0].update(Aliases=[]), "Aliases"),
        (lambda spec: spec["Labels"].pop("com.docker.stack.image"), "com.docker.stack.image"),
        (lambda spec: spec.update(Mode={"ReplicatedJob": {"MaxConcurrent": 2, "TotalCompletions": 5}}), "Concurrent"),
    ],
)
def test_what_no_stack_file_can_say_is_told(everything: Observed, change: Callable[[Spec], object], told: str) -> None:
    made = exported(INVENTORY, "t1", changed(everything, "t1_backend", change))
    assert not made.is_whole
    assert any(told in line for line in made.differences)
    assert f"# Cannot be said here: {made.differences[0]}" in made.text


ODD = (
    "$HOME",
    "yes",
    "0440",
    "1e3",
    "null",
    "a: b",
    "- x",
    "#",
    "\t",
    "a\nb\n",
    " a\nb",
    "a\n\n b\n\n",
    "é☃",
    "a\x85b\u2028c\ufeffd\x7f",
)


@pytest.mark.parametrize("value", ODD)
def test_values_that_yaml_would_take_for_something_else_come_through(
    everything: Observed, tmp_path: Path, value: str
) -> None:
    def change(spec: Spec) -> None:
        spec["TaskTemplate"]["ContainerSpec"] |= {"Env": [f"A={value}"], "Args": ["-c", value], "Labels": {
            "com.docker.stack.namespace": "t1", "l": value}}  # fmt: skip

    made = exported(INVENTORY, "t1", changed(everything, "t1_backend", change))
    assert made.is_whole, made.text
    assert loaded(made, tmp_path).service("backend").environment == {"A": value}


def test_a_digest_that_docker_resolved_stays_the_image_that_runs(everything: Observed, tmp_path: Path) -> None:
    def resolve(spec: Spec) -> None:
        spec["TaskTemplate"]["ContainerSpec"]["Image"] = "r.example/b:1@sha256:" + "a" * 64
        spec["Labels"]["com.docker.stack.image"] = "r.example/b:1"

    made = exported(INVENTORY, "t1", changed(everything, "t1_backend", resolve))
    assert made.is_whole, made.differences
    assert loaded(made, tmp_path).service("backend").image == "r.example/b:1"


def test_an_image_that_was_changed_by_hand_is_the_one_that_is_exported(everything: Observed, tmp_path: Path) -> None:
    """``docker service update --image`` leaves the label: the file would take the service back."""

    def update(spec: Spec) -> None:
        spec["TaskTemplate"]["ContainerSpec"]["Image"] = "r.example/b:2@sha256:" + "a" * 64
        spec["Labels"]["com.docker.stack.image"] = "r.example/b:1"

    made = exported(INVENTORY, "t1", changed(everything, "t1_backend", update))
    assert loaded(made, tmp_path).service("backend").image == "r.example/b:2"
    assert not [line for line in made.differences if "ContainerSpec.Image" in line]


def test_a_stack_that_swarmkit_made_is_exported_with_the_versions_it_has(fleet: FakeFleet, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("first")
    (tmp_path / "shop.yaml").write_text(
        "services: {web: {image: r.example/web:1, secrets: [db]}}\nsecrets: {db: {file: password}}\n"
    )
    inventory = Inventory(Path("i.yaml"), "prod", tuple(reached.host for reached in fleet.values()))
    run_once(fleet, Declared(inventory, load_stack(tmp_path / "shop.yaml", environment={})))
    made = exported(inventory, "shop", observe(fleet, kernel="never"))
    assert made.is_whole, made.text
    assert "  db:\n    external: true\n    name: shop_db-" in made.text
    assert 'encrypted: ""' in made.text


def test_what_no_service_uses_and_an_empty_variable_are_noted_and_no_difference(everything: Observed) -> None:
    cluster = cluster_of(everything)
    own = {"com.docker.stack.namespace": "t1"}
    idle = network_state({"Name": "t1_idle", "Driver": "overlay", "Labels": own})
    configs = (*cluster.configs, SecretState("id-of-old", "t1_old", own), SecretState("id-of-theirs", "theirs", {}))
    observed = replace(everything, cluster=replace(cluster, networks=(*cluster.networks, idle), configs=configs))
    observed = changed(observed, "t1_backend", lambda spec: spec["TaskTemplate"]["ContainerSpec"].update(Env=["A="]))
    made = exported(INVENTORY, "t1", observed)
    assert made.is_whole, made.differences
    notes = "\n".join(made.notes)
    assert "config t1_old of the stack is left out" in notes
    assert "theirs" not in notes
    assert "backend: A must not be set" in notes
    assert "network t1_idle of the stack is left out" in notes


def test_a_stack_that_is_not_there_is_told_with_those_that_are(everything: Observed) -> None:
    with pytest.raises(SwarmkitError, match="no service of a stack shop") as caught:
        exported(INVENTORY, "shop", everything)
    assert caught.value.to_do == "name one that runs: t1"


def test_an_exported_file_names_its_stack_wherever_it_is_kept(everything: Observed, tmp_path: Path) -> None:
    (tmp_path / "other.yaml").write_text(exported(INVENTORY, "t1", everything).text)
    assert load_stack(tmp_path / "other.yaml").name == "t1"


def test_a_service_without_the_stacks_name_before_its_own_is_told_as_such(everything: Observed) -> None:
    cluster = cluster_of(everything)
    named = replace(cluster.services[0], name="elsewhere")
    observed = replace(everything, cluster=replace(cluster, services=(named,)))
    made = exported(INVENTORY, named.stack, observed)
    assert any(note.startswith("elsewhere has the stack's label and not its name: up makes") for note in made.notes)


@pytest.mark.parametrize("stranger", ["backend", "zbackend"])
def test_a_service_whose_key_another_has_gets_one_of_its_own_and_the_stack_s_own_keeps_it(
    everything: Observed, tmp_path: Path, stranger: str
) -> None:
    cluster = cluster_of(everything)
    live = next(one for one in cluster.services if one.name == "t1_backend")
    spec = copy.deepcopy(dict(live.spec)) | {"Name": stranger}
    spec["TaskTemplate"]["ContainerSpec"]["Image"] = spec["Labels"]["com.docker.stack.image"] = "r.example/stranger:1"
    added = ServiceState("added", 1, stranger, spec["Labels"], spec)
    services = (added, *cluster.services)
    made = exported(INVENTORY, "t1", replace(everything, cluster=replace(cluster, services=services)))
    stack = loaded(made, tmp_path)
    assert len(stack.services) == len(services)
    assert stack.service("backend").image == live.labels["com.docker.stack.image"]
    key = "backend-2" if stranger == "backend" else stranger
    assert stack.service(key).image == "r.example/stranger:1"
    assert any(f"up makes t1_{key} beside it" in note for note in made.notes)


def test_a_size_in_memory_is_written_in_bytes_as_dockers_tool_takes_no_other(
    everything: Observed, tmp_path: Path
) -> None:
    mount = {"Type": "tmpfs", "Target": "/t", "TmpfsOptions": {"SizeBytes": 64 << 20}}
    observed = changed(
        everything, "t1_backend", lambda spec: spec["TaskTemplate"]["ContainerSpec"].update(Mounts=[mount])
    )
    made = exported(INVENTORY, "t1", observed)
    assert f"size: {64 << 20}\n" in made.text
    assert loaded(made, tmp_path).service("backend").mounts[0].tmpfs_size_bytes == 64 << 20


def test_a_lan_s_part_of_a_host_that_does_not_answer_is_told_to_be_missing(swarm: Observed) -> None:
    stack = load_stack(case_named("networks").files[0], name="networks", environment={})
    made = deployed(swarm, stack)
    cluster = cluster_of(made)
    on_lan = {str(one["Target"]) for live in cluster.services for one in live.spec["TaskTemplate"].get("Networks", ())}
    networks = tuple(
        replace(one, raw={**one.raw, "ConfigFrom": {"Network": "lan-config"}}) if one.name in on_lan else one
        for one in cluster.networks
    )
    lacking = exported(
        INVENTORY,
        "networks",
        replace(made, cluster=replace(cluster, networks=networks)),
        {"B": SwarmkitError("B: gone")},
    )
    assert any(note.startswith("B does not answer: its part") for note in lacking.notes)
    whole = exported(INVENTORY, "networks", made, {"B": SwarmkitError("B: gone")})
    assert not any("does not answer" in note for note in whole.notes)


def case_named(name: str) -> Case:
    return next(case for case in cases() if case.name == name)
