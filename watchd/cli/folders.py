"""The commands on watch folders: run, init, check, status, retry, explain."""

import json
import os
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import click

from watchd.cli.completion import networks
from watchd.cli.given import Config, Root, folders_of, load, root_above
from watchd.cli.told import shown
from watchd.domain.errors import ConfigError, ExitCode

if TYPE_CHECKING:
    from watchd.report.status import Status
    from watchd.report.statuswatch import Look


@click.command()
@Root
@Config
@click.option("--once", is_flag=True, help="Process what is there, with a progress bar, and end.")
@click.option(
    "--model",
    metavar="NAME|FILE",
    shell_complete=networks(files=True),
    help="The network: a name of `watchd models list`, or an .onnx file.",
)
def run(root: Path | None, config: Path | None, once: bool, model: str | None) -> None:
    """Watch folders until told to stop.

    SIGTERM or Ctrl-C lets begun files finish (up to `drain`, by default 30 s), a second one ends at once;
    SIGHUP reads the configuration again.

    \b
    Examples:
      watchd run photos                  needs no configuration
      watchd run -c /etc/watchd/nas.yaml
      watchd run --once --model u2net photos

    \b
    Exit codes:
       0  done, or stopped by a signal
       1  some files failed, or were left in the inbox (--once)
      69  model unavailable: watchd models pull NAME
      70  a part of the daemon died
      73  folder unusable
      78  config error: watchd check
    """
    from watchd import daemon
    from watchd.config.source import Source

    source = Source(config, root, {"profiles.default.model": model} if model else {}, os.environ)
    loaded = source.read()
    if once:
        sys.exit(daemon.once(loaded.config, os.environ, sys.stderr))
    sys.exit(daemon.watch(loaded.config, os.environ, source))


@click.command()
@click.argument("root", default=".", type=click.Path(path_type=Path, file_okay=False))
def init(root: Path) -> None:
    """Make a watch folder, and a commented config.yaml.

    ROOT is the current folder by default. A config.yaml that is there already stays as it is.

    \b
    Examples:
      watchd init photos && watchd run photos

    Exit codes: 0 done, 1 there is a config.yaml already, 73 folder unusable.
    """
    from watchd.config.example import starter
    from watchd.store.places import prepare

    target = root / "config.yaml"
    if target.exists():
        raise click.ClickException(f"{target} is there already; it stays as it is")
    root.mkdir(parents=True, exist_ok=True)
    target.write_text(starter(), encoding="utf-8")
    for folder in load(root, None, {}).config.watch_folders():
        prepare(folder)
    click.echo(f"{target} is written; start with: watchd run {root}")


@click.command()
@Root
@Config
@click.option("--schema", is_flag=True, help="Print the JSON Schema of the config, for editors.")
@click.option("--try-hooks", is_flag=True, help="Also tell every hook of an event that has not happened.")
def check(root: Path | None, config: Path | None, schema: bool, try_hooks: bool) -> None:
    """Look whether everything is fit to run.

    Prints each effective value of the configuration and where it came from, then what was found of
    folders, mounts, limits of inotify, free space, threads, hooks and models. Makes the folders that are
    missing.

    \b
    Examples:
      watchd check photos
      watchd check -c /etc/watchd/nas.yaml --try-hooks
      watchd check --schema > schema.json

    Exit codes: 0 fit, or what `watchd run` would end with: 69 model, 73 folder, 78 config error.
    """
    if schema:
        from watchd.config.schema import json_schema

        click.echo(json.dumps(json_schema(), indent=2))
        return
    from watchd import checkup

    loaded = load(root, config, {})
    for key, value, origin in loaded.effective():
        click.echo(f"{shown(key)} = {shown(value)}  ({shown(origin)})")
    worst = ExitCode.OK
    tries = checkup.try_hooks(loaded.config, os.environ) if try_hooks else ()
    for finding in chain(checkup.check_all(loaded, os.environ), tries):
        click.echo(f"{'ok  ' if finding.code is ExitCode.OK else 'BAD '} {finding.text}")
        worst = worst or finding.code
    sys.exit(worst)


@click.command()
@Root
@Config
@click.option("--json", "as_json", is_flag=True, help="The status as it stands on disk.")
@click.option("--watch", "follow", is_flag=True, help="Keep showing it, until Ctrl-C.")
@click.option(
    "--check", "only_check", is_flag=True, help="Say nothing if all is well, else why not; exit code 1."
)
def status(root: Path | None, config: Path | None, as_json: bool, follow: bool, only_check: bool) -> None:
    """Show what the daemon is doing, or that it is gone.

    Reads .watchd/status.json, so it works on any host that has the share. All is well if the daemon
    lives, its threads get on, and no watch folder is paused by trouble; whether it lives only its own
    host can tell.

    \b
    Examples:
      watchd status photos
      watchd status --watch photos
      watchd status --check photos || mail -s watchd admin

    Exit codes: 0 shown, or all is well (--check), 1 it is not, or no daemon has run here, 73 folder unusable,
    78 config error.
    """
    from watchd.report.status import is_stale
    from watchd.report.statusview import render

    if as_json + follow + only_check > 1:
        raise click.UsageError(
            "give one of --watch, --json and --check: they are for people, machines, and scripts"
        )
    files = _status_files(root, config)
    if only_check:
        sys.exit(_checked(_looks(files)))
    if follow:
        from watchd.report.statuswatch import watch

        with suppress(KeyboardInterrupt):
            watch(lambda: _looks(files), sys.stdout, threading.Event().wait)
        return
    for name, path in files.items():
        found = _status_of(name, path)
        if as_json:
            click.echo(path.read_text("utf-8"))
        else:
            click.echo(render(found, datetime.now(UTC), is_stale(found)))


def _checked(looks: "list[Look]") -> ExitCode:
    """Reads no more than the status files: it is asked every few seconds, in a container's health check."""
    from watchd.report.statusview import ailments

    found = [line for each in looks for line in ailments(each.status, datetime.now(UTC), each.stale)]
    for line in found:
        click.echo(line, err=True)
    return ExitCode.SOME_FAILED if found else ExitCode.OK


def _looks(files: Mapping[str, Path]) -> "list[Look]":
    """Each daemon once: it tells the same in every watch folder of its own."""
    from watchd.report.status import is_stale
    from watchd.report.statuswatch import Look

    found = (_status_of(name, path) for name, path in files.items())
    daemons = {(each.host, each.pid, each.started_ticks): each for each in found}
    return [Look(each, is_stale(each)) for each in daemons.values()]


def _status_of(name: str, path: Path) -> "Status":
    from watchd.report.statusfile import read_status

    found = read_status(path)
    if found is None:
        raise click.ClickException(f"{name}: no daemon has run here yet; start one with: watchd run")
    return found


def _status_files(root: Path | None, config: Path | None) -> dict[str, Path]:
    """By watch folder. A daemon outlives a config file that has become wrong, and says so where it stands."""
    above = root or (config.parent if config else Path())
    usual = {os.path.basename(os.path.realpath(above)): above / ".watchd" / "status.json"}
    if root is not None and config is None and not (root / "config.yaml").exists():
        return usual  # nothing can have placed it elsewhere; to read no configuration saves half of the time
    try:
        folders = folders_of(root, config)
    except ConfigError:
        if not all(path.exists() for path in usual.values()):
            raise
        return usual
    return {folder.name: folder.sidecar / "status.json" for folder in folders}


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@Config
def retry(paths: tuple[Path, ...], config: Path | None) -> None:
    """Put files from failed/ back into the inbox.

    Their attempts are forgotten. PATHS are files or folders in failed/; with -c and no path all failed
    files are put back. A path that is a watch folder's root stands for all of its failed files.

    \b
    Examples:
      watchd retry photos/failed/holiday.jpg
      watchd retry photos

    Exit codes: 0 done, 1 there is no such file in failed/, 78 config error.
    """
    from watchd.errands import put_back

    count = 0
    for path in paths or (None,):
        for folder in folders_of(root_above(path, config), config):
            everything = path is None or os.path.realpath(path) == os.path.dirname(folder.failed)
            for back in put_back(folder, None if everything else path):
                click.echo(f"{folder.name}: {shown(back)} is back in the inbox")
                count += 1
    if not count:
        raise click.ClickException("nothing to put back: no such file in failed/")


@click.command()
@click.argument("path", type=click.Path(path_type=Path))
@Config
def explain(path: Path, config: Path | None) -> None:
    """Tell why a file of an inbox is not processed, or how it was.

    Prints each question that is asked at the door with its answer, and what the receipt says.

    \b
    Examples:
      watchd explain photos/inbox/holiday.jpg

    Exit codes: 0 told, 1 PATH is in no inbox of this configuration, 78 config error.
    """
    from watchd.config.rules import read_rule
    from watchd.errands import below
    from watchd.errands import explain as gates_of

    for folder in folders_of(root_above(path, config), config):
        relative = below(path, folder.inbox)
        if relative is None:
            continue
        rules = partial(read_rule, folder=folder) if folder.choices else None
        gates, receipt = gates_of(folder, relative, rules)
        for gate in gates:
            click.echo(f"{'yes' if gate.passed else 'NO '} {gate.name}: {shown(gate.answer)}")
        if receipt is not None:
            click.echo(f"receipt: {shown(receipt.in_words())}")
        return
    raise click.ClickException(f"{shown(path)} is not inside an inbox that this configuration watches")
