"""The fault matrix of a cluster under load: hurt it, look that nobody lied, mend it, and nothing is lost."""

from __future__ import annotations

import random
import re
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from faults.hurting import WAYS, BringUp, FirstCluster, bring_up_hurt, cluster_ids, hurt
from faults.invariants import check, made, record, wait_for_leader
from faults.world import HOSTS, World, where_backups_go, witness
from pyrage import x25519

from swarmkit.recovery.archive_writer import SUFFIX

pytestmark = [pytest.mark.lab, pytest.mark.timeout(1800)]
# Without it: what `make test` tries.
nightly = pytest.mark.nightly
Note = dict[str, object]


def leader(world: World) -> str:
    said = world.lab.run("S", "docker node ls --format '{{.Hostname}} {{.ManagerStatus}}'").splitlines()
    (name,) = [line.split()[0] for line in said if line.endswith("Leader")]
    return name


def test_f01_f07_a_bring_up_that_was_hurt_at_any_moment_goes_on_to_the_same_cluster(
    shop: World, hurt_bring_up: BringUp, tmp_path: Path, note: Note
) -> None:
    before = made(shop, hurt_bring_up.cluster)
    with witness("f01", tmp_path) as seen:
        check(shop, before, seen)
    note |= {"fault": "F01", "phase": "; ".join(hurt_bring_up.hurt)}


@nightly
def test_f01_more_bring_ups_that_were_hurt(shop: World, seed: int, tmp_path: Path, note: Note) -> None:
    chance = random.Random(100 + seed)
    reset = shop.swarmkit("lab", "reset")
    assert reset.returncode == 0, reset.stderr
    brought = bring_up_hurt(shop, chance, chance.sample(WAYS, 2))
    before = made(shop, brought.cluster)
    with witness(f"f01-{seed}", tmp_path) as seen:
        check(shop, before, seen)
    note |= {"fault": "F01", "seed": seed, "phase": "; ".join(brought.hurt)}


@nightly
def test_f03_an_update_that_was_hurt_is_taken_over(shop: World, seed: int, tmp_path: Path, note: Note) -> None:
    chance = random.Random(seed)
    before = record(shop)
    with witness(f"f03-{seed}", tmp_path) as seen:
        shop.note = f"f03-{seed}"
        where = hurt(shop, chance, chance.choice(WAYS), lines=8)
        seconds = shop.recovered(time.time())
        seen.wait_for_order()
        check(shop, before, seen)
    note |= {"fault": "F03", "seed": seed, "phase": where, "recovered": seconds, "silence": seen.longest_silence()}


@nightly
def test_f02_of_two_runs_at_once_one_changes_the_cluster(shop: World, tmp_path: Path, note: Note) -> None:
    before, old = record(shop), shop.note
    with witness("f02", tmp_path) as seen:
        shop.note = "f02"
        both = [shop.start(), shop.start()]
        ended = sorted((shop.finish(run) for run in both), key=lambda run: run.returncode)
        assert ended[0].returncode == 0, ended[0].stderr
        assert ended[1].returncode in (0, 1)
        assert ended[1].returncode == 0 or "another run holds the cluster" in ended[1].stderr
        # One update was made: before it the task was the old one.
        previous = shop.lab.run("S", "docker service inspect shop_backend --format '{{json .PreviousSpec}}'")
        assert f"NOTE={old}" in previous
        check(shop, before, seen)
    note |= {"fault": "F02", "silence": seen.longest_silence()}


@pytest.mark.parametrize("ways", ["both", "one"])
@nightly
def test_f08_two_hosts_that_do_not_hear_each_other_are_named_and_nothing_is_lost(
    shop: World, ways: str, tmp_path: Path, note: Note
) -> None:
    before = record(shop)
    with witness(f"f08-{ways}", tmp_path) as seen:
        shop.fault("partition", "T", "U", *(["--one-way"] if ways == "one" else []))
        broken = shop.swarmkit("verify", *shop.declared)
        assert broken.returncode == 4, broken.stdout
        assert "T -> U" in broken.stdout or "T <-> U" in broken.stdout
        healed = time.time()
        shop.fault("heal")
        seen.wait_for_order()
        seconds = round(time.time() - healed, 1)
        check(shop, before, seen)
    note |= {"fault": "F08", "phase": f"{ways} ways", "recovered": seconds, "silence": seen.longest_silence()}


def renewed_as_told(world: World) -> str:
    """Go on with an update; where its proof finds names that lead nowhere any more (H16), make anew what it says."""
    done = world.up()
    told = sorted(set(re.findall(r"\bon (\w): (docker service update --force \w+)$", done.stdout, re.MULTILINE)))
    for host, command in told if done.returncode == 4 else ():
        world.lab.run(host, command)
    return ", ".join(command for _, command in told)


@nightly
def test_f09_a_leader_that_is_alone_leads_no_more_and_the_update_is_made_once(
    shop: World, seed: int, tmp_path: Path, note: Note
) -> None:
    chance = random.Random(900 + seed)
    before, alone = record(shop), leader(shop)
    others = ",".join(sorted(set(HOSTS) - {alone}))
    with witness(f"f09-{seed}", tmp_path) as seen:
        shop.note = f"f09-{seed}"
        run = shop.start("--timeout", "60")
        count, pause = chance.randrange(5), chance.random() * 0.5
        reached = run.lines(count)
        time.sleep(pause)
        where = f"line {count}: {run.said[-1]}" if reached else "the run's end"
        shop.fault("partition", alone, others)
        first = shop.finish(run)
        healed = time.time()
        shop.fault("heal")
        wait_for_leader(shop)
        told = renewed_as_told(shop)
        seconds = shop.recovered(healed)
        seen.wait_for_order()
        leader(shop)
        check(shop, before, seen)
    note |= {
        "fault": "F09",
        "seed": seed,
        "phase": f"{alone} alone after {where}; first run ended with {first.returncode}{told and f'; {told}'}",
        "recovered": seconds,
        "silence": seen.longest_silence(),
    }


@nightly
def test_f10_a_database_that_is_cut_off_for_a_minute_starts_nowhere_else(
    shop: World, tmp_path: Path, note: Note
) -> None:
    before = record(shop)
    with witness("f10", tmp_path) as seen:
        shop.fault("partition", "U", "S,T")
        cut = time.monotonic()
        # By then its node is down for the managers, and one of the other two leads.
        time.sleep(25)
        alone_is_told(shop.swarmkit("verify", *shop.declared))
        time.sleep(max(0.0, cut + 60 - time.monotonic()))
        healed = time.time()
        shop.fault("heal")
        seen.wait_for_order()
        seconds = round(time.time() - healed, 1)
        check(shop, before, seen)
    note |= {"fault": "F10", "recovered": seconds, "silence": seen.longest_silence()}


def alone_is_told(proof: subprocess.CompletedProcess[str]) -> None:
    """Check that a proof names U as cut off before all else, and counts what follows from that as such."""
    assert proof.returncode == 4, proof.stdout + proof.stderr
    said = proof.stdout
    assert said.startswith(
        "error  V27  U\n  U is cut off: nothing of the swarm's own traffic passes between it and any other node\n"
    )
    assert (
        "  to do  mend the network of U first: its cable, its firewall; swarmkit doctor names ports and rules" in said
    )
    following = re.search(r"\d+ findings \((.+)\) follow from V27: mend that first", said)
    assert following, said
    assert set(following[1].split(", ")) >= {"V01", "V26"}
    assert "error  V01  U" not in said
    assert "warning  V21  managers\n  U of 3 managers cannot be reached: none may be lost\n" in said


@nightly
def test_f11_a_host_that_stood_still_for_two_minutes_hears_the_others_again(
    shop: World, tmp_path: Path, note: Note
) -> None:
    before = record(shop)
    with witness("f11", tmp_path) as seen:
        shop.fault("freeze", "T")
        time.sleep(120)
        thawed = time.time()
        shop.fault("thaw", "T")
        seen.wait_for_order()
        seconds = shop.recovered(thawed)
        check(shop, before, seen)
    note |= {"fault": "F11", "recovered": seconds, "silence": seen.longest_silence()}


@dataclass(frozen=True)
class Breakage:
    """What breaks a host, in the lab's words or by a script on T; *mends*: what mends it there, else the lab does."""

    fault: str = ""
    script: str = ""
    mends: str = ""
    mends_itself_seconds: float = 0.0


BREAKAGES = {
    "f06": Breakage("power-off T"),
    "f12": Breakage(script="kill -STOP $(pidof dockerd)", mends="kill -CONT $(pidof dockerd)"),
    "f14": Breakage(
        script="systemctl stop docker.socket docker", mends="systemctl start docker.socket && systemctl start docker"
    ),
    "f15": Breakage("fill-disk S"),
    # The key is refused and every session ends; the key comes back by itself, for nobody could log in to bring it.
    # Without its accuracy a timer of systemd's may fire a minute later.
    "f24": Breakage(
        script="cd /root/.ssh && later='systemd-run -q --timer-property=AccuracySec=100ms'"
        " && $later --on-active=45 mv $PWD/off $PWD/authorized_keys"
        " && $later --on-active=1 pkill sshd-session && mv authorized_keys off",
        mends_itself_seconds=50,
    ),
}


@pytest.mark.parametrize("fault", BREAKAGES)
@nightly
def test_a_host_that_breaks_during_an_update_ends_the_run_and_the_next_one_goes_on(
    shop: World, fault: str, tmp_path: Path, note: Note
) -> None:
    before, breakage = record(shop), BREAKAGES[fault]
    with witness(fault, tmp_path) as seen:
        shop.note = fault
        run = shop.start("--timeout", "40")
        run.lines(1)
        if breakage.fault:
            shop.fault(*breakage.fault.split())
        else:
            shop.lab.run("T", breakage.script)
        first = shop.finish(run)
        if breakage.mends:
            shop.lab.run("T", breakage.mends)
        elif breakage.mends_itself_seconds:
            time.sleep(breakage.mends_itself_seconds)
        else:
            shop.lab.swarmkit("lab", "fault", "power-on", "T")
            shop.lab.up()
            shop.fault("heal")
        seconds = shop.recovered(time.time())
        seen.wait_for_order()
        check(shop, before, seen)
    note |= {
        "fault": fault.upper(),
        "phase": f"update; first run ended with {first.returncode}",
        "recovered": seconds,
        "silence": seen.longest_silence(),
    }


# Stands for the operator's own cron or a colleague: the engine is started the moment the copy is under way.
WAKING = r"""
printf '#!/bin/sh\nsystemctl start docker\nexec /bin/cp "$@"\n' >/usr/local/bin/cp
chmod +x /usr/local/bin/cp
"""


@nightly
def test_f14_a_backup_whose_engine_is_woken_during_the_copy_leaves_no_file(
    shop: World, tmp_path: Path, note: Note
) -> None:
    before = record(shop)
    backups, _ = where_backups_go(tmp_path)
    key, own = x25519.Identity.generate(), tmp_path / "age.key"
    own.touch(mode=0o600)
    own.write_text(f"{key}\n")
    older = backups / f"faults-20200101T000000Z{SUFFIX}"
    older.touch()
    to = ("-o", str(backups), "--recipient", str(key.to_public()), "--keep", "1")
    take = ("backup", "--yes", *shop.declared, *to)
    with witness("f14b", tmp_path) as seen:
        for host in HOSTS:
            shop.lab.run(host, WAKING)
        woken = shop.swarmkit(*take)
        assert woken.returncode == 1, woken.stdout
        assert "docker was started while its state was copied" in woken.stderr
        assert list(backups.iterdir()) == [older]
        for host in HOSTS:
            shop.lab.run(host, "rm /usr/local/bin/cp")
        began = time.time()
        again = shop.swarmkit(*take)
        assert again.returncode == 0, again.stdout + again.stderr
        assert "shop_database was interrupted for 0.0 s" in again.stdout
        seen.wait_for_order()
        seconds = round(time.time() - began, 1)
        check(shop, before, seen)
    (made_now,) = backups.iterdir()
    assert made_now != older
    verified = shop.swarmkit("backup", "verify", str(made_now), "--identity", str(own))
    assert verified.returncode == 0, verified.stderr
    assert "volume    shop_database-data" in verified.stdout
    note |= {"fault": "F14B", "recovered": seconds, "silence": seen.longest_silence()}


@pytest.mark.parametrize("seconds", [7200, -7200, -8640000])
@nightly
def test_f16_a_clock_that_is_two_hours_off_is_told_and_mended(
    shop: World, seconds: int, tmp_path: Path, note: Note
) -> None:
    before = record(shop)
    with witness(f"f16{seconds:+}", tmp_path) as seen:
        shop.fault("skew", "T", str(seconds))
        told = shop.swarmkit("doctor", "-i", str(shop.lab.inventory))
        assert told.returncode == 4
        assert "H34" in told.stdout
        shop.fault("heal")
        assert shop.swarmkit("doctor", "-i", str(shop.lab.inventory)).returncode == 0
        seen.wait_for_order()
        check(shop, before, seen)
    note |= {"fault": "F16", "phase": f"{seconds:+} s", "silence": seen.longest_silence()}


@nightly
def test_f35_all_hosts_lose_their_power_and_come_back_by_themselves(shop: World, tmp_path: Path, note: Note) -> None:
    before = record(shop)
    with witness("f35", tmp_path) as seen:
        seen.wait_for_order()
        powered = shop.cut_power_of_all()
        seen.wait_for_order()
        served = round(time.time() - powered, 1)
        seconds = shop.recovered(powered)
        check(shop, before, seen)
    note |= {"fault": "F35", "recovered": seconds, "served": served, "silence": seen.longest_silence()}


@nightly
def test_f40_a_password_whose_change_was_hurt_is_changed_and_nothing_is_left_of_the_old(
    shop: World, seed: int, tmp_path: Path, note: Note
) -> None:
    chance = random.Random(seed)
    before = record(shop)
    with witness(f"f40-{seed}", tmp_path) as seen:
        shop.set_password(f"canary-Pa55word-{seed}-of-f40")
        where = hurt(shop, chance, chance.choice(WAYS), lines=14)
        seconds = shop.recovered(time.time())
        seen.wait_for_order()
        # The old one is kept for a rollback until the next change.
        shop.note = f"f40-{seed}"
        assert shop.up().returncode == 0
        assert len(shop.lab.run("S", "docker secret ls -q").split()) == 1
        check(shop, before, seen, changed=("shop_db_password",))
    note |= {"fault": "F40", "seed": seed, "phase": where, "recovered": seconds, "silence": seen.longest_silence()}


@nightly
def test_f37_a_bring_up_over_bad_lines_makes_no_node_twice(shop: World, tmp_path: Path, note: Note) -> None:
    reset = shop.swarmkit("lab", "reset")
    assert reset.returncode == 0, reset.stderr
    for host in HOSTS:
        shop.fault("slow", host, "--delay", "100", "--jitter", "20", "--loss", "2.5", "--reorder", "10")
    began = time.time()
    brought = bring_up_hurt(shop, random.Random(37), ways=())
    seconds = round(time.time() - began, 1)
    before = made(shop, brought.cluster)
    shop.fault("heal")
    with witness("f37", tmp_path) as seen:
        check(shop, before, seen)
    note |= {"fault": "F37", "recovered": seconds}


def said_node(said: list[str]) -> str:
    """Return the node id, as far as it is told, that the first manager got with its swarm."""
    line = next(line for line in said if "S: node " in line)
    return line.partition("S: node ")[2].split(",")[0].strip()


@nightly
def test_f04_a_first_manager_that_lost_its_power_after_making_the_swarm_goes_on_with_it(
    shop: World, tmp_path: Path, note: Note
) -> None:
    reset = shop.swarmkit("lab", "reset")
    assert reset.returncode == 0, reset.stderr
    first = FirstCluster(shop, "S")
    run = shop.start()
    assert run.says("S: node "), run.said
    cluster = first.wait()
    shop.fault("power-off", "S")
    assert shop.finish(run).returncode != 0
    shop.fault("power-on", "S")
    powered = time.time()
    shop.lab.up()
    bring_up_hurt(shop, random.Random(4), ways=(), seen=[cluster])
    seconds = round(time.time() - powered, 1)
    before = made(shop, cluster)
    assert before.nodes["S"].startswith(said_node(run.said))
    with witness("f04", tmp_path) as seen:
        check(shop, before, seen)
    note |= {"fault": "F04", "recovered": seconds}


@nightly
def test_f31_a_restore_that_was_hurt_goes_on_to_the_one_swarm_of_the_backup(
    shop: World, seed: int, tmp_path: Path, note: Note
) -> None:
    chance, before = random.Random(seed), record(shop)
    backups, opened = where_backups_go(tmp_path)
    with witness(f"f31-{seed}", tmp_path) as seen:
        seen.wait_for_order()
    taken = shop.swarmkit("backup", "--yes", *shop.declared, "-o", str(backups), *opened)
    assert taken.returncode == 0, taken.stderr
    (archive,) = map(str, backups.iterdir())
    said = shop.swarmkit("backup", "verify", archive, *opened).stdout
    host = next(line.split()[2] for line in said.splitlines() if line.startswith("  state of"))
    assert shop.swarmkit("lab", "reset").returncode == 0
    restore = ("restore", archive, "--yes", "-i", str(shop.lab.inventory), "--images", str(shop.images), *opened)
    way, count = chance.choice(("kill", "power")), chance.randrange(12)
    run = shop.start_command(*restore)
    reached = run.lines(count)
    where = f"{way} after line {count}: {run.said[-1]}" if reached else f"{way} came after the run's end"
    began = time.time()
    if way == "power":
        shop.fault("power-off", host)
    elif reached:
        run.signal(signal.SIGKILL)
    shop.finish(run)
    if way == "power":
        shop.fault("power-on", host)
        shop.lab.up()
    again = shop.swarmkit(*restore)
    assert again.returncode in (0, 4), again.stdout + again.stderr
    seconds = shop.recovered(began)
    assert cluster_ids(shop) == set(before.clusters.values()), where
    # The state is its host's alone; the others were bare, and joined anew.
    check(shop, before, seen, rejoined=set(HOSTS) - {host})
    note |= {"fault": "F31", "seed": seed, "phase": where, "recovered": seconds}
