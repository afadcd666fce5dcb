"""What commands tell: a report for people or for machines, and names that cannot harm a terminal."""

import json
from collections.abc import Iterable
from dataclasses import asdict

import click


def print_report(as_json: bool, report: object, texts: Iterable[str]) -> None:
    """The report in JSON, dataclasses as objects; or its texts."""
    if as_json:
        click.echo(json.dumps(report, default=asdict))
        return
    for text in texts:
        click.echo(text)


def shown(text: object) -> str:
    from watchd.report.escape import escape

    return escape(text)
