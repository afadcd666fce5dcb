"""The commands; turns a StartupError into one line on stderr and an exit code.

Everything heavy is imported by the command that needs it, so that --help answers at once.
"""

from typing import Any

import click

from watchd import __version__
from watchd.cli.cache import cache
from watchd.cli.completion import completion
from watchd.cli.folders import check, explain, init, retry, run, status
from watchd.cli.models import models
from watchd.cli.pause import pause, resume
from watchd.cli.tune import tune
from watchd.domain.errors import StartupError


class _Commands(click.Group):
    """Ends every command the same way: what a user can mend is one line and an exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except StartupError as error:
            click.echo(f"watchd: {error}", err=True)
            ctx.exit(error.exit_code)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="watchd")
def main() -> None:
    """Photos dropped into an inbox come out as cutouts, background removed.

    ROOT is a folder that holds inbox/, outbox/, originals/, failed/ and .watchd/; ROOT/config.yaml is
    read if it is there. Of the environment the variables WATCHD_… are read, weaker than the file;
    NO_COLOR takes colours away.

    \b
    Examples:
      watchd run photos         cut out what is dropped into photos/inbox
      watchd run --once photos  cut out what is there, and end
      watchd COMMAND --help     all about one command

    \b
    Exit codes of all commands:
       0  done
       1  some files failed, or were left; what was asked for is not there
       2  wrong usage
      69  model unavailable
      70  a part of the daemon died
      73  folder unusable
      78  config error
     130  ended by Ctrl-C
    """


for command in (run, init, check, status, explain, pause, resume, retry, cache, models, tune, completion):
    main.add_command(command)
