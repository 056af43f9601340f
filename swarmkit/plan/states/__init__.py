"""A swarm's state as it lies on managers' disks: taken cold, put back, and the way on when the quorum is lost."""
