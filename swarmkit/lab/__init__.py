"""The embedded lab: Linux hosts with kernels of their own, as ordinary processes of this machine."""

from swarmkit.lab.capture import capture
from swarmkit.lab.frames import Counts
from swarmkit.lab.hosts import LabHost, number_of
from swarmkit.lab.operate import HostStatus, act, down, host_status, reset, ssh_command, status, up, wait_until_ready
from swarmkit.lab.places import Places

__all__ = [
    "Counts",
    "HostStatus",
    "LabHost",
    "Places",
    "act",
    "capture",
    "down",
    "host_status",
    "number_of",
    "reset",
    "ssh_command",
    "status",
    "up",
    "wait_until_ready",
]
