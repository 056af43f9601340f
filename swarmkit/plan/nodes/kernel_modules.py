"""How a kernel comes by what it lacks, by what keeps its modules from it; pure.

What is lacking has been tried by modprobe already, as the host was read: to tell of that alone would change nothing.
"""

from __future__ import annotations

import re

from swarmkit.observed.model import HostFacts, KernelFacts, ModuleFacts

_MODULES = {
    "esp": ("esp4", "xfrm_user", "xfrm_algo"),
    "policy": ("xfrm_user", "xfrm_algo"),
    "mark": ("xt_bpf",),
    "refuse": ("xt_policy",),
    "vxlan": ("vxlan",),
    "ipvs": ("ip_vs",),
    "mesh": ("xt_ipvs", "xt_REDIRECT", "xt_mark"),
}
_KNOWN = frozenset(name for names in _MODULES.values() for name in names)
_OPTIONS = {
    "esp": "CONFIG_INET_ESP and CONFIG_XFRM_USER",
    "policy": "CONFIG_XFRM_USER",
    "mark": "CONFIG_NETFILTER_XT_MATCH_BPF",
    "refuse": "CONFIG_NETFILTER_XT_MATCH_POLICY",
    "vxlan": "CONFIG_VXLAN",
    "ipvs": "CONFIG_IP_VS",
    "mesh": "CONFIG_NETFILTER_XT_MATCH_IPVS",
}
_CIPHER = ("gcm", "seqiv")
_CIPHER_OPTIONS = "CONFIG_CRYPTO_GCM and CONFIG_CRYPTO_SEQIV"
_NO_CIPHER = ("Function not implemented", "AEAD algorithm", "No such file or directory", "cryptographic operations")
"""What the kernel says of an ESP state whose cipher it has not; net/xfrm/xfrm_user.c, net/ipv4/esp4.c."""
_NO_MODPROBE = re.compile(r"modprobe: (command )?not found")
_PACKAGES = {
    "ubuntu": "apt-get install -y linux-modules-extra-$(uname -r)",
    "debian": "apt-get install -y --reinstall linux-image-$(uname -r)",
    "fedora": "dnf install -y kernel-modules-extra-$(uname -r)",
    "rhel": "dnf install -y kernel-modules-extra-$(uname -r)",
}
"""By what /etc/os-release calls the system, or says that it is like."""
_ANY_PACKAGE = "apt-get install linux-modules-extra-$(uname -r), or dnf install kernel-modules-extra-$(uname -r)"


def way_to(feature: str, facts: HostFacts, *, after: str = "") -> str:
    """Return what gives *feature* to the host's kernel, as a command where there is one, with *after* done at last."""
    kernel = facts.system.kernel or KernelFacts({})
    found, modules = kernel.modules, _modules_of(feature, kernel)
    options = _CIPHER_OPTIONS if modules == _CIPHER else _OPTIONS[feature]
    load = f"modprobe {'-a ' if len(modules) > 1 else ''}{' '.join(modules)}{after}"
    if rules := _rules_against(modules, found):
        return f"on {facts.host}: {' && '.join([*map(_taken_out, rules), load])}"
    if found.takes_none:
        lines = " ".join(modules)
        write = f"printf '%s\\n' {lines} | tee /etc/modules-load.d/swarm.conf"
        return f"on {facts.host}, whose kernel takes no module until it is booted again: {write} && systemctl reboot"
    if _NO_MODPROBE.search(found.said):
        return f"on {facts.host}, which has no modprobe: install kmod, then {load}"
    if any("not found" in line for line in _said_of(modules, found)):
        package = _package(found)
        then = f" && {load}" if package != _ANY_PACKAGE else f", then {load}"
        return f"on {facts.host}: {package}{then}; where there is none such, a kernel with {options}"
    return f"on {facts.host}: {load}, which tells what is wrong with its modules; it needs a kernel with {options}"


def hindrances(feature: str, kernel: KernelFacts) -> str:
    """Return what keeps the modules of *feature* from loading, to follow its evidence; empty where that is unknown."""
    modules = _modules_of(feature, kernel)
    found = kernel.modules
    told = [*_rules_against(modules, found), *_said_of(modules, found)]
    told += ["kernel.modules_disabled is 1"] if found.takes_none else []
    return "".join(f"; {line}" for line in dict.fromkeys(told))


def _modules_of(feature: str, kernel: KernelFacts) -> tuple[str, ...]:
    said = kernel.answers.get(feature, "")
    if feature == "esp" and any(words in said for words in _NO_CIPHER):
        return _CIPHER
    return _MODULES[feature]


def _said_of(modules: tuple[str, ...], found: ModuleFacts) -> list[str]:
    return [line for line in found.said.splitlines() if set(re.findall(r"\w+", line.replace("-", "_"))) & {*modules}]


def _rules_against(modules: tuple[str, ...], found: ModuleFacts) -> list[str]:
    """Return the lines of modprobe's files that forbid *modules*, or what one of them stands on."""
    below = {name.replace("-", "_") for name in re.findall(r"install command .* for module ([\w-]+)", found.said)}
    sought = {*modules, *(below - _KNOWN)}
    return [rule for rule in found.rules if _module_of(rule).replace("-", "_") in sought]


def _module_of(rule: str) -> str:
    """Return the module that a line ``FILE:install NAME COMMAND`` is about."""
    return [*rule.partition(":")[2].split(), "", ""][1]


def _taken_out(rule: str) -> str:
    file, _, line = rule.partition(":")
    kind, name = line.split()[:2]
    end = "[[:space:]]*$" if kind == "blacklist" else "[[:space:]]"
    return f"sed -i 's/^[[:space:]]*{kind}[[:space:]]*{name}{end}/# &/' {file}"


def _package(found: ModuleFacts) -> str:
    return next((_PACKAGES[name] for name in found.system.split() if name in _PACKAGES), _ANY_PACKAGE)
