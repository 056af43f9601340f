"""The command line's entry: the group of commands, each imported only when it is called."""

from __future__ import annotations

import importlib
import os
import sys

import click

from swarmkit import __version__
from swarmkit.errors import SwarmkitError

COMMANDS: dict[str, tuple[str, str]] = {
    "lab": ("swarmkit.cli.lab:lab", "The embedded lab: Linux hosts with their own kernels on this machine."),
}
"""Command name -> (module:attribute, short help); static, so that --help imports none of them."""


class LazyGroup(click.Group):
    """A click group that imports a command's module when the command is called, not for --help."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        module_name, attribute = COMMANDS[cmd_name][0].split(":")
        command = getattr(importlib.import_module(module_name), attribute)
        assert isinstance(command, click.Command)  # noqa: S101 - a wrong table entry is our bug
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option("--debug", is_flag=True, help="Show tracebacks.")
@click.version_option(__version__, prog_name="swarmkit")
@click.pass_context
def cli(ctx: click.Context, *, debug: bool) -> None:
    """Bootstrap, prove and recover Docker Swarms with encrypted overlay networks, over SSH."""
    ctx.obj = {"debug": debug}


def main() -> None:
    """Run the command line and exit with the workflow's code; a traceback only with --debug."""
    debug = "--debug" in sys.argv or bool(os.environ.get("SWARMKIT_DEBUG"))
    try:
        cli.main(standalone_mode=False)
    except click.exceptions.Abort:
        click.echo("interrupted", err=True)
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except click.exceptions.Exit as error:
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        click.echo("interrupted", err=True)
        sys.exit(130)
    except SwarmkitError as error:
        if debug:
            raise
        click.echo(f"error: {error}", err=True)
        sys.exit(error.exit_code)
