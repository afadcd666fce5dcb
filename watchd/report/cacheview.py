"""What the commands of the cache report, as text for a terminal."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from watchd.domain.cachereport import (
    Explained,
    Near,
    Purged,
    Recomputed,
    Shelf,
    Stock,
    Verified,
    Warmed,
    Warmth,
)
from watchd.domain.reuse import Tier
from watchd.report.escape import escape

_DECISIONS = {
    Tier.OFF: "nothing is reused: the cache is off for this watch folder",
    Tier.OUTPUT: "the finished cutout would be copied",
    Tier.EXACT: "its own mask would be used",
    Tier.PERCEPTUAL: "the mask of the nearest accepted picture would be used",
    Tier.MISS: "the network would run",
}
_REFUSALS = {
    "": "accepted",
    "aspect": "refused: it is of another shape",
    "edges": "refused: its edges differ",
    "source_small": "refused: its picture is too small",
}


def stock(found: Stock, now_s: float) -> str:
    """`now_s` in seconds since 1970."""
    lines = [f"cache {escape(found.cache)}"]
    lines += [f"  {escape(shelf.name)}: {_shelf(shelf, 'mask', now_s)}" for shelf in found.spaces]
    if not found.spaces:
        lines.append("  no masks yet")
    lines.append(f"  outputs: {_shelf(found.outputs, 'cutout', now_s)}")
    lines += [f"  {name}: {text}" for name, text in _history(found)]
    return "\n".join(lines)


def lent(counts: Mapping[str, float]) -> str:
    hits = _some(counts, hit_output=" output", hit_exact=" exact", hit_perceptual=" perceptual")
    saved = duration(counts["saved_seconds"])
    return f"all hosts of the Redis\n  hits: {hits}\n  misses: {counts['miss']:.10g}\n  saved: {saved}"


def _shelf(shelf: Shelf, thing: str, now_s: float) -> str:
    if shelf.oldest_use_s is None:
        return "none"
    oldest = duration(max(0.0, now_s - shelf.oldest_use_s))
    return f"{many(shelf.entries, thing)}, {size(shelf.size_bytes)}, the longest unused for {oldest}"


def _history(found: Stock) -> Iterator[tuple[str, str]]:
    counts = found.counts
    yield "lookups", _some(counts, lookups="", coalesced=" waited for another")
    yield "hits", _some(counts, hit_output=" output", hit_exact=" exact", hit_perceptual=" perceptual")
    yield "misses", f"{counts['miss']:.10g}"
    yield "saved", f"{duration(counts['saved_seconds'])} of the network's time"
    refusals = {name: count for name, count in counts.items() if name.startswith("rejected_") and count}
    refused = ", ".join(f"{count:.10g} {name.removeprefix('rejected_')}" for name, count in refusals.items())
    yield (
        "like pictures looked at",
        f"{counts['candidates']:.10g}" + (f"; refused: {refused}" if refused else ""),
    )
    yield "written", _some(counts, writes="", evicted_ttl=" left by age", evicted_size=" left by size")
    yield "trouble", _some(counts, corrupt=" damaged", errors=" not written")
    yield "error rate", _error_rate(found)


def _error_rate(found: Stock) -> str:
    if found.error_rate is None or found.mean_overlap is None:
        return "not known: no hit was audited yet"
    apart, audits = found.counts["audits_apart"], found.counts["audits"]
    hits = f"{apart:.10g} of {many(round(audits), 'audited hit')}"
    return f"{found.error_rate * 100:.1f} % ({hits}), mean overlap {found.mean_overlap:.3f}"


def _some(counts: Mapping[str, float], **words: str) -> str:
    return ", ".join(f"{counts[name]:.10g}{word}" for name, word in words.items())


def explained(found: Explained) -> str:
    rows = [
        ("sha256", found.sha256),
        ("size", f"{found.width}×{found.height}"),
        ("finished cutout", found.output or "none"),
        ("own mask", found.mask or "none"),
        ("phash", f"{found.phash}{' (flat: too few edges to be told from another)' if found.flat else ''}"),
        *(("like picture", _near(near)) for near in found.candidates),
        ("decision", f"{found.decision}: {_DECISIONS[found.decision]}"),
    ]
    lines = [f"{escape(found.folder)}: {escape(found.space)} in {escape(found.cache)}"]
    return "\n".join([*lines, *(f"  {name}: {text}" for name, text in rows)])


def _near(near: Near) -> str:
    edge = "" if near.edge is None else f", edges agree to {near.edge:.2f}"
    return f"{near.entry}: {near.distance} bits apart{edge}: {_REFUSALS.get(near.refusal, near.refusal)}"


def purged(found: Purged, *, dry_run: bool) -> str:
    names = [f"{'would remove' if dry_run else 'removed'} {name}" for name in (*found.masks, *found.outputs)]
    counts = f"{many(len(found.masks), 'mask')} and {many(len(found.outputs), 'cutout')}"
    done = "would be removed" if dry_run else "removed"
    last = f"{escape(found.cache)}: {counts} {done}, {size(found.size_bytes)} {'to be ' * dry_run}freed"
    stuck = [f"{name} cannot be removed" for name in found.stuck]
    return "\n".join([*names, *stuck, last])


def verified(found: Verified) -> str:
    bad = [
        f"{'removed' if fault.removed else 'BAD    '} {fault.entry}: {escape(fault.reason)}"
        for fault in found.faults
    ]
    read = f"{many(found.masks, 'mask')} and {many(found.outputs, 'cutout')} read"
    return "\n".join([*bad, f"{escape(found.cache)}: {read}, {len(found.faults) or 'none'} wrong"])


def recomputed(found: Sequence[Recomputed]) -> str:
    lines = [f"overlap {each.overlap:.3f} {each.entry} {escape(each.source)}" for each in found]
    if not found:
        return "no mask recomputed: none of the pictures there is remembered"
    mean = sum(each.overlap for each in found) / len(found)
    return "\n".join([*lines, f"{many(len(found), 'mask')} recomputed, mean overlap {mean:.3f}"])


def warmed(found: Warmed) -> str:
    if found.reason:
        return f"{found.state} {escape(found.path)}: {escape(found.reason)}"
    return f"{found.state} {escape(found.path)}"


def warmth(states: Iterable[Warmth]) -> str:
    """`12 made, 3 known, 1 failed`"""
    counts = Counter(states)
    return ", ".join(f"{counts[state]} {state}" for state in Warmth if counts[state]) or "no photos there"


def size(size_bytes: int) -> str:
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size_bytes >= factor:
            return f"{size_bytes / factor:.1f} {unit}"
    return f"{size_bytes} bytes"


def duration(seconds: float) -> str:
    """In its two largest units: `3 d 4 h`, `12 min 5 s`, `0.8 s`"""
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    whole, parts = round(seconds), []
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        count, whole = divmod(whole, length)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2])


def many(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"
