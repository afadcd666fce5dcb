"""The commands that let a watch folder rest, and go on: pause, resume."""

from pathlib import Path

import click

from watchd.cli.given import Config, Root, folders_of
from watchd.cli.told import shown


@click.command()
@Root
@Config
def pause(root: Path | None, config: Path | None) -> None:
    """Let a watch folder rest.

    Begun files finish, nothing new is taken, files may still be dropped. It makes a file PAUSE in ROOT;
    whoever has only the share may make it, too. With -c and no ROOT all watch folders of the
    configuration rest.

    \b
    Examples:
      watchd pause photos

    Exit codes: 0 done, 73 folder unusable, 78 config error.
    """
    from watchd.errands import pause as rest

    for folder in folders_of(root, config):
        new = rest(folder)
        click.echo(f"{shown(folder.name)}: {'paused' if new else 'is paused already'}, until `watchd resume`")


@click.command()
@Root
@Config
def resume(root: Path | None, config: Path | None) -> None:
    """Let a paused watch folder go on.

    Removes the file PAUSE from ROOT; with -c and no ROOT from all watch folders of the configuration.

    \b
    Examples:
      watchd resume photos

    Exit codes: 0 done, 73 folder unusable, 78 config error.
    """
    from watchd.errands import resume as go_on

    for folder in folders_of(root, config):
        click.echo(f"{shown(folder.name)}: {'goes on' if go_on(folder) else 'was not paused'}")
