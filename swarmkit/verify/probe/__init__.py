"""What is asked of the hosts: a look at each, then probes between them, by scripts that leave nothing behind."""
