"""What neither Docker's tool nor a manager looks at, and each host's engine or runtime refuses of every task."""

from __future__ import annotations

import re

from swarmkit.declared.documents.complaints import did_you_mean, shown
from swarmkit.declared.documents.field import Field

# opencontainers/runc libcontainer/specconv, rlimitMap.
_ULIMITS = "as core cpu data fsize locks memlock msgqueue nice nofile nproc rss rtprio rttime sigpending stack"
# moby/sys signal, SignalMap of Linux; a number is one, too.
_SIGNALS = (
    "ABRT ALRM BUS CHLD CLD CONT FPE HUP ILL INT IO IOT KILL PIPE POLL PROF PWR QUIT SEGV STKFLT STOP SYS TERM TRAP "
    "TSTP TTIN TTOU URG USR1 USR2 VTALRM WINCH XCPU XFSZ RTMIN RTMAX"
)
_REAL_TIME = re.compile(r"RTMIN\+([1-9]|1[0-5])|RTMAX-([1-9]|1[0-4])")
# capabilities(7), those of Linux 6.12; a later kernel may have more.
_CAPABILITIES = (
    "ALL AUDIT_CONTROL AUDIT_READ AUDIT_WRITE BLOCK_SUSPEND BPF CHECKPOINT_RESTORE CHOWN DAC_OVERRIDE DAC_READ_SEARCH "
    "FOWNER FSETID IPC_LOCK IPC_OWNER KILL LEASE LINUX_IMMUTABLE MAC_ADMIN MAC_OVERRIDE MKNOD NET_ADMIN "
    "NET_BIND_SERVICE NET_BROADCAST NET_RAW PERFMON SETFCAP SETGID SETPCAP SETUID SYSLOG SYS_ADMIN SYS_BOOT SYS_CHROOT "
    "SYS_MODULE SYS_NICE SYS_PACCT SYS_PTRACE SYS_RAWIO SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG WAKE_ALARM"
)
# runc libcontainer/configs/validate, sysctl: what each container has of its own.
_OWN_SYSCTLS = re.compile(
    r"net\..+|fs\.mqueue\..+|kernel\.(domainname|hostname|msgmax|msgmnb|msgmni|sem|shm(all|max|mni|_rmid_forced))"
)


def ulimit_flaw(name: str, soft: int, hard: int) -> tuple[str, str]:
    """Return why no container can have that limit, and what to write; two empty texts where one can."""
    if name not in (known := _ULIMITS.split()):
        return f"there is no ulimit {shown(name)}", did_you_mean(name, known) or f"there are {', '.join(known)}"
    if hard != -1 and (soft == -1 or soft > hard):
        no_limit = " (no limit)" if soft == -1 else ""
        return f"soft {soft}{no_limit} is above hard {hard}", "write a hard limit that is not below the soft one"
    return "", ""


def refuse_relative_folder(field: Field) -> None:
    text = field.word or ""
    if text and not text.startswith(("/", "\\")) and text[1:2] != ":":
        field.refuse("B05", f"{shown(text)} is not an absolute path: no task would start", "begin it with /")


def refuse_unknown_signal(field: Field) -> None:
    text = (field.word or "").upper()
    name = text.removeprefix("SIG")
    is_number = text.isascii() and text.isdecimal() and int(text) > 0
    if text and not is_number and name not in (known := _SIGNALS.split()) and not _REAL_TIME.fullmatch(name):
        hint = did_you_mean(f"SIG{name}", [f"SIG{one}" for one in known]) or "write it as SIGTERM"
        field.refuse("B05", f"there is no signal {shown(field.word)}: no task would start", hint)


def warn_of_unknown_capabilities(field: Field) -> None:
    for item in field.items() if field.is_list else [field]:
        name = (item.word or "").strip().upper().removeprefix("CAP_")
        if name and name not in (known := _CAPABILITIES.split()):
            hint = did_you_mean(name, known) or "see capabilities(7)"
            item.warn("B05", f"no capability {shown(item.word)} is known: its tasks will be rejected", hint)


def warn_of_the_hosts_sysctls(field: Field) -> None:
    """Warn of kernel settings that a container has none of its own of, as ``vm.max_map_count``."""
    places = field.items() if field.is_list else [field.key(name) for name in field.names()]
    names = [(item.word or "").partition("=")[0] for item in places] if field.is_list else list(field.names())
    for place, name in zip(places, names, strict=True):
        if name and not _OWN_SYSCTLS.fullmatch(name.strip().replace("/", ".")):
            what = f"sysctl {shown(name)} is the whole host's, no container has its own: its tasks will not start"
            place.warn("B05", what, f"remove it here, and set it on the hosts: sysctl -w {name}=...")
