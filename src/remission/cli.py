"""The command line: finds a verb in `remission.doors`, runs it, and turns every error into five parts and an exit code."""

from __future__ import annotations

import os
import sys
from typing import Any

import click

import remission
from remission.base import interruption
from remission.base.errors import CannotWrite, Interrupted, RemissionError, UsageError
from remission.doors._verbs import Verbs


@click.command(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(remission.__version__, prog_name="remission")
def remission_command() -> None:
    """An in-silico trial lab for frontline B-cell acute lymphoblastic leukaemia.

    Research software: not for decisions about a patient.
    """


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns its exit code (0: done; see `remission.base.errors` for the others)."""
    interruption.listen()
    try:
        remission_command.main(arguments, prog_name="remission", standalone_mode=False)
        sys.stdout.flush()
        return 0
    except RemissionError as error:
        return _say(error)
    except (KeyboardInterrupt, click.Abort):
        return _say(
            Interrupted(
                "the run was interrupted",
                where="remission",
                why="it received a signal to stop",
                fix="run it again; nothing was left half-written",
            )
        )
    except click.UsageError as error:
        return _say(_usage(error))
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        return _say(
            CannotWrite(
                f"the operating system refused: {error.strerror or error}",
                where=str(error.filename or "output"),
                fix="check space and permissions",
            )
        )


def _usage(error: click.UsageError) -> UsageError:
    near = ""
    known: list[Any] = list(getattr(error, "possibilities", None) or [])
    if known:
        near = str(known[0])
    context = error.ctx.command_path if error.ctx else "remission"
    return UsageError(error.format_message().rstrip("."), where=context, near=near, fix=f"see: {context} --help")


def _say(error: RemissionError) -> int:
    print(str(error), file=sys.stderr)
    return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
