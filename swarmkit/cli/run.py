"""`swarmkit run`."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import click

from swarmkit.cli import options
from swarmkit.cli.run_words import asked, check_inventory, engine_words
from swarmkit.cli.up import images_option
from swarmkit.errors import InputError


@click.command(context_settings={"allow_interspersed_args": False})
@click.argument("image")
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
@options.checked_inventory_option(check_inventory)
@click.option("--on", "host", required=True, metavar="HOST", help="The host of the inventory that runs it.")
@click.option(
    "--network", "--net", "networks", multiple=True, metavar="NETWORK",
    help="bridge (default), host, none, a name or ID, or name=NETWORK,alias=NAME,ip=ADDRESS,...; may be given again.",
)  # fmt: skip
@click.option("--name", default="", help="Without: swarmkit-run- and a random word.")
@click.option("-d", "--detach", is_flag=True, help="Leave it running.")
@click.option("--rm", "remove", is_flag=True, help="Remove it when it has ended.")
@click.option("-p", "--publish", "published", multiple=True, metavar="[ADDRESS:]HOST:CONTAINER[/PROTOCOL]")
@click.option("-P", "--publish-all", is_flag=True, help="Publish what it listens on, by ports the engine chooses.")
@click.option("--expose", "exposed", multiple=True, metavar="PORT[-PORT][/PROTOCOL]", help="It listens on that.")
@click.option("-e", "--env", "environment", multiple=True, metavar="KEY[=VALUE]", help="KEY alone: as it is here.")
@click.option("--env-file", "env_files", multiple=True, metavar="FILE", help="Lines of KEY=VALUE; --env goes before.")
@click.option("-v", "--volume", "volumes", multiple=True, metavar="SOURCE:TARGET[:ro]")
@click.option("-l", "--label", "labels", multiple=True, metavar="KEY=VALUE")
@click.option("--label-file", "label_files", multiple=True, metavar="FILE", help="Lines of KEY=VALUE.")
@click.option("--network-alias", "aliases", multiple=True, metavar="NAME", help="A further name on the network.")
@click.option("--ip", default="", metavar="ADDRESS")
@click.option("--ip6", default="", metavar="ADDRESS")
@click.option("--link-local-ip", "link_local", multiple=True, metavar="ADDRESS")
@click.option("--link", "links", multiple=True, metavar="CONTAINER[:ALIAS]", help="Know CONTAINER by ALIAS.")
@click.option("--mac-address", default="", metavar="MAC")
@click.option("-h", "--hostname", default="", metavar="NAME")
@click.option("--domainname", default="", metavar="NAME")
@click.option("--dns", multiple=True, metavar="ADDRESS", help="A resolver for names that the network does not know.")
@click.option("--dns-search", multiple=True, metavar="DOMAIN")
@click.option("--dns-option", "dns_options", multiple=True, metavar="OPTION")
@click.option("--add-host", "extra_hosts", multiple=True, metavar="NAME:ADDRESS", help="ADDRESS may be host-gateway.")
@click.option("-w", "--workdir", "working_directory", default="", metavar="FOLDER")
@click.option("--init", is_flag=True, help="Have a first process that reaps and passes signals on.")
@click.option("--entrypoint", default="", metavar="PROGRAM")
@click.option("-u", "--user", default="", metavar="USER")
@click.option("--cap-add", multiple=True, metavar="CAP")
@click.option("--cap-drop", multiple=True, metavar="CAP")
@click.option("--read-only", is_flag=True)
@click.option(
    "--restart", default="no", metavar="POLICY", help="no, always, unless-stopped, on-failure or on-failure:TIMES."
)
@engine_words
@images_option
@options.yes_option
@options.ask_become_pass_option
def run(
    *,
    image: str,
    command: tuple[str, ...],
    inventory_file: Path,
    host: str,
    networks: tuple[str, ...],
    name: str,
    detach: bool,
    remove: bool,
    published: tuple[str, ...],
    publish_all: bool,
    exposed: tuple[str, ...],
    environment: tuple[str, ...],
    env_files: tuple[str, ...],
    volumes: tuple[str, ...],
    labels: tuple[str, ...],
    label_files: tuple[str, ...],
    aliases: tuple[str, ...],
    ip: str,
    ip6: str,
    link_local: tuple[str, ...],
    links: tuple[str, ...],
    mac_address: str,
    hostname: str,
    domainname: str,
    dns: tuple[str, ...],
    dns_search: tuple[str, ...],
    dns_options: tuple[str, ...],
    extra_hosts: tuple[str, ...],
    working_directory: str,
    init: bool,
    entrypoint: str,
    user: str,
    cap_add: tuple[str, ...],
    cap_drop: tuple[str, ...],
    read_only: bool,
    restart: str,
    images_folder: Path | None,
    yes: bool,
    ask_become_pass: bool,
) -> None:
    """Run a container on one host, in Docker's words; ends with the container's own exit code.

    What would not work (no such image or network, a port, name or address in use) is told before anything is made. An
    image is never pulled: where the host lacks it, --images sends it, as `up` does.
    Services of the swarm are declared in a stack file instead, and made by `swarmkit up`.
    """
    from swarmkit.cli.command_run import network_run
    from swarmkit.cli.networking.attachments import Attachment, read_attachments
    from swarmkit.cli.networking.subnets import addresses, ipv4_address, ipv6_address
    from swarmkit.cli.networking.words import container_links, pairs
    from swarmkit.declared.stack.image_archive import read_image_archives
    from swarmkit.plan.containers.wish import ContainerWish
    from swarmkit.plan.networks.endpoint_wish import EndpointWish
    from swarmkit.plan.stacks.container_spec import familiar
    from swarmkit.reach.published_ports import read_exposed, read_published
    from swarmkit.workflows.run import run_container

    archives = (
        {familiar(tag): archive for tag, archive in read_image_archives(images_folder).items()} if images_folder else {}
    )
    if remove and restart != "no":
        raise InputError("--rm removes the container at its end, --restart starts it again", to_do="give one of them")
    place = EndpointWish(
        ip=ipv4_address("--ip", ip),
        ip6=ipv6_address("--ip6", ip6),
        link_local=addresses("--link-local-ip", link_local),
        aliases=aliases,
        links=container_links(links),
    )
    places, mac_address = read_attachments(networks, Attachment("", place, mac_address))
    wish = ContainerWish(
        image=image,
        command=command,
        name=name or f"swarmkit-run-{secrets.token_hex(4)}",
        places=places,
        mac_address=mac_address,
        hostname=hostname,
        domainname=domainname,
        dns=dns,
        dns_search=dns_search,
        dns_options=dns_options,
        extra_hosts=_hosts(extra_hosts),
        working_directory=working_directory,
        init=init,
        published=read_published(published),
        publish_all=publish_all,
        exposed=read_exposed(exposed),
        environment=_from_files("--env-file", env_files, os.environ) | _environment(environment),
        labels=_from_files("--label-file", label_files, None) | pairs("--label", labels),
        entrypoint=entrypoint,
        user=user,
        volumes=volumes,
        cap_add=cap_add,
        cap_drop=cap_drop,
        read_only=read_only,
        restart=_restart(restart),
        removed_at_end=detach and remove,
        settings=asked(),
    )
    with network_run(
        "run", inventory_file, yes=yes, ask_become_pass=ask_become_pass, plan_is_result=detach
    ) as settings:
        report = run_container(settings, host, wish, archives=archives, detach=detach, remove=remove, output=_print)
    if report.exit_code:
        raise SystemExit(report.exit_code)


def _print(stream: Literal["stdout", "stderr"], said: bytes) -> None:
    to = sys.stdout if stream == "stdout" else sys.stderr
    to.flush()
    to.buffer.write(said)
    to.buffer.flush()


def _environment(words: tuple[str, ...]) -> dict[str, str]:
    """Return KEY=VALUE pairs; a KEY alone has the value it has here, and is left out when it has none."""
    pairs = {}
    for word in words:
        key, sign, value = word.partition("=")
        if not key:
            raise InputError(f"--env {word!r} has no name", to_do="write it as KEY=VALUE, or KEY")
        if sign:
            pairs[key] = value
        elif key in os.environ:
            pairs[key] = os.environ[key]
    return pairs


def _from_files(option: str, paths: tuple[str, ...], surroundings: Mapping[str, str] | None) -> dict[str, str]:
    """Return the pairs of all files; a KEY alone has its value of the *surroundings*, where there are any."""
    from swarmkit.declared.stack.env_file import lines_of

    found: dict[str, str] = {}
    for path in paths:
        try:
            text = Path(path).read_text(encoding="utf-8-sig")
        except (OSError, ValueError) as error:
            raise InputError(f"{option}: cannot read {path}: {getattr(error, 'strerror', None) or 'no text'}") from None
        for number, key, value in lines_of(text):
            if not key:
                # The line may hold a password: only its number is told.
                raise InputError(f"{option}: {path}, line {number}: not KEY=VALUE", to_do="no blanks before the =")
            given = value if value is not None else "" if surroundings is None else surroundings.get(key)
            found |= {key: given} if given is not None else {}
    return found


def _hosts(words: tuple[str, ...]) -> tuple[str, ...]:
    """Return NAME:ADDRESS pairs; Docker takes NAME=ADDRESS too, and brackets around an IPv6 address."""
    from swarmkit.declared.inventory.addresses import extra_host, is_extra_host

    pairs = [(word, *extra_host(word)) for word in words]
    for word, name, address in pairs:
        if not is_extra_host(name, address):
            raise InputError(f"--add-host {word!r} names no address", to_do="write it as NAME:ADDRESS")
    return tuple(f"{name}:{address}" for _, name, address in pairs)


def _restart(policy: str) -> str:
    name, colon, count = policy.partition(":")
    counts = name == "on-failure" and count.isascii() and count.isdigit()
    if name not in ("no", "always", "unless-stopped", "on-failure") or (colon and not counts):
        raise InputError(f"--restart {policy!r} is no policy", to_do="no, always, unless-stopped or on-failure[:TIMES]")
    return policy
