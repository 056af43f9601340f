"""Stacks: their specs in the engine's words, what differs, the order they come up in, and the way back."""
