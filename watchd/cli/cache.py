"""The commands on what watchd remembers: cache stats, explain, purge, verify, warm."""

import os
import sys
import time
from pathlib import Path

import click

from watchd.cli.completion import watch_folders
from watchd.cli.given import Config, Json, Photo, PhotoFolder, Root, RootOption, age_s, load, root_above
from watchd.cli.told import print_report
from watchd.domain.cachereport import Warmth
from watchd.domain.errors import ExitCode


@click.group()
def cache() -> None:
    """What watchd remembers of the pictures that it has seen."""


@cache.command("stats")
@Root
@Config
@Json
@click.option("--space", metavar="NAME", help="Only these masks: those of one network.")
def cache_stats(root: Path | None, config: Path | None, as_json: bool, space: str | None) -> None:
    """Show what is remembered, and what it has saved.

    Also how often the mask of a like picture was found to be wrong.

    \b
    Examples:
      watchd cache stats photos

    Exit codes: 0 shown, 78 config error.
    """
    from watchd.cacheerrands import lent, stats
    from watchd.report import cacheview

    loaded = load(root, config, {}).config
    found, by_all = stats(loaded, space), lent(loaded)
    now_s = time.time()
    texts = [cacheview.stock(each, now_s) for each in found]
    print_report(
        as_json, {"caches": found, "redis": by_all}, [*texts, *([cacheview.lent(by_all)] if by_all else [])]
    )


@cache.command("explain")
@click.argument("image", type=Photo)
@RootOption
@Config
@Json
def cache_explain(image: Path, root: Path | None, config: Path | None, as_json: bool) -> None:
    """Tell what would be reused for a picture.

    Its cutout, its mask, a like picture's mask, or nothing; and why.

    \b
    Examples:
      watchd cache explain photos/originals/holiday.jpg

    Exit codes: 0 told, 69 model unavailable, 78 config error.
    """
    from watchd.cachepictures import explain, segmenters_of
    from watchd.report import cacheview

    loaded = load(root or root_above(image, config), config, {})
    found = explain(loaded.config, segmenters_of(loaded.config, os.environ), image)
    print_report(as_json, {"image": str(image), "folders": found}, map(cacheview.explained, found))


@cache.command("purge")
@Root
@Config
@Json
@click.option("--all", "everything", is_flag=True, help="Every entry.")
@click.option("--older-than", metavar="TIME", callback=age_s, help="What was not used for so long: 7d, 12h.")
@click.option("--stale-spaces", is_flag=True, help="Masks of networks that this configuration does not use.")
@click.option(
    "--image", type=Photo, help="What was made of this picture, and of those whose masks it would get."
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
    """Remove what is remembered.

    Exactly one of --all, --older-than, --stale-spaces, --image and --entry says which.

    \b
    Examples:
      watchd cache purge --older-than 30d photos
      watchd cache purge --image holiday.jpg --dry-run

    Exit codes: 0 done, 2 wrong usage, 73 some could not be removed, 78 config error.
    """
    from watchd.cacheerrands import Selection, purge_all
    from watchd.report import cacheview

    given = [everything, older_than is not None, stale_spaces, image is not None, entry is not None]
    if sum(given) != 1:
        raise click.UsageError("give exactly one of --all, --older-than, --stale-spaces, --image and --entry")
    if stale_spaces and outputs_only:
        raise click.UsageError("--stale-spaces removes masks only, --outputs-only none")
    selection = Selection(everything, older_than, stale_spaces, image, entry)
    loaded = load(root or root_above(image, config), config, {})
    found = purge_all(loaded.config, os.environ, selection, outputs_only=outputs_only, dry_run=dry_run)
    texts = (cacheview.purged(each, dry_run=dry_run) for each in found)
    print_report(as_json, {"dry_run": dry_run, "caches": found}, texts)
    sys.exit(ExitCode.FOLDER_UNUSABLE if any(each.stuck for each in found) else ExitCode.OK)


@cache.command("verify")
@Root
@Config
@Json
@click.option("--fix", is_flag=True, help="Remove what is wrong.")
@click.option("--recompute", type=click.IntRange(1), metavar="N", help="Also make up to N masks once more.")
@click.option("--source", type=PhotoFolder, help="Where the pictures of --recompute lie.")
def cache_verify(
    root: Path | None,
    config: Path | None,
    as_json: bool,
    fix: bool,
    recompute: int | None,
    source: Path | None,
) -> None:
    """Read every entry, and compare it with its name.

    With --recompute masks are also compared with what the network gives now.

    \b
    Examples:
      watchd cache verify --fix photos
      watchd cache verify --recompute 20 --source photos/originals photos

    Exit codes: 0 all is well now, 1 something is wrong, 69 model unavailable, 78 config error.
    """
    from watchd import cacheerrands
    from watchd.report import cacheview
    from watchd.report.steps import Steps

    if (recompute is None) != (source is None):
        raise click.UsageError("--recompute N and --source DIR belong together")
    loaded = load(root, config, {})
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
    print_report(as_json, report, texts)
    wrong = any(not fault.removed for each in found for fault in each.faults)
    sys.exit(ExitCode.SOME_FAILED if wrong else ExitCode.OK)


@cache.command("warm")
@click.argument("folders", nargs=-1, type=PhotoFolder, metavar="[DIR]...")
@RootOption
@Config
@Json
@click.option("--recursive", is_flag=True, help="Also the folders below.")
@click.option(
    "--from-pairs",
    nargs=2,
    type=PhotoFolder,
    metavar="SRC OUT",
    help="Take the masks of the pictures in SRC from their cutouts in OUT, instead of making them.",
)
@click.option(
    "--folder",
    "wanted",
    metavar="NAME",
    shell_complete=watch_folders,
    help="Only the cache of this watch folder.",
)
def cache_warm(
    folders: tuple[Path, ...],
    root: Path | None,
    config: Path | None,
    as_json: bool,
    recursive: bool,
    from_pairs: tuple[Path, Path] | None,
    wanted: str | None,
) -> None:
    """Remember the masks of photos ahead of time.

    It runs at low priority. Ctrl-C ends it; called again it goes on where it was.

    \b
    Examples:
      watchd cache warm --recursive --root photos ~/archive
      watchd cache warm --root photos --from-pairs old/photos old/cutouts

    Exit codes: 0 done, 1 some files failed, 69 model unavailable, 78 config error, 130 ended by Ctrl-C.
    """
    from watchd.cachewarm import Library, warm_all
    from watchd.report import cacheview
    from watchd.report.steps import Steps

    if bool(folders) == bool(from_pairs):
        raise click.UsageError("give the folders of the photos, or --from-pairs SRC OUT")
    source, cutouts = from_pairs or (folders[0], None)
    library = Library(folders or (source,), recursive, cutouts)
    loaded = load(root or root_above(source, config), config, {})
    states, code = [], ExitCode.OK
    with Steps(sys.stderr) as steps:
        try:
            for each in warm_all(loaded.config, os.environ, library, wanted, steps.expect):
                states.append(each.state)
                if as_json:
                    print_report(as_json, each, ())
                steps.step("" if as_json else cacheview.warmed(each), notable=bool(each.reason))
        except KeyboardInterrupt:
            code = ExitCode.INTERRUPTED
    click.echo(cacheview.warmth(states), err=True)
    failed = Warmth.FAILED in states
    sys.exit(code or (ExitCode.SOME_FAILED if failed else ExitCode.OK))
