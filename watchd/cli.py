"""The commands; turns a StartupError into one line on stderr and an exit code.

Everything heavy is imported by the command that needs it, so that --help answers at once.
"""

import json
import os
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from watchd import __version__
from watchd.domain.cachereport import Warmth
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
_Json = click.option("--json", "as_json", is_flag=True, help="For machines, on stdout.")
_RootOption = click.option(
    "--root",
    type=click.Path(path_type=Path, file_okay=False),
    help="The watch folder; default: the one around the pictures.",
)
_Photo = click.Path(path_type=Path, exists=True, dir_okay=False)
_PhotoFolder = click.Path(path_type=Path, exists=True, file_okay=False)


def _age_s(_ctx: click.Context, _param: click.Parameter, written: str | None) -> float | None:
    """A time as the config writes it, in seconds."""
    from watchd.config.units import seconds

    try:
        return None if written is None else float(seconds("0s", "3650d").parse(written))
    except ValueError as error:
        raise click.BadParameter(f"{written} is no time: write it like 90m, 12h or 7d") from error


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

    overrides = {"profiles.default.model": model} if model else {}
    loaded = _load(root, config, overrides)
    if once:
        sys.exit(daemon.once(loaded.config, os.environ, sys.stderr))
    sys.exit(daemon.watch(loaded.config, os.environ, lambda: _load(root, config, overrides).config))


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
def cache() -> None:
    """What watchd remembers of the pictures that it has seen."""


@cache.command("stats")
@_Root
@_Config
@_Json
@click.option("--space", metavar="NAME", help="Only these masks: those of one network.")
def cache_stats(root: Path | None, config: Path | None, as_json: bool, space: str | None) -> None:
    """Show what the caches hold, what they have saved, and how often a like picture's mask was wrong."""
    from watchd.cacheerrands import lent, stats
    from watchd.report import cacheview

    loaded = _load(root, config, {}).config
    found, by_all = stats(loaded, space), lent(loaded)
    now_s = time.time()
    texts = [cacheview.stock(each, now_s) for each in found]
    _print(
        as_json, {"caches": found, "redis": by_all}, [*texts, *([cacheview.lent(by_all)] if by_all else [])]
    )


@cache.command("explain")
@click.argument("image", type=_Photo)
@_RootOption
@_Config
@_Json
def cache_explain(image: Path, root: Path | None, config: Path | None, as_json: bool) -> None:
    """Tell what would be reused for a picture: its cutout, its mask, a like picture's mask, or nothing."""
    from watchd.cachepictures import explain, segmenters_of
    from watchd.report import cacheview

    loaded = _load(root or _root_above(image, config), config, {})
    found = explain(loaded.config, segmenters_of(loaded.config, os.environ), image)
    _print(as_json, {"image": str(image), "folders": found}, map(cacheview.explained, found))


@cache.command("purge")
@_Root
@_Config
@_Json
@click.option("--all", "everything", is_flag=True, help="Every entry.")
@click.option("--older-than", metavar="TIME", callback=_age_s, help="What was not used for so long: 7d, 12h.")
@click.option("--stale-spaces", is_flag=True, help="Masks of networks that this configuration does not use.")
@click.option(
    "--image", type=_Photo, help="What was made of this picture, and of those whose masks it would get."
)
@click.option("--entry", metavar="NAME", help="One entry, as the log names it, and the cutouts of its file.")
@click.option("--outputs-only", is_flag=True, help="Finished cutouts only, no masks.")
@click.option("--dry-run", is_flag=True, help="Only say what would be removed.")
def cache_purge(
    root: Path | None,
    config: Path | None,
    as_json: bool,
    everything: bool,
    older_than: float | None,
    stale_spaces: bool,
    image: Path | None,
    entry: str | None,
    outputs_only: bool,
    dry_run: bool,
) -> None:
    """Remove entries: exactly one of --all, --older-than, --stale-spaces, --image and --entry says which."""
    from watchd.cacheerrands import Selection, purge_all
    from watchd.report import cacheview

    given = [everything, older_than is not None, stale_spaces, image is not None, entry is not None]
    if sum(given) != 1:
        raise click.UsageError("give exactly one of --all, --older-than, --stale-spaces, --image and --entry")
    if stale_spaces and outputs_only:
        raise click.UsageError("--stale-spaces removes masks only, --outputs-only none")
    selection = Selection(everything, older_than, stale_spaces, image, entry)
    loaded = _load(root or _root_above(image, config), config, {})
    found = purge_all(loaded.config, os.environ, selection, outputs_only=outputs_only, dry_run=dry_run)
    texts = (cacheview.purged(each, dry_run=dry_run) for each in found)
    _print(as_json, {"dry_run": dry_run, "caches": found}, texts)
    sys.exit(ExitCode.FOLDER_UNUSABLE if any(each.stuck for each in found) else ExitCode.OK)


@cache.command("verify")
@_Root
@_Config
@_Json
@click.option("--fix", is_flag=True, help="Remove what is wrong.")
@click.option("--recompute", type=click.IntRange(1), metavar="N", help="Also make up to N masks once more.")
@click.option("--source", type=_PhotoFolder, help="Where the pictures of --recompute lie.")
def cache_verify(
    root: Path | None,
    config: Path | None,
    as_json: bool,
    fix: bool,
    recompute: int | None,
    source: Path | None,
) -> None:
    """Read every entry and compare it with its name; with --recompute also with what the network gives.

    Exit codes: 0 all is well now, 1 something is wrong.
    """
    from watchd import cacheerrands
    from watchd.report import cacheview
    from watchd.report.steps import Steps

    if (recompute is None) != (source is None):
        raise click.UsageError("--recompute N and --source DIR belong together")
    loaded = _load(root, config, {})
    with Steps(sys.stderr) as steps:
        found = cacheerrands.verify_all(loaded.config, fix=fix, expect=steps.expect, step=steps.step)
        texts = [cacheview.verified(each) for each in found]
        report: dict[str, object] = {"caches": found}
        if recompute is not None and source is not None:
            steps.expect(recompute)
            again = []
            for each in cacheerrands.recompute(loaded.config, os.environ, source, recompute):
                again.append(each)
                steps.step()
            texts.append(cacheview.recomputed(again))
            report |= {"recomputed": again}
    _print(as_json, report, texts)
    wrong = any(not fault.removed for each in found for fault in each.faults)
    sys.exit(ExitCode.SOME_FAILED if wrong else ExitCode.OK)


@cache.command("warm")
@click.argument("folders", nargs=-1, type=_PhotoFolder, metavar="[DIR]...")
@_RootOption
@_Config
@_Json
@click.option("--recursive", is_flag=True, help="Also the folders below.")
@click.option(
    "--from-pairs",
    nargs=2,
    type=_PhotoFolder,
    metavar="SRC OUT",
    help="Take the masks of the pictures in SRC from their cutouts in OUT, instead of making them.",
)
@click.option("--folder", "wanted", metavar="NAME", help="Only the cache of this watch folder.")
def cache_warm(
    folders: tuple[Path, ...],
    root: Path | None,
    config: Path | None,
    as_json: bool,
    recursive: bool,
    from_pairs: tuple[Path, Path] | None,
    wanted: str | None,
) -> None:
    """Remember the masks of the photos in DIR ahead of time, at low priority.

    Ctrl-C ends it; called again it goes on where it was. Exit codes: 0 done, 1 some files failed, 130
    ended by Ctrl-C.
    """
    from watchd.cachewarm import Library, warm_all
    from watchd.report import cacheview
    from watchd.report.steps import Steps

    if bool(folders) == bool(from_pairs):
        raise click.UsageError("give the folders of the photos, or --from-pairs SRC OUT")
    source, cutouts = from_pairs or (folders[0], None)
    library = Library(folders or (source,), recursive, cutouts)
    loaded = _load(root or _root_above(source, config), config, {})
    states, code = [], ExitCode.OK
    with Steps(sys.stderr) as steps:
        try:
            for each in warm_all(loaded.config, os.environ, library, wanted, steps.expect):
                states.append(each.state)
                if as_json:
                    _print(as_json, each, ())
                steps.step("" if as_json else cacheview.warmed(each), notable=bool(each.reason))
        except KeyboardInterrupt:
            code = ExitCode.INTERRUPTED
    click.echo(cacheview.warmth(states), err=True)
    failed = Warmth.FAILED in states
    sys.exit(code or (ExitCode.SOME_FAILED if failed else ExitCode.OK))


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


@models.command("quantize")
@click.argument("model", metavar="NAME|FILE")
@click.option("--calibrate", required=True, type=_PhotoFolder, metavar="DIR", help="Photos like your own.")
@click.option(
    "--judge", type=_PhotoFolder, metavar="DIR", help="Photos to judge on; default: a third of those."
)
@click.option(
    "--masks", type=_PhotoFolder, metavar="DIR", help="Human masks of these, NAME.png for the photo NAME.jpg."
)
@click.option(
    "--min-iou", type=click.FloatRange(0, 1), default=0.95, show_default=True, help="Least mean agreement."
)
@click.option(
    "--sheet",
    type=click.Path(path_type=Path, dir_okay=False, writable=True),
    default=Path("int8.png"),
    show_default=True,
    help="Where to draw the masks of both, to be looked at.",
)
@_Json
def quantize_model(
    model: str,
    calibrate: Path,
    judge: Path | None,
    masks: Path | None,
    min_iou: float,
    sheet: Path,
    as_json: bool,
) -> None:
    """Make a faster int8 network of a model, and install it if its masks are good enough.

    Takes some minutes. Exit codes: 0 installed, 1 refused.
    """
    from watchd.quantizing import Wish, quantize
    from watchd.report import quantview
    from watchd.report.steps import Steps

    wish = Wish(model, calibrate, judge, masks, min_iou, sheet)
    with Steps(sys.stderr) as steps:
        found = quantize(wish, os.environ, steps.expect, steps.step)
    _print(as_json, found, [quantview.judged(found)])
    sys.exit(ExitCode.OK if found.installed else ExitCode.SOME_FAILED)


def _print(as_json: bool, report: object, texts: Iterable[str]) -> None:
    """The report in JSON, dataclasses as objects; or its texts."""
    if as_json:
        click.echo(json.dumps(report, default=asdict))
        return
    for text in texts:
        click.echo(text)


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
