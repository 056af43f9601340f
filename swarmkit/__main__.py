"""The command ``swarmkit``, and ``python -m swarmkit``."""

import sys


def main() -> None:
    """Run the command line; ended by Ctrl-C, also while its modules load, without a traceback."""
    try:
        from swarmkit.cli.main import main as run

        run()
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        sys.exit(130)


if __name__ == "__main__":
    main()
