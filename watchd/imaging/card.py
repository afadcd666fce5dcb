"""What is to be known of a network before it is chosen: its model card."""

from pathlib import Path

from watchd.imaging.models import ModelSpec


def card(spec: ModelSpec) -> str:
    """builtin has one of its own, which the README repeats; of the others the table tells what is known."""
    own = Path(__file__).with_name(f"{spec.name}.md")
    if own.is_file():
        return own.read_text(encoding="utf-8")
    return f"""{spec.good_for}

- Size: {spec.megabytes:g} MB; a run takes {spec.run_megabytes:g} MB, at {spec.side}×{spec.side}.
- Published at: {spec.url}
- Checksum: {spec.checksum}
- Licence: {spec.licence}.
"""
