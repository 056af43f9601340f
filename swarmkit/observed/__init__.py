"""Frozen facts of hosts and cluster, read in parallel. Never writes."""
