"""status.html: the status for people who have a browser and nothing but the share."""

from collections.abc import Iterable
from html import escape as escape_html

from watchd.report.escape import escape
from watchd.report.status import Status
from watchd.report.statusview import facts, local, outcomes, stages, troubles

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="refresh" content="5">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>watchd: {title}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 15px/1.5 system-ui, sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em; }}
h1 {{ font-size: 1.4em; margin: 0; }} h2 {{ font-size: 1.1em; margin: 1.5em 0 .3em; }}
table {{ border-collapse: collapse; width: 100%; }}
td {{ padding: .2em 1em .2em 0; vertical-align: top; border-top: 1px solid #8884; }}
td:nth-child(2) {{ overflow-wrap: anywhere; }} .note {{ opacity: .7; }}
</style>
</head>
<body>
<h1>watchd is {state}</h1>
<p class="note">As of {updated} on {host}. It is written anew when there is news; whether a daemon that tells
no news still lives, <code>watchd status</code> knows.</p>
{tables}
</body>
</html>
"""


def page(status: Status) -> bytes:
    """Nothing in it comes from elsewhere, and nothing of what it shows is taken for more than text."""
    measured = [("stages", stages(status))] if status.stages else []
    tables = [
        _table("", [*facts(status), *measured, ("since", local(status.since))]),
        _table("Last outcomes", ((local(when), *rest) for when, *rest in outcomes(status))),
        _table("Last errors", ((local(when), *rest) for when, *rest in troubles(status))),
    ]
    return _PAGE.format(
        title=_text(f"{status.state}, {status.queue_depth + status.in_flight} to do"),
        state=_text(status.state),
        updated=_text(local(status.updated)),
        host=_text(status.host),
        tables="\n".join(filter(None, tables)),
    ).encode()


def _table(title: str, rows: Iterable[tuple[str, ...]]) -> str:
    lines = ["<tr>" + "".join(f"<td>{_text(cell)}</td>" for cell in row) + "</tr>" for row in rows]
    if not lines:
        return ""
    return "\n".join([*([f"<h2>{title}</h2>"] if title else []), "<table>", *lines, "</table>"])


def _text(text: str) -> str:
    return escape_html(escape(text))
