"""Playbooks: lists of the toolkit's own commands to typed steps."""
