"""The command that measures: tune."""

import os
import sys
from pathlib import Path

import click

from watchd.cli.completion import networks
from watchd.cli.given import Config, Json, Root, load
from watchd.cli.told import print_report
from watchd.domain.errors import ExitCode


@click.command()
@Root
@Config
@click.option(
    "--model",
    metavar="NAME|FILE",
    shell_complete=networks(files=True),
    help="Another network than the configured one.",
)
@click.option(
    "--seconds",
    type=click.FloatRange(1, 3600),
    metavar="SECONDS",
    default=75,
    show_default=True,
    help="How long to measure.",
)
@click.option(
    "--chart",
    type=click.Path(path_type=Path, dir_okay=False, writable=True),
    metavar="FILE",
    help="Draw the result, as a PNG.",
)
@click.option("--write", is_flag=True, help="Write the best layout into the config file.")
@Json
def tune(
    root: Path | None,
    config: Path | None,
    model: str | None,
    seconds: float,
    chart: Path | None,
    write: bool,
    as_json: bool,
) -> None:
    """Measure which layout of threads is the fastest here.

    A layout is: how many workers, with how many threads each, pinned to their CPUs or free. The precision
    is never changed, since that changes masks. Best on a machine at rest.

    \b
    Examples:
      watchd tune --write photos
      watchd tune --model u2net --seconds 300 --chart tune.png photos

    Exit codes: 0 done, 69 model unavailable, 78 config error, 130 ended by Ctrl-C.
    """
    from watchd.report import tuneview
    from watchd.report.steps import Steps
    from watchd.tuning import Wish, tune

    wish = Wish(root, model, seconds, chart, write)
    loaded = load(root, config, {})
    try:
        with Steps(sys.stderr) as steps:
            found = tune(loaded, wish, os.environ, steps.expect, steps.step)
    except KeyboardInterrupt:
        click.echo("watchd: ended; nothing was written", err=True)
        sys.exit(ExitCode.INTERRUPTED)
    print_report(as_json, found, [tuneview.tuned(found)])
