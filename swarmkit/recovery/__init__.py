"""Backups of a swarm: the archive, what is in it, and whether it is whole. Contacts nothing."""
