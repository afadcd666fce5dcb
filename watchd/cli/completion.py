"""Completing words in a shell: the script for it, and the names that a shell cannot know."""

from collections.abc import Callable
from typing import Any

import click
from click.shell_completion import CompletionItem, get_completion_class

_Complete = Callable[[click.Context, click.Parameter, str], list[Any]]


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the script that completes words in a shell.

    It completes commands, options, folders, and the names of networks and watch folders.

    \b
    Examples:
      source <(watchd completion bash)   in ~/.bashrc
      source <(watchd completion zsh)    in ~/.zshrc, below compinit
      watchd completion fish > ~/.config/fish/completions/watchd.fish

    Exit codes: 0 printed, 2 no such shell.
    """
    found = get_completion_class(shell)
    assert found is not None
    main = click.get_current_context().find_root()
    script = found(main.command, {}, "watchd", "_WATCHD_COMPLETE").source()
    # click's script for fish would cut what it is offered at every comma, and not at the first alone.
    click.echo(script.replace('string split ","', 'string split --max 1 ","'))


def networks(*, fetched: bool = False, files: bool = False, several: bool = False) -> _Complete:
    """Names of the model table: of those that are `fetched` only, or else also files where no name fits.

    With `several` behind each comma.
    """

    def complete(_ctx: click.Context, _param: click.Parameter, begun: str) -> list[Any]:
        from watchd.imaging.models import KNOWN

        before, comma, last = begun.rpartition(",") if several else ("", "", begun)
        names = [name for name, spec in KNOWN.items() if name.startswith(last) and (spec.url or not fetched)]
        if files and not names:
            return [CompletionItem(begun, type="file")]
        return [CompletionItem(f"{before}{comma}{name}") for name in names]

    return complete


def watch_folders(ctx: click.Context, _param: click.Parameter, begun: str) -> list[Any]:
    """Names of the configuration that the words before have named; none where it is wrong."""
    from watchd.cli.given import folders_of
    from watchd.domain.errors import StartupError

    try:
        folders = folders_of(ctx.params.get("root"), ctx.params.get("config"))
    except StartupError:
        return []
    return [CompletionItem(folder.name) for folder in folders if folder.name.startswith(begun)]
