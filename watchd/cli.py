"""The commands; turns a StartupError into one line on stderr and an exit code.

Everything heavy is imported by the command that needs it, so that --help answers at once.
"""

import json
import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from watchd import __version__
from watchd.domain.errors import ExitCode, StartupError

if TYPE_CHECKING:
    from watchd.config.load import Loaded
    from watchd.domain.profile import WatchFolder

_Config = click.option(
    "-c",
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The config file; default ROOT/config.yaml.",
)
_Root = click.argument("root", required=False, type=click.Path(path_type=Path, file_okay=False))


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

    ROOT is a folder that holds inbox/, outbox/, originals/, failed/ and .watchd/.
    """


@main.command()
@_Root
@_Config
@click.option("--once", is_flag=True, help="Process what is there, with a progress bar, and end.")
@click.option(
    "--model", metavar="NAME|FILE", help="The network: a name of `watchd models list`, or an .onnx file."
)
def run(root: Path | None, config: Path | None, once: bool, model: str | None) -> None:
    """Watch folders until told to stop (or, with --once, process what is there).

    Exit codes: 0 done, 1 some files failed (--once), 2 wrong usage, 69 model unavailable, 73 folder
    unusable, 78 config error.
    """
    from watchd import daemon

    loaded = _load(root, config, {"profiles.default.model": model} if model else {})
    if once:
        sys.exit(daemon.once(loaded.config, os.environ, sys.stderr))
    sys.exit(daemon.watch(loaded.config, os.environ))


@main.command()
@click.argument("root", default=".", type=click.Path(path_type=Path, file_okay=False))
def init(root: Path) -> None:
    """Make the folders of a watch folder, and a commented config.yaml that is yours to edit."""
    from watchd.config.example import starter
    from watchd.store.places import prepare

    target = root / "config.yaml"
    if target.exists():
        raise click.ClickException(f"{target} is there already; it stays as it is")
    root.mkdir(parents=True, exist_ok=True)
    target.write_text(starter(), encoding="utf-8")
    for folder in _load(root, None, {}).config.watch_folders():
        prepare(folder)
    click.echo(f"{target} is written; start with: watchd run {root}")


@main.command()
@_Root
@_Config
@click.option("--schema", is_flag=True, help="Print the JSON Schema of the config, for editors.")
def check(root: Path | None, config: Path | None, schema: bool) -> None:
    """Look whether everything is fit to run: config, folders, mounts, limits, space, model."""
    if schema:
        from watchd.config.schema import json_schema

        click.echo(json.dumps(json_schema(), indent=2))
        return
    from watchd.checkup import check_all

    loaded = _load(root, config, {})
    for key, value, origin in loaded.effective():
        click.echo(f"{_shown(key)} = {_shown(value)}  ({_shown(origin)})")
    worst = ExitCode.OK
    for finding in check_all(loaded, os.environ):
        click.echo(f"{'ok  ' if finding.code is ExitCode.OK else 'BAD '} {finding.text}")
        worst = worst or finding.code
    sys.exit(worst)


@main.command()
@_Root
@_Config
@click.option("--json", "as_json", is_flag=True, help="The status as it stands on disk.")
def status(root: Path | None, config: Path | None, as_json: bool) -> None:
    """Show what the daemon is doing, or that it is gone."""
    from watchd.report.status import is_stale
    from watchd.report.statusfile import read_status
    from watchd.report.statusview import render

    for folder in _folders(root, config):
        path = folder.sidecar / "status.json"
        found = read_status(path)
        if found is None:
            raise click.ClickException(
                f"{folder.name}: no daemon has run here yet; start one with: watchd run"
            )
        click.echo(path.read_text("utf-8") if as_json else render(found, datetime.now(UTC), is_stale(found)))


@main.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@_Config
def retry(paths: tuple[Path, ...], config: Path | None) -> None:
    """Put files from failed/ back into the inbox, their attempts forgotten.

    PATHS are files or folders in failed/; with -c and no path all failed files are put back. A path
    that is a watch folder's root stands for all of its failed files.
    """
    from watchd.errands import put_back

    count = 0
    for path in paths or (None,):
        for folder in _folders(_root_above(path, config), config):
            everything = path is None or os.path.realpath(path) == os.path.dirname(folder.failed)
            for back in put_back(folder, None if everything else path):
                click.echo(f"{folder.name}: {_shown(back)} is back in the inbox")
                count += 1
    if not count:
        raise click.ClickException("nothing to put back: no such file in failed/")


@main.command()
@click.argument("path", type=click.Path(path_type=Path))
@_Config
def explain(path: Path, config: Path | None) -> None:
    """Tell why a file of an inbox is not processed, or how it was."""
    from watchd.errands import below
    from watchd.errands import explain as gates_of

    for folder in _folders(_root_above(path, config), config):
        relative = below(path, folder.inbox)
        if relative is None:
            continue
        gates, receipt = gates_of(folder, relative)
        for gate in gates:
            click.echo(f"{'yes' if gate.passed else 'NO '} {gate.name}: {_shown(gate.answer)}")
        if receipt is not None:
            click.echo(f"receipt: {_shown(receipt.in_words())}")
        return
    raise click.ClickException(f"{_shown(path)} is not inside an inbox that this configuration watches")


@main.group()
def models() -> None:
    """The networks that watchd knows."""


@models.command("list")
def list_models() -> None:
    """Show every known network, and whether its file is there."""
    from watchd.imaging.models import KNOWN, find

    for spec in KNOWN.values():
        try:
            where = str(find(spec.name, os.environ).path) if spec.url else "comes with watchd"
        except StartupError:
            where = "not there"
        size = f"{spec.megabytes:g} MB"
        click.echo(f"{spec.name:24} {size:>8}  {spec.licence:10}  {spec.good_for}  [{where}]")


@models.command()
@click.argument("name")
def pull(name: str) -> None:
    """Download a network, resuming what was begun."""
    from watchd.imaging.download import pull as download
    from watchd.imaging.models import find, known, model_home
    from watchd.report.download import DownloadBar

    spec = known(name)
    try:
        click.echo(f"{name} is there already: {find(name, os.environ).path}")
    except StartupError:
        with DownloadBar() as bar:
            click.echo(f"{name}: {download(spec, model_home(os.environ), bar)}")


@models.command()
@click.argument("names", nargs=-1)
def verify(names: tuple[str, ...]) -> None:
    """Compare the files of networks with their published checksums; all that are there if none is named."""
    from watchd.imaging.models import KNOWN, find
    from watchd.imaging.models import verify as checksum_of

    for name in names or KNOWN:
        try:
            found = find(name, os.environ)
        except StartupError:
            if names:
                raise
            continue
        click.echo(f"ok   {name} {checksum_of(found)} {found.path}")


def _load(root: Path | None, config: Path | None, overrides: Mapping[str, object]) -> "Loaded":
    from watchd.config.load import load

    return load(config, root, overrides, os.environ)


def _folders(root: Path | None, config: Path | None) -> "tuple[WatchFolder, ...]":
    return _load(root, config, {}).config.watch_folders()


def _root_above(path: Path | None, config: Path | None) -> Path | None:
    """The nearest folder at or above a path that looks like a root; none where a config is named."""
    if path is None or config is not None:
        return None
    absolute = Path(os.path.abspath(path))
    for folder in (absolute, *absolute.parents):
        if (folder / ".watchd").is_dir() or (folder / "config.yaml").is_file():
            return folder
    return None


def _shown(text: object) -> str:
    from watchd.report.escape import escape

    return escape(text)
