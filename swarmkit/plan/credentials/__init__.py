"""A swarm's tokens, CA and unlock key, and a stack's secrets, brought to new ones."""
