"""`swarmkit network`: networks of every kind on the hosts."""
