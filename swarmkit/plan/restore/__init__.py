"""The way of a backed-up swarm back onto its hosts: what forbids it, the state, the nodes, the data."""
