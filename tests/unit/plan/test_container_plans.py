"""What `swarmkit run` refuses before it makes a container."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from fakes.swarm import write_archive

from swarmkit.cli.networking.attachments import Attachment, read_attachments
from swarmkit.cli.run import run
from swarmkit.declared.stack.image_archive import read_image_archives
from swarmkit.errors import InputError
from swarmkit.observed.networks import HostNetwork
from swarmkit.plan.containers.operations import RunContainer
from swarmkit.plan.containers.planner import ContainerPlace, plan_run
from swarmkit.plan.containers.wish import ContainerWish
from swarmkit.plan.networks.endpoint_wish import EndpointWish
from swarmkit.plan.stacks.operations import SendImage
from swarmkit.reach.published_ports import read_exposed, read_published

WISH = ContainerWish("web:1", name="web", published=read_published(["8080:80", "127.0.0.1:53:53/udp", "443"]))


def network(name: str, driver: str, scope: str, **raw: Any) -> HostNetwork:
    return HostNetwork("A", f"id-{name}", name, driver, scope, raw, {"db": "10.1.0.5"})


def place(**changed: Any) -> ContainerPlace:
    image = {"Config": {"ExposedPorts": {"80/tcp": {}}}}
    networks = (
        network("bridge", "bridge", "local"),
        network("app", "bridge", "local"),
        network("shop", "overlay", "swarm", Attachable=False),
        network("open", "overlay", "swarm", Attachable=True),
    )
    settings = {"image": image, "container_names": frozenset({"db"}), "networks": networks, "listened": frozenset()}
    return ContainerPlace("A", **{**settings, **changed})


def refused(wish: ContainerWish, place: ContainerPlace) -> list[tuple[str, str]]:
    return [(finding.code, finding.what) for finding in plan_run(wish, place).refusals]


def with_network(name: str, **words: Any) -> ContainerWish:
    place = {field.name: words.pop(field.name) for field in dataclasses.fields(EndpointWish) if field.name in words}
    places = {name: EndpointWish(**place), **words.pop("others", {})}
    return ContainerWish("web:1", name="web", places=places, **words)


def test_ports_are_read_as_docker_reads_them() -> None:
    assert WISH.host_ports == {"8080/tcp", "53/udp"}
    assert WISH.published["443/tcp"] == [{"HostIp": "", "HostPort": ""}]
    assert WISH.published["53/udp"] == [{"HostIp": "127.0.0.1", "HostPort": "53"}]
    with pytest.raises(InputError, match=r"(?s)'a:b'.*'c:d'"):
        read_published(["a:b", "80:80", "c:d"])


def test_exposed_ports_are_read_with_ranges_and_what_is_none_is_refused() -> None:
    assert read_exposed(["80", "53/udp", "8000-8002", "80/tcp"]) == (
        "80/tcp", "53/udp", "8000/tcp", "8001/tcp", "8002/tcp",
    )  # fmt: skip
    for word in ("", "0", "65536", "9-8", "80/xyz", "a", "1-", "-1"):
        with pytest.raises(InputError, match="is no port"):
            read_exposed([word])


def test_words_of_a_containers_place_on_its_network_are_sent_as_dockers_tool_does() -> None:
    words = {"ip6": "fd00:1::5", "link_local": ("169.254.8.8",), "links": ("db:store",), "aliases": ("me",)}
    wish = with_network("app", **words, exposed=("80/tcp",), publish_all=True, domainname="shop.example")
    assert wish.body["NetworkingConfig"]["EndpointsConfig"] == {
        "app": {
            "IPAMConfig": {"IPv6Address": "fd00:1::5", "LinkLocalIPs": ["169.254.8.8"]},
            "Aliases": ["me"],
            "Links": ["db:store"],
        }
    }
    config = wish.body["HostConfig"]
    assert (config["Links"], config["PublishAllPorts"]) == (["db:store"], True)
    assert (wish.body["ExposedPorts"], wish.body["Domainname"]) == ({"80/tcp": {}}, "shop.example")
    own = with_network("bridge", links=("db:store",)).body
    assert (own["HostConfig"]["Links"], "NetworkingConfig" in own) == (["db:store"], False)


@pytest.mark.parametrize(
    "words", [{"ip6": "fd00:1::5"}, {"links": ("db:db",)}, {"publish_all": True}, {"link_local": ("169.254.8.8",)}]
)
def test_what_needs_a_network_of_its_own_is_refused_on_the_hosts(words: dict[str, Any]) -> None:
    assert [code for code, _ in refused(with_network("host", **words), place())] == ["D14"]


def test_an_address_that_the_network_cannot_give_is_refused() -> None:
    raw = {"IPAM": {"Config": [{"Subnet": "10.1.0.0/24"}, {"Subnet": "fd00:1::/64"}]}}
    six = {"users6": {"cache": "fd00:1::5"}}
    app = dataclasses.replace(network("app", "bridge", "local", **raw), **six)
    where = place(networks=(app,))
    assert refused(with_network("app", ip="10.2.0.9"), where) == [
        ("D12", "the address 10.2.0.9 is in no subnet of network app")
    ]
    assert refused(with_network("app", ip6="fd00:1::5"), where) == [("D12", "the address fd00:1::5 is in use")]
    assert refused(with_network("app", ip6="fd00:1::6", ip="10.1.0.6"), where) == []


def test_values_of_the_environment_are_sent_and_not_shown() -> None:
    wish = ContainerWish("web:1", environment={"PASSWORD": "s3cret"})
    assert wish.body["Env"] == ["PASSWORD=s3cret"]
    assert "s3cret" not in repr(wish)


def test_names_and_resolvers_are_handed_on_and_a_host_without_an_address_is_refused() -> None:
    wish = ContainerWish("web:1", dns=("10.1.0.9",), dns_search=("shop.example",), extra_hosts=("db:10.1.0.5",))
    config = wish.body["HostConfig"]
    assert (config["Dns"], config["DnsSearch"], config["ExtraHosts"]) == (
        ["10.1.0.9"],
        ["shop.example"],
        ["db:10.1.0.5"],
    )
    assert "Init" not in config
    done = CliRunner().invoke(run, ["-i", "x", "--on", "A", "--add-host", "db", "web:1"])
    assert isinstance(done.exception, InputError)


@pytest.mark.parametrize("words", [["always:3"], ["on-failure:²"], ["on-failure:"], ["on-failure", "--rm"]])
def test_a_restart_policy_that_is_none_is_refused(words: list[str]) -> None:
    done = CliRunner().invoke(run, ["-i", "x", "--on", "A", "--restart", *words, "web:1"])
    assert isinstance(done.exception, InputError)
    assert "--restart" in str(done.exception)


def test_all_that_is_missing_or_taken_is_told_at_once() -> None:
    taken = place(image=None, container_names=frozenset({"web"}), listened=frozenset({"8080/tcp", "53/udp"}))
    assert [code for code, _ in refused(WISH, taken)] == ["H76", "D15", "H80", "H80"]
    assert not plan_run(WISH, place()).refusals


def test_a_port_that_only_the_other_protocol_has_is_free() -> None:
    assert not refused(WISH, place(listened=frozenset({"8080/udp", "53/tcp"})))


def test_on_the_hosts_own_network_the_ports_that_the_image_exposes_must_be_free() -> None:
    found = refused(with_network("host"), place(listened=frozenset({"80/tcp"})))
    assert found == [("H80", "port 80/tcp is taken on A")]


def test_without_a_network_nothing_can_be_published() -> None:
    assert refused(with_network("none", published=WISH.published), place())
    assert not refused(with_network("none"), place())


def test_a_service_network_takes_no_container_and_an_attachable_one_does() -> None:
    assert refused(with_network("shop"), place()) == [
        ("D14", "network shop is for services alone: it is not attachable")
    ]
    assert refused(with_network("nowhere"), place()) == [("D14", "there is no network nowhere on A")]
    assert not refused(with_network("open"), place())


def test_an_address_that_a_container_has_or_that_answers_is_refused() -> None:
    assert refused(with_network("app", ip="10.1.0.5"), place()) == [("D12", "the address 10.1.0.5 is in use")]
    assert refused(with_network("app", ip="10.1.0.6"), place(answering=frozenset({"10.1.0.6"})))
    assert not refused(with_network("app", ip="10.1.0.6"), place())


def several(*words: str, **flags: str) -> tuple[dict[str, EndpointWish], str]:
    place = EndpointWish(ip=flags.get("ip", ""), aliases=tuple(filter(None, [flags.get("alias", "")])))
    return read_attachments(words, Attachment("", place, flags.get("mac", "")))


def test_the_words_of_a_place_are_the_first_networks_and_each_network_may_say_its_own() -> None:
    places, mac_address = several(
        "app", "name=open,alias=me,alias=too,ip=10.2.0.9,driver-opt=a=b", ip="10.1.0.9", mac="02::1"
    )
    assert list(places) == ["app", "open"]
    assert (places["app"].ip, mac_address) == ("10.1.0.9", "02::1")
    assert places["open"] == EndpointWish(ip="10.2.0.9", aliases=("me", "too"), options={"a": "b"})
    assert several() == ({"bridge": EndpointWish()}, "")


@pytest.mark.parametrize(
    ("words", "flags", "what"),
    [
        (["app", "app"], {}, "given twice"),
        (["app", "host"], {}, "the engine's own"),
        (["bridge", "app"], {}, "the engine's own"),
        (["app", "name=open,mac-address=02:00:00:00:00:01"], {}, "first network alone"),
        (["name=app,ip=10.1.0.9"], {"ip": "10.1.0.8"}, "--ip is said by --network"),
        (["name=app,alias=x"], {"alias": "y"}, "--network-alias is said"),
        (["alias=x"], {}, "names no network"),
        (["name=app,ip=10.1"], {}, "no IPv4 address"),
        (["name=app,gw-priority=1"], {}, "'gw-priority=1' is not known"),
        (["name=app,ip=10.1.0.1,ip=10.1.0.2"], {}, "says ip twice"),
        ([""], {}, "is no network"),
    ],
)
def test_networks_that_contradict_each_other_are_refused(words: list[str], flags: dict[str, str], what: str) -> None:
    with pytest.raises(InputError, match=what):
        several(*words, **flags)


def test_each_of_several_networks_is_looked_at_and_may_be_an_id() -> None:
    wish = with_network("app", others={"open": EndpointWish(ip="10.1.0.5"), "shop": EndpointWish()})
    assert refused(wish, place()) == [
        ("D12", "the address 10.1.0.5 is in use"),
        ("D14", "network shop is for services alone: it is not attachable"),
    ]
    (operation,) = plan_run(with_network("id-app", others={"id-op": EndpointWish()}), place()).operations
    assert isinstance(operation, RunContainer)
    assert (operation.wish.network, list(operation.wish.others)) == ("app", ["open"])
    assert operation.step.reason == "web:1 on bridge network app and overlay network open"
    assert refused(with_network("app", others={"id-app": EndpointWish()}), place()) == [
        ("D14", "--network app and id-app are one network")
    ]
    assert refused(with_network("app", others={"id-bridge": EndpointWish()}), place()) == [
        ("D14", "--network id-bridge is the engine's own bridge, and goes with no other")
    ]
    assert refused(with_network("id-"), place()) == [("D14", "id- begins the IDs of 4 networks on A")]


@pytest.mark.parametrize("words", [{"aliases": ("me",)}, {"ip": "172.17.0.9"}])
def test_what_the_engine_s_own_bridge_does_not_give_is_refused_with_the_network_that_does(
    words: dict[str, Any],
) -> None:
    (finding,) = plan_run(with_network("bridge", **words), place()).refusals
    assert (finding.code, "swarmkit network create" in finding.remedy) == ("D14", True)


def test_an_image_that_the_host_lacks_is_sent_before_the_container_is_made(tmp_path: Path) -> None:
    image_id = write_archive(tmp_path / "web.tar", "web:1", exposed="81/tcp")
    archive = read_image_archives(tmp_path)["web:1"]
    sending, running = plan_run(WISH, place(image=None, sent=archive)).operations
    assert isinstance(sending, SendImage)
    assert (sending.archive.image_id, running.step.after) == (image_id, {sending.step.key})
    lacking = place(image=None, sent=archive, listened=frozenset({"81/tcp"}))
    assert refused(with_network("host"), lacking) == [("H80", "port 81/tcp is taken on A")]
    (finding,) = plan_run(WISH, place(image=None)).refusals
    assert "--images DIR" in finding.remedy
