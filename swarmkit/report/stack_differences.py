"""Where a stack file comes to something else than by Docker's own tool, and why; tests/parity holds both sides."""

from __future__ import annotations

from typing import NamedTuple


class Difference(NamedTuple):
    """A row of the page's table."""

    what: str
    docker: str
    ours: str
    why: str


DIFFERENCES = (
    Difference(
        "secrets and configs",
        "keep their name; changed content is an error",
        "the name gets a hash of the content, and a label its key: changed content is a new object, added before "
        "the service moves, and the old one is removed after; the file in the container keeps its name. Of a name "
        "over 51 characters its beginning and a hash of it are taken, as the engine takes 64",
        "content of an engine's secret can be neither changed nor read back: without the hash nobody could tell "
        "whether what runs is what is declared",
    ),
    Difference(
        "a stack that the other tool deployed, and the same file",
        "nothing changes; our secrets and configs stay beside its own, and are none that it removes",
        "its secrets and configs get successors, told in the plan (H78), so the services that use them get new "
        "tasks; nothing else changes. The old ones go with the next change",
        "names without a hash do not tell what they hold",
    ),
    Difference(
        "overlay networks",
        "encrypted if the file says so",
        "encrypted unless `x-swarmkit` gives a reason not to be, or the inventory has "
        "`swarm_overlay_encryption: as-declared`",
        "what crosses hosts in clear shall be a decision that somebody wrote down",
    ),
    Difference(
        "images",
        "resolved at a registry, but with `--resolve-image never`",
        "by the ID of an image that is sent or already there, else as written",
        "no registry is needed, and each host runs the same image",
    ),
    Difference(
        "credentials of a registry",
        "sent to the hosts with `--with-registry-auth`",
        "the same with `swarmkit up --with-registry-auth`, which changes nothing else: see "
        "[the registry's login](registries.md)",
        "a new login alone is no reason for new tasks",
    ),
    Difference(
        "`depends_on`",
        "ignored",
        "kept: each service is made when those it depends on run",
        "a service that starts before its database fails first",
    ),
    Difference(
        "`depends_on` that names a service of no file",
        "taken: it is ignored",
        "refused (B43); in the map form `required: false` makes it a warning",
        "nothing could be waited for, and the name is likely misspelt",
    ),
    Difference(
        "services that depend on each other in a circle",
        "made",
        "refused: none could be made first",
        "the order is kept here",
    ),
    Difference(
        "a network that exists with other options",
        "left as it is, without a word",
        "refused",
        "what runs would not be what the file says; `--recreate-networks` makes it so",
    ),
    Difference(
        "a network of the declared name that others made",
        "refused by the engine, half way",
        "refused before",
        "a run changes all or nothing of what it can know",
    ),
    Difference(
        "another `driver` or `driver_opts` of a secret",
        "passed over by the engine, without a word",
        "refused",
        "the engine keeps the old ones, and the file would say otherwise",
    ),
    Difference(
        "a published port that moves from one service of the stack to another",
        "refused by the engine while the other has it; with `--prune` taken from a service that goes",
        "who takes it waits for who lets it go; two that change places are refused",
        "the file is right: only the order was wrong",
    ),
    Difference(
        "`$NAME-x`, `$NAME?x`, `$NAME:-x`, without braces",
        "what follows, up to a `}`, is a default or a message: `node:$VERSION-alpine` with VERSION=18 is `node:18`",
        "the value and what follows: `node:18-alpine`, with a warning",
        "it is what Compose's format says, what `docker compose` does and what every reader takes it for",
    ),
    Difference(
        "`${NAME?why-not}`, `${NAME:?why-not}`",
        "always `not`, also with NAME set: the dash is taken for a default",
        "the value of NAME, refused without; with a warning",
        "as above: a message with a dash in it would become the image's tag",
    ),
    Difference(
        "`${NAME-x:-y}`",
        "always `y`: the name is taken to be `NAME-x`",
        "`x:-y` without NAME, with a warning",
        "as above: no variable can have that name",
    ),
    Difference(
        "`v:/data`, a volume of one letter",
        "taken for a Windows path",
        "the volume `v` at `/data`",
        "the target `v:/data` is no path on Linux: the engine refuses it",
    ),
    Difference(
        "a named pipe of Windows in short form",
        "a bind of that name in the file's folder",
        "a bind of that name",
        "the folder on the operator's machine is no part of a pipe's name",
    ),
    Difference(
        "log options that only a later file has",
        "lost in the merge",
        "kept",
        "they are kept where the first file has some as well; nobody writes an option to have none",
    ),
    Difference(
        "several ports in long form without `published` in one file, and a second file",
        "the last one is kept: all count as the port 0, and the later file's take their place",
        "all are kept",
        "each has another target: none contradicts another",
    ),
    Difference(
        "two ports of one file on one number (tcp and udp), a secret or config twice in it, and a second file",
        "the last one is kept",
        "both, unless the later file has that number, secret or config: then what it says",
        "the same file without a second one has both: a second file that says nothing of them takes none away",
    ),
    Difference(
        'a value of another kind whose meaning is plain: `user: 1`, `tty: "true"`, `cpus: 0.5`, `cap_add: ALL`, '
        '`retries: "3"`, `command:` with nothing; `x-` keys at any depth',
        "refused",
        "taken",
        "`docker compose` takes them, and so public files have them",
    ),
    Difference(
        "a second document in a file",
        "passed over without a word",
        "passed over with a warning",
        "who wrote it expects it to count",
    ),
    Difference(
        "a file without services",
        "taken: makes nothing",
        "refused",
        "to take it would be to plan the removal of all that runs, with `--prune`",
    ),
    Difference(
        "`healthcheck.test: [curl, x]`, a list that begins with none of `CMD`, `CMD-SHELL` and `NONE`",
        "sent: the engine knows no such test, never says that a task is healthy, and the swarm leaves it starting",
        "refused (B41)",
        "no task of the service would ever come up: `[CMD, curl, x]` is meant",
    ),
    Difference(
        "what no task could run with: a limit below its reservation, a reservation of more than "
        "any host offers (memory, CPUs), a published port of the swarm's own (2377, "
        "7946), more than 100000 replicas, a mount target or a `working_dir` that is no absolute path, a signal or a "
        "ulimit that there is not, a ulimit's soft value above its hard one, a NUL in a value, a mount of a cluster "
        "volume that the file does not define",
        "sent: the engine refuses it, or tasks wait and fail",
        "refused, before anything is made",
        "half of a stack is worse than none",
    ),
    Difference(
        "a version that does not know a key",
        "refused",
        "taken: the versions differ in nothing else",
        "the key says what is meant; the number is written by habit",
    ),
)
