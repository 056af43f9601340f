"""Words of `docker run` that go to the engine as they are: limits, mounts, devices, rights, health and logs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import click

from swarmkit.cli import run_values as values
from swarmkit.errors import InputError

Command = TypeVar("Command", bound=Callable[..., Any])
_ASKED = "swarmkit.run.settings"


@dataclass(frozen=True)
class Word:
    """An option, and where its value is in the body of POST /containers/create."""

    names: tuple[str, ...]
    place: str
    read: Callable[[str, Any], Any]
    metavar: str | None = None
    help: str | None = None

    @property
    def is_flag(self) -> bool:
        return self.read in (values.flag, values.no_check)

    @property
    def may_come_again(self) -> bool:
        return self.read in _OF_SEVERAL


_OF_SEVERAL = (
    values.words, values.settings, values.ulimits, values.devices, values.tmpfs, values.security, values.mounts,
)  # fmt: skip
WORDS = (
    Word(("--mount",), "HostConfig.Mounts", values.mounts, "type=TYPE,source=...,target=...", "As to docker run."),
    Word(("--tmpfs",), "HostConfig.Tmpfs", values.tmpfs, "PATH[:OPTIONS]"),
    Word(("--volumes-from",), "HostConfig.VolumesFrom", values.words, "CONTAINER[:ro]"),
    Word(("--volume-driver",), "HostConfig.VolumeDriver", values.text, "DRIVER"),
    Word(("--device",), "HostConfig.Devices", values.devices, "HOST[:CONTAINER][:rwm]"),
    Word(("--device-cgroup-rule",), "HostConfig.DeviceCgroupRules", values.words, "RULE"),
    Word(("-m", "--memory"), "HostConfig.Memory", values.size, "BYTES", "As 512m, 2g."),
    Word(("--memory-reservation",), "HostConfig.MemoryReservation", values.size, "BYTES"),
    Word(("--memory-swap",), "HostConfig.MemorySwap", values.size, "BYTES", "With the memory; -1: no limit."),
    Word(("--shm-size",), "HostConfig.ShmSize", values.size, "BYTES"),
    Word(("--cpus",), "HostConfig.NanoCpus", values.cpus, "NUMBER", "As 0.5."),
    Word(("-c", "--cpu-shares"), "HostConfig.CpuShares", values.whole, "NUMBER"),
    Word(("--cpu-period",), "HostConfig.CpuPeriod", values.whole, "MICROSECONDS"),
    Word(("--cpu-quota",), "HostConfig.CpuQuota", values.whole, "MICROSECONDS"),
    Word(("--cpuset-cpus",), "HostConfig.CpusetCpus", values.text, "0-3,..."),
    Word(("--cpuset-mems",), "HostConfig.CpusetMems", values.text, "0-3,..."),
    Word(("--pids-limit",), "HostConfig.PidsLimit", values.whole, "NUMBER"),
    Word(("--ulimit",), "HostConfig.Ulimits", values.ulimits, "NAME=SOFT[:HARD]"),
    Word(("--blkio-weight",), "HostConfig.BlkioWeight", values.whole, "NUMBER"),
    Word(("--oom-score-adj",), "HostConfig.OomScoreAdj", values.whole, "NUMBER"),
    Word(("--oom-kill-disable",), "HostConfig.OomKillDisable", values.flag),
    Word(("--privileged",), "HostConfig.Privileged", values.flag, help="With all rights on the host."),
    Word(("--security-opt",), "HostConfig.SecurityOpt", values.security, "OPTION", "A seccomp profile is read here."),
    Word(("--group-add",), "HostConfig.GroupAdd", values.words, "GROUP"),
    Word(("--sysctl",), "HostConfig.Sysctls", values.settings, "KEY=VALUE"),
    Word(("--pid",), "HostConfig.PidMode", values.text, "host or container:NAME"),
    Word(("--ipc",), "HostConfig.IpcMode", values.text, "MODE"),
    Word(("--uts",), "HostConfig.UTSMode", values.text, "host"),
    Word(("--userns",), "HostConfig.UsernsMode", values.text, "host"),
    Word(("--cgroupns",), "HostConfig.CgroupnsMode", values.text, "host or private"),
    Word(("--cgroup-parent",), "HostConfig.CgroupParent", values.text, "CGROUP"),
    Word(("--runtime",), "HostConfig.Runtime", values.text, "NAME"),
    Word(("--storage-opt",), "HostConfig.StorageOpt", values.settings, "KEY=VALUE"),
    Word(("--annotation",), "HostConfig.Annotations", values.settings, "KEY=VALUE", "Of engines from 24.0."),
    Word(("--log-driver",), "HostConfig.LogConfig.Type", values.text, "DRIVER"),
    Word(("--log-opt",), "HostConfig.LogConfig.Config", values.settings, "KEY=VALUE"),
    Word(("--stop-signal",), "StopSignal", values.text, "SIGNAL"),
    Word(("--stop-timeout",), "StopTimeout", values.whole, "SECONDS"),
    Word(("--health-cmd",), "Healthcheck.Test", values.shell, "COMMAND"),
    Word(("--health-interval",), "Healthcheck.Interval", values.span, "SPAN"),
    Word(("--health-timeout",), "Healthcheck.Timeout", values.span, "SPAN"),
    Word(("--health-start-period",), "Healthcheck.StartPeriod", values.span, "SPAN"),
    Word(("--health-start-interval",), "Healthcheck.StartInterval", values.span, "SPAN", "Of engines from 25.0."),
    Word(("--health-retries",), "Healthcheck.Retries", values.whole, "NUMBER"),
    Word(("--no-healthcheck",), "Healthcheck.Test", values.no_check),
)
_TERMINAL = (
    "-t", "--tty", "--interactive", "-it", "-ti", "-itd", "-idt", "-dit", "-dti", "-tid", "-tdi", "-td", "-dt",
    "-a", "--attach",
)  # fmt: skip
NO_TERMINAL = "swarmkit run attaches no terminal and no input"


def engine_words(command: Command) -> Command:
    """Add WORDS to a command; `asked` returns what was given of them."""
    for word in reversed(WORDS):
        command = click.option(
            *word.names, expose_value=False, callback=partial(_keep, word), metavar=word.metavar, help=word.help,
            multiple=word.may_come_again, is_flag=word.is_flag or None,
        )(command)  # fmt: skip
    return click.option(
        *_TERMINAL, "terminal", is_flag=True, hidden=True, expose_value=False, callback=_refuse_terminal
    )(command)


def asked() -> dict[str, Any]:
    """Return what the command line asks for, in the words and the form of the engine's API."""
    found: dict[str, Any] = {}
    for place, value in click.get_current_context().meta.get(_ASKED, {}).items():
        values.put(found, place, value)
    return found


def _keep(word: Word, ctx: click.Context, _option: click.Parameter, value: Any) -> None:
    if value is None or value is False or value == ():
        return
    kept = ctx.meta.setdefault(_ASKED, {})
    if word.place in kept:
        raise InputError("--no-healthcheck and --health-cmd exclude each other", to_do="give one of them")
    kept[word.place] = word.read(word.names[-1], value)


def _refuse_terminal(_ctx: click.Context, _option: click.Parameter, value: Any) -> None:
    if value:
        raise terminal_refusal()


def terminal_refusal() -> InputError:
    to_do = "leave -i, -t and -a out; for a shell: run it with -d, then on its host: docker exec -it NAME sh"
    return InputError(f"{NO_TERMINAL}: it follows what a container prints, and -i is the inventory", to_do=to_do)


def check_inventory(_ctx: click.Context, _option: click.Parameter, value: Any) -> Any:
    """Tell Docker's own -i, which has no value, from the inventory's."""
    if str(value or "").startswith("-"):
        raise terminal_refusal()
    return value
