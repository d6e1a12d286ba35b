"""Groups of verbs that are found by their file's name and imported only when they are used."""

from __future__ import annotations

import importlib
import pkgutil

import click

import remission.doors
from remission.base.errors import UsageError, nearest


class Verbs(click.Group):
    """The files of `remission.doors` whose names begin with `prefix` (without one: those that do not begin with "_")."""

    prefix = ""
    place = "remission"
    noun = "command"

    def list_commands(self, ctx: click.Context) -> list[str]:
        names = (info.name for info in pkgutil.iter_modules(remission.doors.__path__))
        if self.prefix:
            return sorted(name.removeprefix(self.prefix) for name in names if name.startswith(self.prefix))
        return sorted(name for name in names if not name.startswith("_"))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        command: click.Command = importlib.import_module(f"remission.doors.{self.prefix}{cmd_name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        names = self.list_commands(ctx)
        if args and args[0] not in names and not args[0].startswith("-"):
            raise UsageError(
                f"unknown {self.noun} '{args[0][:40]}'",
                where=self.place,
                why=f"{self.noun}s: " + ", ".join(names),
                near=nearest(args[0], names),
                fix=f"see: {self.place} --help",
            )
        return super().resolve_command(ctx, args)
