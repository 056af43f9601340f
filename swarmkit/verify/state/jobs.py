"""Proofs of jobs: what shall end has ended well, or is on its way to; pure."""

from __future__ import annotations

from swarmkit.finding import Finding
from swarmkit.observed.task_states import ENDED, FAILED
from swarmkit.verify import codes
from swarmkit.verify.live import LiveService


def prove_job(job: LiveService) -> Finding:
    """Prove that *job* has completed its present iteration, or that its tasks run and none has failed."""
    done = sum(task.state == "complete" for task in job.of_job)
    failed = [task for task in job.of_job if task.state in FAILED]
    wanted = _wanted(job)
    if done >= wanted:
        return Finding(codes.REPLICAS, "ok", job.name, f"job {job.name}: {done} of {wanted} tasks have completed")
    what = f"job {job.name}: {done} of {wanted} tasks have completed"
    remedy = f"docker service ps --no-trunc {job.name}; docker service logs {job.name}"
    under_way = [task for task in job.of_job if task.state not in ENDED]
    if failed:
        last = max(failed, key=lambda task: task.created_at)
        evidence = f"{len(failed)} failed, the last one: {last.error or last.message}"
        return Finding(codes.REPLICAS, "error", job.name, what, evidence, remedy)
    waits = "; ".join(f"{task.state}: {task.error or task.message}" for task in under_way if task.state != "running")
    return Finding(codes.REPLICAS, "warning", job.name, f"{what} yet", waits or "it runs", "wait for its end")


def _wanted(job: LiveService) -> int:
    """Return how many tasks shall complete: of a global job one on each node where it shall, or has failed to."""
    mode = job.spec.get("Mode") or {}
    if "ReplicatedJob" in mode:
        return int((mode["ReplicatedJob"] or {}).get("TotalCompletions") or 1)
    return max(
        1, len({task.node_id for task in job.of_job if task.desired_state == "complete" or task.state in FAILED})
    )
