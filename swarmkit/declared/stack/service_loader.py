"""One service of a stack file."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from pathlib import Path

from swarmkit.declared.documents.complaints import shown
from swarmkit.declared.documents.field import Field
from swarmkit.declared.stack import values
from swarmkit.declared.stack.attachment_loader import read_networks, read_references
from swarmkit.declared.stack.container_loader import (
    read_credential_spec,
    read_dns,
    read_extra_hosts,
    read_logging,
    read_ulimits,
)
from swarmkit.declared.stack.dependency_loader import read_dependencies
from swarmkit.declared.stack.deploy_loader import read_deploy, read_restart
from swarmkit.declared.stack.env_file import read_environment
from swarmkit.declared.stack.health_loader import read_health_check
from swarmkit.declared.stack.mount_loader import read_mounts
from swarmkit.declared.stack.port_loader import read_ports
from swarmkit.declared.stack.refused_keys import refuse_other_keys
from swarmkit.declared.stack.runtime_checks import (
    refuse_relative_folder,
    refuse_unknown_signal,
    warn_of_the_hosts_sysctls,
    warn_of_unknown_capabilities,
)
from swarmkit.declared.stack.service import Deploy, Service
from swarmkit.declared.stack.stack_keys import KEYS

# distribution/reference: domain, path, tag and digest; or an image's own ID.
_IMAGE = re.compile(
    r"sha256:[0-9a-f]{64}|(?:[A-Za-z0-9.-]+(?::[0-9]+)?/|\[[0-9a-fA-F:]+\](?::[0-9]+)?/)?"
    r"[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*)*"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?(?P<digest>@[a-z0-9+.]+:[0-9a-fA-F]{32,})?",
    re.ASCII,
)

_CHECKS: Mapping[str, Callable[[Field], None]] = {
    "working_dir": refuse_relative_folder,
    "stop_signal": refuse_unknown_signal,
    "cap_add": warn_of_unknown_capabilities,
    "cap_drop": warn_of_unknown_capabilities,
    "sysctls": warn_of_the_hosts_sysctls,
}
"""What a host judges alone of a service's own values."""


def read_service(
    name: str, field: Field, environment: Mapping[str, str], folder: Path, *, services: Collection[str]
) -> Service:
    """Return the service as far as it can be read; what is wrong with it goes to the field's log.

    Relative paths are seen from *folder*. *services* are the names of all of the stack.
    """
    refuse_other_keys(field, KEYS["services.*"], is_service=True)
    parts = field.fields()
    for key, check in _CHECKS.items():
        if key in parts and not parts[key].is_empty:
            check(parts[key])
    return Service(
        name=name,
        image=_image(parts.get("image"), field),
        command=values.command(parts.get("command")),
        entrypoint=values.command(parts.get("entrypoint")),
        environment=read_environment(parts, folder, environment),
        hostname=_string(parts, "hostname"),
        extra_hosts=read_extra_hosts(parts.get("extra_hosts")),
        dns=read_dns(parts),
        user=_string(parts, "user"),
        working_dir=_string(parts, "working_dir"),
        labels=values.labels(parts.get("labels")),
        health_check=read_health_check(parts.get("healthcheck")),
        networks=read_networks(parts.get("networks")),
        ports=read_ports(parts.get("ports")),
        mounts=read_mounts(parts.get("volumes"), folder, environment),
        secrets=read_references(parts.get("secrets"), what="secret"),
        configs=read_references(parts.get("configs"), what="config"),
        depends_on=read_dependencies(parts.get("depends_on"), services),
        read_only=_boolean(parts, "read_only") or False,
        logging=read_logging(parts.get("logging")),
        stdin_open=_boolean(parts, "stdin_open") or False,
        tty=_boolean(parts, "tty") or False,
        init=_boolean(parts, "init"),
        isolation=_string(parts, "isolation"),
        credential_spec=read_credential_spec(parts.get("credential_spec")),
        oom_score_adj=(parts["oom_score_adj"].integer("B42", -1000, 1000) if "oom_score_adj" in parts else 0) or 0,
        cap_add=_strings(parts, "cap_add"),
        cap_drop=_strings(parts, "cap_drop"),
        ulimits=read_ulimits(parts.get("ulimits")),
        sysctls=values.labels(parts.get("sysctls")),
        stop_signal=_string(parts, "stop_signal"),
        stop_grace_period_nanoseconds=values.duration(parts.get("stop_grace_period")),
        deploy=_deploy(parts),
        place=field.log.place(field.node),
    )


def _image(field: Field | None, service: Field) -> str:
    if field is None:
        service.refuse("B28", "image is required")
        return ""
    image = field.text("B28") or ""
    match = _IMAGE.fullmatch(image)
    if image and not match:
        field.refuse("B28", f"{shown(image)} is not an image reference", "write it as name:tag, in lower case")
    elif match and not match["digest"] and not image.startswith("sha256:") and match["tag"] in (None, "latest"):
        field.warn("B30", f"image {shown(image)} is not pinned: what it names may change", "write a tag or a digest")
    return image


def _deploy(parts: dict[str, Field]) -> Deploy:
    """Return the section; without a restart policy of its own, the older ``restart`` key counts, as in docker."""
    deploy = read_deploy(parts.get("deploy"))
    if "restart" not in parts or parts["restart"].is_empty:
        return deploy
    policy = read_restart(parts["restart"], is_passed_over=deploy.restart_policy is not None)
    return deploy if deploy.restart_policy else replace(deploy, restart_policy=policy)


def _string(parts: dict[str, Field], key: str) -> str | None:
    return values.string(parts[key]) or None if key in parts else None


def _strings(parts: dict[str, Field], key: str) -> tuple[str, ...]:
    return values.strings(parts[key]) if key in parts else ()


def _boolean(parts: dict[str, Field], key: str) -> bool | None:
    return parts[key].boolean() if key in parts and not parts[key].is_empty else None
