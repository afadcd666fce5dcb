"""The cache: what a hit saves, what counts as the same picture, and a folder of 100,000 entries."""

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path

import hits
import pictures
from alterations import COPIES, OTHERS, RECOLOURED, TONED
from entries import ManyMasks
from figures import Figure, print_table
from likeness import Likeness, Tally, of_unrelated
from place import SHARED, BenchError, machine, model_file, scratch, warn_if_busy

from watchd.imaging.cpus import ThreadPlan
from watchd.imaging.models import find
from watchd.imaging.segment import Segmenter
from watchd.imaging.session import load_segmenter

_ENTRIES = 100_000
_SAME_AS_A_PHOTO = "0161.jpg"  # of the pictures for evaluation: a photo of ../shared/photos, made smaller


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", default="u2netp", help="builtin, u2netp or an .onnx file of that family")
    parser.add_argument("--parts", default=",".join(_PARTS), help="some of %(default)s")
    parser.add_argument("--quick", action="store_true", help="few pictures: shows that it works")
    parser.add_argument("--markdown", action="store_true", help="print the table of the README")


def run(asked: argparse.Namespace) -> None:
    parts = asked.parts.split(",")
    if unknown := set(parts) - set(_PARTS):
        raise BenchError(f"--parts knows {', '.join(_PARTS)}, and not {', '.join(sorted(unknown))}")
    warn_if_busy()
    segmenter = load_segmenter(find(str(model_file(asked.model)), {}), lambda: ThreadPlan(1, 1, 1, (None,)))
    figures: list[Figure] = []
    for part in parts:
        with scratch("cache") as work:
            figures += _PARTS[part](work, segmenter, asked.quick)
    print_table(figures, asked.markdown)
    print(f"\n{machine()}. Model {Path(asked.model).name}, one thread.")


def _likeness(work: Path, segmenter: Segmenter, quick: bool) -> Iterator[Figure]:
    photos = _originals(quick)
    likeness = Likeness(photos, segmenter, work)
    copies, toned, recoloured, others = (
        likeness.of(alterations) for alterations in (COPIES, TONED, RECOLOURED, OTHERS)
    )
    unrelated = of_unrelated([*photos, *_strangers(quick)], segmenter, work)
    yield _share("recompressed, resized, other format", copies, "99 % or more")
    yield _share("brightness, contrast, white balance, grey, sharpened", toned, "90 % or more")
    yield _share("recoloured, its own pixels under the mask of the first", recoloured)
    yield _count("moved, cut, turned, bordered, mirrored, added to", others)
    yield _count("unrelated pictures, each against all others", unrelated)
    wrong = sum(tally.wrong_pixels for tally in (copies, toned, recoloured, others, unrelated))
    yield Figure("wrong pixels over all of these", str(wrong), "0")


def _share(what: str, tally: Tally, wanted: str = "") -> Figure:
    missed = f"; not: {', '.join(tally.missed)}" if len(tally.missed) in (1, 2) else ""
    return Figure(what, f"{100 * tally.share:.1f} % of {tally.asked}{missed}", wanted)


def _count(what: str, tally: Tally) -> Figure:
    known = f": {', '.join(tally.known)}" if tally.known else ""
    return Figure(what, f"{len(tally.known)} of {tally.asked}{known}", "0")


def _originals(quick: bool) -> list[Path]:
    """The photos as they are, else what the other benchmarks draw."""
    photos = sorted(path for path in (SHARED / "photos").glob("*.*") if path.suffix in (".jpg", ".png"))
    return (photos or sorted(pictures.folder("medium", quick).iterdir()))[: 3 if quick else None]


def _strangers(quick: bool) -> list[Path]:
    strangers = sorted((SHARED / "eval/images").glob("*.jpg"))[: 20 if quick else None]
    return [path for path in strangers if path.name != _SAME_AS_A_PHOTO]


def _entries(work: Path, _: Segmenter, quick: bool) -> Iterator[Figure]:
    count = _ENTRIES // 100 if quick else _ENTRIES
    many = ManyMasks(work / "cache", count)
    yield Figure(f"start with {count:,} entries", f"{many.start_s():.2f} s", "0.5 s or less")
    yield Figure(f"lookup among {count:,} entries", f"{1e3 * many.lookup_s():.2f} ms", "0.2 ms or less")


Measure = Callable[[Path, Segmenter, bool], Iterator[Figure]]

_PARTS: dict[str, Measure] = {"hits": hits.figures, "likeness": _likeness, "entries": _entries}
