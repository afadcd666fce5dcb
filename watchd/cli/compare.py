"""The command that lays cutouts of several networks side by side: models compare."""

import os
import sys
from pathlib import Path

import click

from watchd.cli.completion import networks
from watchd.cli.given import Config, Json, PhotoFolder, RootOption, load, root_around
from watchd.cli.told import print_report
from watchd.domain.errors import ExitCode


def _png(_ctx: click.Context, _param: click.Parameter, path: Path) -> Path:
    if path.suffix.lower() != ".png":
        raise click.BadParameter(f"{path} is no name of a PNG: let it end in .png")
    return path


@click.command("compare")
@click.argument("photos", metavar="DIR", type=PhotoFolder)
@click.option(
    "--models",
    metavar="LIST",
    shell_complete=networks(files=True, several=True),
    help="Names and files, with commas between; LABEL=FILE gives one a name. Default: those that are there.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("compare.png"),
    show_default=True,
    callback=_png,
    help="The contact sheet; further pages are numbered.",
)
@click.option("--overwrite", is_flag=True, help="Replace a sheet that is there.")
@click.option(
    "--most",
    type=click.IntRange(1, 1000),
    metavar="N",
    default=12,
    show_default=True,
    help="Of more photos take so many, evenly over the folder.",
)
@RootOption
@Config
@Json
def compare_models(
    photos: Path,
    models: str | None,
    out: Path,
    overwrite: bool,
    most: int,
    root: Path | None,
    config: Path | None,
    as_json: bool,
) -> None:
    """Lay cutouts of several networks side by side.

    Your photos are cut out by each, as the daemon would do it, onto one contact sheet; a table tells how
    fast each is here, and how far they agree. Without --models these are builtin, the configured ones, and
    all that have been downloaded. Photos are only read.

    \b
    Examples:
      watchd models compare photos/originals
      watchd models compare holidays --models builtin,u2netp,mine=nets/best.onnx

    Exit codes: 0 compared, 1 a network or a photo was left out, 2 no photos or the sheet is there already,
    69 model unavailable, 78 config error, 130 ended by Ctrl-C.
    """
    from watchd.comparing import Wish, compare
    from watchd.report import compareview
    from watchd.report.steps import Steps

    wanted = tuple(filter(None, map(str.strip, (models or "").split(","))))
    wish = Wish(photos, wanted, out, most, overwrite)
    around = None if config else root_around(photos) or photos
    loaded = load(root or around, config, {})
    try:
        with Steps(sys.stderr) as steps:
            found = compare(loaded, wish, os.environ, steps.expect, steps.step)
    except KeyboardInterrupt:
        click.echo("watchd: ended; nothing was written", err=True)
        sys.exit(ExitCode.INTERRUPTED)
    print_report(as_json, found, [compareview.compared(found)])
    complete = not found.skipped and all(each.figures for each in found.contenders)
    sys.exit(ExitCode.OK if complete else ExitCode.SOME_FAILED)
