"""Options of containers in the API's words, sent and compared."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from swarmkit.declared.stack.reading import load_stack
from swarmkit.plan.stacks.spec import service_spec, with_ids
from swarmkit.plan.stacks.spec_diff import spec_changes, with_names

TEXT = """
services:
  a:
    image: i:1
    extra_hosts: [db:10.0.0.1]
    dns: 1.1.1.1
    logging: {driver: json-file, options: {max-file: '3'}}
    tty: true
    stdin_open: true
    isolation: default
    credential_spec: {config: account}
    networks: {default: {driver_opts: {o: p}}}
    volumes:
      - {type: npipe, source: '\\\\.\\pipe\\x', target: '\\\\.\\pipe\\y'}
      - {type: cluster, source: 'group:fast', target: /fast}
    deploy:
      mode: replicated-job
      replicas: 2
      resources:
        reservations:
          generic_resources:
            - {discrete_resource_spec: {kind: GPU, value: 2}}
            - {discrete_resource_spec: {kind: none, value: 0}}
configs: {account: {content: x}}
"""


@pytest.fixture
def spec(tmp_path: Path) -> dict[str, Any]:
    (tmp_path / "stack.yaml").write_text(TEXT)
    stack = load_stack(tmp_path / "stack.yaml", name="s", environment={})
    return service_spec(stack, stack.services[0], images={}, api_version=(1, 45))


def test_every_option_of_a_container_has_its_place_in_the_spec(spec: dict[str, Any]) -> None:
    task = spec["TaskTemplate"]
    container = task["ContainerSpec"]
    assert container["Hosts"] == ["10.0.0.1 db"]
    assert container["DNSConfig"] == {"Nameservers": ["1.1.1.1"]}
    assert (container["TTY"], container["OpenStdin"], container["Isolation"]) == (True, True, "default")
    assert container["Mounts"][1] == {
        "Type": "cluster", "Target": "/fast", "Source": "group:fast", "ClusterOptions": {}
    }  # fmt: skip
    assert task["LogDriver"] == {"Name": "json-file", "Options": {"max-file": "3"}}
    assert task["Networks"] == [{"Target": "s_default", "Aliases": ["a"], "DriverOpts": {"o": "p"}}]
    assert task["Resources"]["Reservations"]["GenericResources"] == [
        {"DiscreteResourceSpec": {"Kind": "GPU", "Value": 2}},
        {"DiscreteResourceSpec": {"Kind": "none"}},
    ]
    assert spec["Mode"] == {"ReplicatedJob": {"MaxConcurrent": 2, "TotalCompletions": 2}}


def test_the_config_of_an_account_is_sent_by_its_id_and_compared_by_its_name(spec: dict[str, Any]) -> None:
    sent = with_ids(spec, {"s_default": "n1"}, {}, {"s_account": "c1"})
    container = sent["TaskTemplate"]["ContainerSpec"]
    assert container["Privileges"] == {"CredentialSpec": {"Config": "c1"}}
    assert container["Configs"] == [{"ConfigName": "s_account", "Runtime": {}, "ConfigID": "c1"}]
    assert spec_changes(spec, with_names(sent, {"n1": "s_default"})) == ()
