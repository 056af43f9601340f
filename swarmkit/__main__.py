"""``python -m swarmkit``."""

from swarmkit.cli.main import main

main()
