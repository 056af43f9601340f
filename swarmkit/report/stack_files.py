"""The page of the stack file: every key and what becomes of it, made from the table the readers go by."""

from __future__ import annotations

from collections.abc import Iterable

from swarmkit.declared.stack.stack_keys import (
    FORBIDDEN,
    FORBIDDEN_RANGES,
    IGNORED,
    IGNORED_INSIDE,
    KEYS,
    LAN_HOST_KEYS,
    LAN_KEYS,
    OURS,
    PASSED_OVER,
)
from swarmkit.report.stack_differences import DIFFERENCES

_HEAD = """# The stack file

Made by `make docs` from the table that the reader itself goes by. A stack file is a Compose file with `deploy:`, as
`docker stack deploy` of Docker 28 takes it: version 3.0 to 3.13 or none. swarmkit makes the same services, networks,
secrets and configs of it as Docker's own tool; `tests/parity` deploys more than fifty files with both on engines 26.1
and 20.10 and compares what the engine then holds, field by field. What differs is listed [below](#where-it-differs),
with the reason; `tests/parity/differs` has a file for each row that Docker's loader shows.

## Files, variables and templates

- `-f FILE` may be given several times: later files are merged over the first by Docker's rules, and `-f -` is
  standard input. All paths are seen from the first file's folder. A complaint names file and line of the file it is
  about.
- `$NAME`, `${NAME}`, `${NAME:-default}`, `${NAME-default}`, `${NAME:?why}`, `${NAME?why}` in values, from the
  environment of the command; `$$` is a dollar sign. Keys are left as they are. An unset variable becomes empty, with
  a warning. `${NAME:+other}` is `docker compose`'s alone: refused, as by `docker stack deploy`.
- A file `.env` is **not** read, as by `docker stack deploy` (`docker compose` does). `env_file` of a service is,
  without quotes or variables in it; `environment` overrides it.
- Go templates such as `{{.Node.Hostname}}` go to the engine as they are. YAML anchors, `<<` and keys that begin with
  `x-` are taken everywhere.
- A date without quotes, such as `API_VERSION: 2024-02-01`, reaches the container as Docker's tool writes it,
  `2024-02-01 00:00:00 +0000 UTC`, with a warning; in quotes it stays as it is.

What Docker's merge does and nobody expects is warned of at its line: `false`, `0s` and `""` of a later file override
nothing; a network, volume, secret or config of a later file replaces the earlier one as a whole; the words of two
`healthcheck.test` are strung together; `driver_opts` of an attachment stay the earlier file's; a port takes the place
of one of another protocol on its number."""

_TAIL = """What an engine's API does not know is left out, with a warning: `oom_score_adj` before 27.1, so on 26.1
and 20.10, `healthcheck.start_interval` before 25.0 and `volume.subpath` before 26.0, so on 20.10. Docker's own tool
sends the latter two, and the engine drops them in silence. Mounts of type `cluster` before 23.0, so on 20.10, and of
type `image` before 28.0 are refused before anything is made (H44), as those engines refuse them of Docker's tool.

## What is warned of

- an image without a tag or with `latest` (B30);
- a database on a volume that may run twice, with `start-first`, unpinned, or without `start_period` (B34, B41);
- an update that stops all tasks of a service first, where it serves now and could start new ones first (B58), told by
  the plan;
- an update watched for a shorter time than its health check needs to fail, so that no failure stops it (H72);
- a published port of a database, which a firewall of the host does not hold back (H81);
- a bind mount with a relative path, a secret that ends with a newline or is readable by everybody (B34, B39);
- a service with a VIP on an overlay of several subnets: the VIP may be in one that others do not reach (B50);
- a port in ingress mode of a service on the host's own network: its tasks are not on it; and one in host mode of a
  service on a macvlan or ipvlan: no host leads it to them (B51);
- a variable whose form Docker's tool reads otherwise than it looks, or in a default, where it is not replaced (B36);
- what Docker's conversion drops and says nothing of: keys beside `healthcheck.disable`, `restart` beside
  `deploy.restart_policy`, options of a volume without a name, `driver_opts` without a driver, all but the name of an
  external secret or config; and `restart: no`, which a swarm does not heed (B31, B38);
- a capability that Linux does not have, and a sysctl that is the whole host's, such as `vm.max_map_count`: no task
  would start (B05);
- two services that want one port in host mode and may come to one host (B37), and a generic resource that no host
  offers (B42), told by the plan;
- a network, secret or config that no service uses (B38)."""
_REFUSED = """### Refused

Keys of a service that a swarm cannot do, or that only `docker compose` knows. Any other unknown key is refused too,
with the nearest known one; but inside `bind`, `volume` and `tmpfs` of a mount and in the long form of a service's
secrets and configs, where Docker's schema lets every key through, it is ignored as by Docker, with a warning."""

_LAN = """### A network on the hosts' LAN

Of `driver: macvlan` and `ipvlan` ([networks.md](networks.md)). Docker's tool makes such a network, and one of
`driver: bridge`, on one manager alone, and its engine then refuses the service (`tests/parity/ours`). Networks of these
drivers that are the swarm's, made beforehand and external here, are used by both tools alike."""

_TITLES = {
    "": "Top level",
    "services.*": "A service",
    "networks.*": "A network",
    "volumes.*": "A volume",
    "secrets.*": "A secret",
    "configs.*": "A config",
}


def document() -> str:
    """Return docs/stack-files.md: every key with what becomes of it."""
    sections = [_section(title, place) for place, title in _TITLES.items()]
    sections.insert(list(_TITLES).index("networks.*") + 1, _table(_LAN, ("key", "what becomes of it"), _lan_rows()))
    refused = _table(_REFUSED, ("key", "instead"), ((f"`{key}`", advice) for key, advice in sorted(FORBIDDEN.items())))
    differing = _table("## Where it differs", ("what", "Docker's tool", "swarmkit", "why"), DIFFERENCES)
    return "\n\n".join([_HEAD, "## Every key", *sections, refused, differing, _TAIL]) + "\n"


def _section(title: str, place: str) -> str:
    places = [inner for inner in KEYS if inner == place or (place and inner.startswith(f"{place}."))]
    rows = [row for inner in places for row in _rows(place, inner)]
    return _table(f"### {title}", ("key", "what becomes of it"), rows)


def _lan_rows() -> Iterable[tuple[str, str]]:
    for key, meaning in LAN_KEYS.items():
        yield f"`x-swarmkit.{key}`", f"ours: {meaning}"
    for key, meaning in LAN_HOST_KEYS.items():
        yield f"`x-swarmkit.hosts.*.{key}`", f"ours: {meaning}"
    for key, advice in FORBIDDEN_RANGES[True].items():
        yield f"`ipam.config[].{key}`", f"refused by Docker and here: {advice}"


def _rows(place: str, inner: str) -> Iterable[tuple[str, str]]:
    prefix = inner[len(place) :].lstrip(".")
    for key in KEYS[inner]:
        ours = OURS.get(f"{inner}.{key}".lstrip("."))
        yield f"`{f'{prefix}.{key}'.lstrip('.')}`", f"ours: {ours}" if ours else "same as Docker"
    for key in IGNORED_INSIDE.get(inner, ()):
        yield f"`{prefix}.{key}`", "ignored by Docker and here, with a warning"
    for path, why in PASSED_OVER.items():
        if path.rpartition(".")[0] == inner:
            yield f"`{path.removeprefix(f'{place}.')}`", f"passed over by Docker and here, without a word: {why}"
    if inner == "services.*":
        for key, advice in IGNORED.items():
            yield f"`{key}`", f"ignored by Docker and here, with a warning: {advice}"


def _table(title: str, head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [" | ".join(("", *cells, "")).strip() for cells in (head, *rows)]
    return "\n".join([title, "", lines[0], "|---" * len(head) + "|", *lines[1:]])
