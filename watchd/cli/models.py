"""The commands on networks: models list, show, pull, verify, quantize; compare has a file of its own."""

import os
import sys
from pathlib import Path

import click

from watchd.cli.compare import compare_models
from watchd.cli.completion import networks
from watchd.cli.given import Json, PhotoFolder
from watchd.cli.told import print_report
from watchd.domain.errors import ExitCode, StartupError


@click.group()
def models() -> None:
    """The networks that watchd knows."""


models.add_command(compare_models)


@models.command("list")
def list_models() -> None:
    """Show every known network, and whether its file is there.

    \b
    Examples:
      watchd models list

    Exit codes: 0 shown.
    """
    from watchd.imaging.models import KNOWN, find

    for spec in KNOWN.values():
        try:
            where = str(find(spec.name, os.environ).path) if spec.url else "comes with watchd"
        except StartupError:
            where = "not there"
        size = f"{spec.megabytes:g} MB"
        click.echo(f"{spec.name:24} {size:>8}  {spec.licence:10}  {spec.good_for}  [{where}]")


@models.command()
@click.argument("name", shell_complete=networks())
def show(name: str) -> None:
    """Tell what a network was trained on, and how good it is.

    Its scores, limits and licence, too.

    \b
    Examples:
      watchd models show builtin

    Exit codes: 0 told, 69 no such network.
    """
    from watchd.imaging.card import card
    from watchd.imaging.models import known

    click.echo(card(known(name)), nl=False)


@models.command()
@click.argument("name", shell_complete=networks(fetched=True))
def pull(name: str) -> None:
    """Download a network, resuming what was begun.

    It comes to U2NET_HOME, by default ~/.u2net, and is compared with its published checksum.

    \b
    Examples:
      watchd models pull u2net && watchd run --model u2net photos

    Exit codes: 0 it is there, 69 it could not be had.
    """
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
@click.argument("names", nargs=-1, shell_complete=networks())
def verify(names: tuple[str, ...]) -> None:
    """Compare networks with their published checksums.

    All that are there if none is named.

    \b
    Examples:
      watchd models verify u2net

    Exit codes: 0 all agree, 69 one does not, or is not there.
    """
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
@click.argument("model", metavar="NAME|FILE", shell_complete=networks(files=True))
@click.option("--calibrate", required=True, type=PhotoFolder, metavar="DIR", help="Photos like your own.")
@click.option(
    "--judge", type=PhotoFolder, metavar="DIR", help="Photos to judge on; default: a third of those."
)
@click.option(
    "--masks", type=PhotoFolder, metavar="DIR", help="Human masks of these, NAME.png for the photo NAME.jpg."
)
@click.option(
    "--min-iou",
    type=click.FloatRange(0, 1),
    metavar="PART",
    default=0.95,
    show_default=True,
    help="The mean overlap that its masks must reach.",
)
@click.option(
    "--sheet",
    type=click.Path(path_type=Path, dir_okay=False, writable=True),
    default=Path("int8.png"),
    show_default=True,
    help="Where to draw the masks of both, to be looked at.",
)
@Json
def quantize_model(
    model: str,
    calibrate: Path,
    judge: Path | None,
    masks: Path | None,
    min_iou: float,
    sheet: Path,
    as_json: bool,
) -> None:
    """Make a faster int8 network of a model.

    It is installed if its masks are good enough; `precision: int8` in a profile then uses it. Takes some
    minutes.

    \b
    Examples:
      watchd models quantize u2netp --calibrate photos/originals

    Exit codes: 0 installed, 1 refused, 69 model unavailable.
    """
    from watchd.quantizing import Wish, quantize
    from watchd.report import quantview
    from watchd.report.steps import Steps

    wish = Wish(model, calibrate, judge, masks, min_iou, sheet)
    with Steps(sys.stderr) as steps:
        found = quantize(wish, os.environ, steps.expect, steps.step)
    print_report(as_json, found, [quantview.judged(found)])
    sys.exit(ExitCode.OK if found.installed else ExitCode.SOME_FAILED)
