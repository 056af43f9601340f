"""The embedded lab: Linux hosts with their own kernels on this machine. Knows nothing of the rest."""
