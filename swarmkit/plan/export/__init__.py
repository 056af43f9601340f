"""From what runs to a stack file: the way of spec.py backwards; pure."""
