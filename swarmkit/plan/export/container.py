"""The container half of a service, in the words of a stack file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from swarmkit.plan.export.objects import StackObjects
from swarmkit.plan.export.words import duration, said
from swarmkit.plan.export.yaml_text import FileMode
from swarmkit.plan.stacks.container_spec import NAMESPACE_LABEL, written

Spec = Mapping[str, Any]


def container_keys(container: Spec, objects: StackObjects) -> dict[str, Any]:
    """Return the keys of a service that say how its containers are; what they name goes to *objects*."""
    dns = container.get("DNSConfig") or {}
    keys = {
        "entrypoint": list(container.get("Command") or ()),
        "command": list(container.get("Args") or ()),
        "hostname": container.get("Hostname"),
        "user": container.get("User"),
        "working_dir": container.get("Dir"),
        "environment": environment(container),
        "labels": without(container.get("Labels"), NAMESPACE_LABEL),
        "extra_hosts": [_extra_host(line) for line in container.get("Hosts") or ()],
        "dns": list(dns.get("Nameservers") or ()),
        "dns_search": list(dns.get("Search") or ()),
        "dns_opt": list(dns.get("Options") or ()),
        "healthcheck": _health_check(container.get("Healthcheck") or {}),
        "volumes": [_mount(mount, objects) for mount in container.get("Mounts") or ()],
        "secrets": _references(container, "Secret", objects),
        "configs": _references(container, "Config", objects),
        "credential_spec": _credential_spec(container, objects),
        "isolation": "" if container.get("Isolation") == "default" else container.get("Isolation"),
        "cap_add": list(container.get("CapabilityAdd") or ()),
        "cap_drop": list(container.get("CapabilityDrop") or ()),
        "sysctls": dict(container.get("Sysctls") or {}),
        "ulimits": _ulimits(container),
        "stop_signal": container.get("StopSignal"),
        "stop_grace_period": duration(container.get("StopGracePeriod")),
    }
    flags = (("read_only", "ReadOnly"), ("stdin_open", "OpenStdin"), ("tty", "TTY"), ("oom_score_adj", "OomScoreAdj"))
    init = {} if container.get("Init") is None else {"init": container["Init"]}
    return written(keys) | said({key: container.get(name) for key, name in flags}) | init


def without(labels: Mapping[str, str] | None, *ours: str) -> dict[str, str]:
    """Return the *labels* that a stack file declares."""
    return {key: value for key, value in sorted((labels or {}).items()) if key not in ours}


def environment(container: Spec) -> dict[str, str | None]:
    """Return the variables; None for one that is named without a value."""
    found = {}
    for line in container.get("Env") or ():
        name, equals, value = line.partition("=")
        if name:
            found[name] = value if equals else None
    return found


def _extra_host(line: str) -> str:
    address, _, names = line.partition(" ")
    return f"{names.strip()}:{address}"


def _health_check(check: Spec) -> dict[str, Any]:
    test = list(check.get("Test") or ())
    if test[:1] == ["NONE"]:
        return {"disable": True}
    times = (("interval", "Interval"), ("timeout", "Timeout"), ("start_period", "StartPeriod"))
    spans = {key: duration(check.get(name)) for key, name in (*times, ("start_interval", "StartInterval"))}
    return said({"test": test, **spans, "retries": check.get("Retries")})


def _mount(mount: Spec, objects: StackObjects) -> dict[str, Any]:
    kind = mount.get("Type") or "volume"
    options = mount.get("VolumeOptions") or {}
    propagation = (mount.get("BindOptions") or {}).get("Propagation")
    inner = {
        "bind": {"propagation": "" if propagation == "rprivate" else propagation},
        "volume": {"nocopy": options.get("NoCopy"), "subpath": options.get("Subpath")},
        # Docker's schema takes bytes here.
        "tmpfs": {"size": (mount.get("TmpfsOptions") or {}).get("SizeBytes")},
    }
    source = str(mount.get("Source") or "")
    is_named = source and kind in ("volume", "cluster") and not source.startswith("group:")
    keys = {
        "type": kind,
        "source": objects.volume(mount) if is_named else source,
        "target": mount.get("Target"),
        "read_only": mount.get("ReadOnly"),
        "consistency": mount.get("Consistency"),
        # A named pipe takes a bind's options.
        "bind" if kind == "npipe" else kind: said(inner.get("bind" if kind == "npipe" else kind, {})),
    }
    return said(keys)


def _references(container: Spec, what: str, objects: StackObjects) -> list[str | dict[str, Any]]:
    """Return the secrets or configs that are files in the container."""
    return [
        _reference(one["File"], objects.file(what, str(one[f"{what}Name"])))
        for one in container.get(f"{what}s") or ()
        if one.get("File")
    ]


def _reference(file: Spec, key: str) -> str | dict[str, Any]:
    keys: dict[str, Any] = {"source": key, "target": file.get("Name")}
    keys |= {word: file[name] for word, name in (("uid", "UID"), ("gid", "GID")) if file.get(name) not in (None, "0")}
    mode = int(file.get("Mode") or 0)
    keys |= {} if mode == 0o444 else {"mode": FileMode(mode)}
    return key if keys == {"source": key, "target": key} else keys


def _credential_spec(container: Spec, objects: StackObjects) -> dict[str, str]:
    account = (container.get("Privileges") or {}).get("CredentialSpec") or {}
    config = objects.file("Config", account["Config"]) if account.get("Config") else ""
    return written({"config": config, "file": account.get("File"), "registry": account.get("Registry")})


def _ulimits(container: Spec) -> dict[str, dict[str, int]]:
    return {
        str(one["Name"]): {"soft": int(one.get("Soft") or 0), "hard": int(one.get("Hard") or 0)}
        for one in container.get("Ulimits") or ()
    }
