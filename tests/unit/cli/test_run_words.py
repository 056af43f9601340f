"""Words of `docker run` that go to the engine: each comes to its place in the body, and bad values are told."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner
from fakes.swarm import fake_fleet

from swarmkit.cli.main import cli
from swarmkit.cli.run import _from_files
from swarmkit.cli.run_words import NO_TERMINAL, WORDS, asked, engine_words
from swarmkit.declared.inventory.host import Host
from swarmkit.errors import InputError, SwarmkitError
from swarmkit.plan.containers.operations import RunContainer
from swarmkit.plan.containers.wish import ContainerWish
from swarmkit.plan.context import Context
from swarmkit.plan.model import Step
from swarmkit.plan.progress import Silent
from swarmkit.reach.fleet import Fleet


@click.command()
@engine_words
def probe() -> None:
    click.echo(json.dumps(asked()))


def body(*words: str) -> dict[str, Any]:
    done = CliRunner().invoke(probe, list(words), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.output)
    return found


def host(*words: str) -> dict[str, Any]:
    made = body(*words)
    assert set(made) == {"HostConfig"}
    found: dict[str, Any] = made["HostConfig"]
    return found


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["-m", "512m", "--cpus", "0.5"], {"Memory": 512 << 20, "NanoCpus": 500_000_000}),
        (["--memory-swap", "-1", "--shm-size", "64m"], {"MemorySwap": -1, "ShmSize": 64 << 20}),
        (["--ulimit", "nofile=10:20", "--ulimit", "core=-1"],
         {"Ulimits": [{"Name": "nofile", "Soft": 10, "Hard": 20}, {"Name": "core", "Soft": -1, "Hard": -1}]}),
        (["--sysctl", "net.core.somaxconn=9"], {"Sysctls": {"net.core.somaxconn": "9"}}),
        (["--tmpfs", "/run", "--tmpfs", "/tmp:size=1m,ro"], {"Tmpfs": {"/run": "", "/tmp": "size=1m,ro"}}),
        (["--device", "/dev/a", "--device", "/dev/b:/dev/c:r"],
         {"Devices": [
             {"PathOnHost": "/dev/a", "PathInContainer": "/dev/a", "CgroupPermissions": "rwm"},
             {"PathOnHost": "/dev/b", "PathInContainer": "/dev/c", "CgroupPermissions": "r"},
         ]}),
        (["--privileged", "--group-add", "7", "--pids-limit", "9"],
         {"Privileged": True, "GroupAdd": ["7"], "PidsLimit": 9}),
        (["--security-opt", "no-new-privileges", "--security-opt", "seccomp=unconfined"],
         {"SecurityOpt": ["no-new-privileges", "seccomp=unconfined"]}),
        (["--log-driver", "json-file", "--log-opt", "max-size=1m"],
         {"LogConfig": {"Type": "json-file", "Config": {"max-size": "1m"}}}),
        (["--mount", "type=bind,source=/a,target=/b,readonly,bind-propagation=rslave"],
         {"Mounts": [{"Type": "bind", "Source": "/a", "Target": "/b", "ReadOnly": True,
                      "BindOptions": {"Propagation": "rslave"}}]}),
        (["--mount", 'src=v,dst=/b,volume-opt=type=nfs,"volume-opt=o=addr=a,rw",volume-label=a=b,volume-driver=local'],
         {"Mounts": [{"Type": "volume", "Source": "v", "Target": "/b", "VolumeOptions": {
             "DriverConfig": {"Name": "local", "Options": {"type": "nfs", "o": "addr=a,rw"}}, "Labels": {"a": "b"}}}]}),
        (["--mount", "type=tmpfs,target=/b,tmpfs-size=1m,tmpfs-mode=1770"],
         {"Mounts": [{"Type": "tmpfs", "Target": "/b", "TmpfsOptions": {"SizeBytes": 1 << 20, "Mode": 0o1770}}]}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)  # fmt: skip
def test_a_word_comes_to_its_place(words: list[str], expected: Mapping[str, Any]) -> None:
    assert host(*words) == expected


def test_the_words_of_the_container_itself_come_beside_the_hosts() -> None:
    words = ("--stop-signal", "USR1", "--stop-timeout", "3", "--health-cmd", "true", "--health-interval", "1m30s")
    assert body(*words) == {
        "StopSignal": "USR1",
        "StopTimeout": 3,
        "Healthcheck": {"Test": ["CMD-SHELL", "true"], "Interval": 90 * 10**9},
    }
    assert body("--no-healthcheck") == {"Healthcheck": {"Test": ["NONE"]}}


def test_every_word_is_taken_and_none_leaves_a_trace_where_it_is_not_given() -> None:
    assert body() == {}
    examples = {"settings": "a=b", "ulimits": "core=1", "devices": "/dev/a", "mounts": "target=/a", "tmpfs": "/a"}
    for word in WORDS:
        value = examples.get(word.read.__name__, "8s" if word.read.__name__ == "span" else "8")
        assert body(word.names[-1], *([] if word.is_flag else [value])), word.names


def test_a_seccomp_profile_is_read_where_the_command_runs(tmp_path: Path) -> None:
    (tmp_path / "profile.json").write_text('{"defaultAction": "SCMP_ACT_ALLOW"}')
    made = host("--security-opt", f"seccomp={tmp_path}/profile.json")
    assert made == {"SecurityOpt": ['seccomp={"defaultAction":"SCMP_ACT_ALLOW"}']}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["-m", "much"], "no amount of memory"),
        (["--cpus", "half"], "no number of CPUs"),
        (["--pids-limit", "few"], "no whole number"),
        (["--health-interval", "soon"], "no duration"),
        (["--ulimit", "nofile"], "no KEY=VALUE"),
        (["--ulimit", "nofle=5"], "there is no ulimit 'nofle'"),
        (["--ulimit", "nofile=20:10"], "soft 20 is above hard 10"),
        (["--sysctl", "=1"], "no KEY=VALUE"),
        (["--device", "a:b:c:d"], "no device"),
        (["--mount", "type=bind,sorce=/a,target=/b"], "'sorce=/a' is none of its words"),
        (["--mount", "type=bind,source=/a"], "names no target"),
        (["--mount", "type=bind,source=/a,\ntarget=/b"], "is no line of words"),
        (["--mount", "type=bind,source=/a,\rtarget=/b"], "is no line of words"),
        (["--mount", "target=/a,readonly=maybe"], "neither true nor false"),
        (["--mount", "type=tmpfs,target=/a,tmpfs-mode=rwx"], "no mode"),
        (["--security-opt", "seccomp=/no/such"], "cannot read the seccomp profile"),
        (["--security-opt", "systempaths=unconfined"], "not known here"),
        (["--no-healthcheck", "--health-cmd", "true"], "exclude each other"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_is_no_value_of_a_word_is_told(words: list[str], says: str) -> None:
    with pytest.raises(InputError, match=says):
        CliRunner().invoke(probe, words, catch_exceptions=False)


@pytest.mark.parametrize("word", ["-it", "-ti", "-t", "--tty", "--interactive", "-dit", "-a", "-i"])
def test_a_terminal_is_refused_as_that_and_not_as_an_inventory(word: str) -> None:
    """`run -it --on A alpine sh` ended with: cannot read inventory 't'."""
    with pytest.raises(InputError, match=NO_TERMINAL) as caught:
        CliRunner().invoke(cli, ["run", word, "--on", "A", "alpine", "sh"], catch_exceptions=False)
    assert "docker exec -it" in caught.value.to_do


def test_what_follows_the_image_is_the_containers_own_and_no_terminal_of_ours() -> None:
    words = ["run", "-i", "/no/such/hosts.yaml", "--on", "A", "alpine", "ls", "-t"]
    with pytest.raises(InputError, match="inventory") as caught:
        CliRunner().invoke(cli, words, catch_exceptions=False)
    assert NO_TERMINAL not in caught.value.what


def test_files_of_variables_and_labels_are_read_as_dockers_tool_reads_them(tmp_path: Path) -> None:
    path = tmp_path / "variables"
    path.write_text("\ufeff# comment\n\nA=b c\n  B=\nHERE\nGONE\n", encoding="utf-8")
    assert _from_files("--env-file", (str(path),), {"HERE": "x"}) == {"A": "b c", "B": "", "HERE": "x"}
    assert _from_files("--label-file", (str(path),), None) == {"A": "b c", "B": "", "HERE": "", "GONE": ""}
    path.write_text("A=b\nsome secret\n")
    with pytest.raises(InputError, match="line 2: not KEY=VALUE") as caught:
        _from_files("--env-file", (str(path),), {})
    assert "secret" not in str(caught.value)
    with pytest.raises(InputError, match="cannot read"):
        _from_files("--env-file", (str(tmp_path / "none"),), {})


LIMITS = {"Memory": 5, "Ulimits": [{"Name": "core", "Soft": 1}]}
SETTINGS = {"HostConfig": {"Memory": 5, "SecurityOpt": ["a"], "Ulimits": [{"Name": "core"}]}, "StopSignal": "USR1"}


def test_settings_lie_over_the_containers_own_body() -> None:
    made = ContainerWish("i:1", name="n", read_only=True, settings=SETTINGS).body
    assert made["StopSignal"] == "USR1"
    assert (made["HostConfig"]["Memory"], made["HostConfig"]["ReadonlyRootfs"]) == (5, True)


def test_what_an_engine_dropped_of_the_settings_is_named() -> None:
    wish = ContainerWish("i:1", settings=SETTINGS)
    kept = {"Memory": 5, "SecurityOpt": ["b", "a"], "Ulimits": [{"Name": "core", "Hard": 1}], "More": 1}
    assert wish.left_out_of({"HostConfig": kept, "Config": {"StopSignal": "USR1"}}) == ()
    assert wish.left_out_of({"HostConfig": {**kept, "Memory": 0}, "Config": {}}) == ("StopSignal", "Memory")
    no_limit = ContainerWish("i:1", settings={"HostConfig": {"PidsLimit": -1, "MemorySwap": 0}})
    assert no_limit.left_out_of({"HostConfig": {"PidsLimit": None}}) == ()


@pytest.mark.parametrize("mode", ["PidMode", "IpcMode"])
def test_a_container_by_name_whose_namespace_is_taken_is_kept_by_its_id(mode: str) -> None:
    """An engine writes the ID in the name's place: the command ended with 1, though it ran as asked."""
    wish = ContainerWish("i:1", settings={"HostConfig": {mode: "container:web"}})
    assert wish.left_out_of({"HostConfig": {mode: f"container:{'4f' * 32}"}}) == ()
    for other in ("", "host", "private", "container:"):
        assert wish.left_out_of({"HostConfig": {mode: other}}) == (mode,), other
    private = ContainerWish("i:1", settings={"HostConfig": {mode: "private"}})
    assert private.left_out_of({"HostConfig": {mode: f"container:{'4f' * 32}"}}) == (mode,)


class Forgetful:
    """An engine that starts a container and keeps none of its settings."""

    def create(self, _kind: str, _body: Mapping[str, Any]) -> str:
        return "made"

    def start_container(self, _identity: str) -> None:
        pass

    def inspect(self, _kind: str, _name: str) -> dict[str, Any]:
        endpoint = {"IPAddress": "172.17.0.2", "MacAddress": "", "NetworkID": "n"}
        return {"State": {"Running": True}, "NetworkSettings": {"Networks": {"bridge": endpoint}}, "HostConfig": {}}


def test_a_container_whose_engine_dropped_a_setting_is_told_after_its_start() -> None:
    (reached,) = fake_fleet([Host("A", "10.88.0.11", "manager")]).values()
    engine: Any = Forgetful()
    fleet: Fleet = {"A": replace(reached, engine=engine)}
    step = Step("container:n", "container", "create", "A", "run container n", "")
    context = Context(fleet, Silent(), "A")
    with pytest.raises(SwarmkitError, match=r"A: n runs, but its engine does not keep Memory, Ulimits") as caught:
        RunContainer(step, "A", ContainerWish("i:1", name="n", settings={"HostConfig": LIMITS})).run(context)
    assert "docker rm -f n" in caught.value.to_do
    assert "running" in RunContainer(step, "A", ContainerWish("i:1", name="n")).run(context)
