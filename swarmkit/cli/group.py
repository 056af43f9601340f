"""A group of commands whose help says what each does in a whole sentence: click cuts it off at the line's end."""

from __future__ import annotations

import click

_LONGEST = 300


class Group(click.Group):
    """Wraps its commands' first sentences."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        commands = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        shown = [(name, found.get_short_help_str(_LONGEST)) for name, found in commands if found and not found.hidden]
        with formatter.section("Commands"):
            formatter.write_dl(shown)
