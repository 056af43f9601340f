"""Waiting for tasks, and saying in one sentence why one does not come up."""
