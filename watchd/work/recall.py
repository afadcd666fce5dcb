"""What is remembered of a picture, dearest first: its finished cutout, its mask, a like picture's mask.

A mask may serve another picture, pixels never do: whatever is remembered, a cutout shows its own picture.
"""

import hashlib
import json
import os
import random
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from io import BufferedReader

from watchd.domain.profile import Profile
from watchd.domain.reuse import Reuse, Tier
from watchd.domain.stages import Timed
from watchd.imaging.arrays import Mask
from watchd.imaging.decode import Picture
from watchd.imaging.fingerprint import DEFINITION, Fingerprint, fingerprint
from watchd.imaging.maskfile import VERSION
from watchd.imaging.overlap import overlap
from watchd.imaging.segment import Seen, Segmenter
from watchd.store.entryname import EntryName
from watchd.store.outputcache import OutputCache
from watchd.store.storedfile import StoredFile
from watchd.work.maskmemory import Candidate, Count, MaskMemory, Match
from watchd.work.singleflight import SingleFlight, Waiting

_AGREES = 0.95  # from this overlap on two masks pass for the same


def recipe_of(segmenter: Segmenter) -> dict[str, object]:
    """All that decides what a remembered mask is, and by what it is found."""
    return {"version": VERSION, "likeness": DEFINITION, **segmenter.recipe}


def space_of(model: str, segmenter: Segmenter) -> str:
    """Where the masks of this model, made in this way, are remembered: others never meet them."""
    recipe = json.dumps(recipe_of(segmenter), sort_keys=True).encode()
    name = re.sub("[^A-Za-z0-9.-]", "-", os.path.splitext(os.path.basename(model))[0]).strip(".")
    return f"{name[:64] or 'model'}-{hashlib.sha256(recipe).hexdigest()[:12]}"


@dataclass(frozen=True, slots=True)
class Prospect:
    """What would be reused for a picture, and all that was looked at; `output` is empty if none is sound."""

    tier: Tier
    output: str
    own: Match | None
    looks: Fingerprint
    candidates: tuple[Candidate, ...]


class Recall:
    """The memory of one watch folder. Any thread; nothing of the cache's trouble ever fails a job.

    `maker` names the program and its version: the finished cutouts of another one are not used. `policy` may
    be replaced at any time.
    """

    def __init__(
        self,
        *,
        masks: MaskMemory,
        outputs: OutputCache,
        segmenter: Segmenter,
        profile: Profile,
        maker: str,
        flights: SingleFlight,
        count: Count,
        chance: Callable[[], float] = random.random,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._masks = masks
        self._outputs = outputs
        self._segmenter = segmenter
        self.policy = profile.cache
        self._suffix = profile.format
        render = [space_of(profile.model, segmenter), profile.fingerprint(), maker]
        self._render = hashlib.sha256(json.dumps(render).encode()).hexdigest()[:12]
        self._flights = flights
        self._count = count
        self._chance = chance
        self._clock = clock

    def digest(self, file: BufferedReader) -> str:
        """What the file is known by: its sha256; nothing where nothing is remembered."""
        return hashlib.file_digest(file, "sha256").hexdigest() if self.policy.enabled else ""

    @contextmanager
    def alone(self, sha256: str, waiting: Waiting) -> Iterator[None]:
        """While entered nobody else works on that content: who had to wait finds it done.

        `waiting` is entered for as long as that takes.
        """
        if not self.policy.enabled:
            yield
            return
        with self._flights.only(f"{sha256[:32]}-{self._render}", waiting) as waited:
            self._count("lookups", 1)
            if waited:
                self._count("coalesced", 1)
                self._masks.look_again(sha256)
            yield

    def finished(self, sha256: str) -> StoredFile | None:
        """The cutout of the very same file by the very same recipe; the caller closes it."""
        reuse = self.policy.enabled and self.policy.outputs
        return self._outputs.open(sha256, self._render) if reuse else None

    def delivered(self, stored: StoredFile, sha256: str) -> Reuse:
        """To be told of a finished cutout that was of use."""
        own = self._masks.own(sha256)
        self._hit(Tier.OUTPUT, own.entry.inference_s if own else 0.0)
        return Reuse(Tier.OUTPUT, os.path.basename(stored.relative))

    def forget(self, stored: StoredFile) -> None:
        """To be told of a finished cutout that turned out to be damaged."""
        self._count("corrupt", 1)
        self._outputs.discard(stored)

    def keep(self, sha256: str, data: bytes, digest: str) -> None:
        """Remembers a finished cutout; `digest` is the sha256 of its bytes."""
        if self.policy.enabled and self.policy.outputs:
            self._outputs.add(sha256, self._render, self._suffix, data, digest)

    def mask(self, sha256: str, picture: Picture, timed: Timed = nullcontext) -> tuple[Mask, Reuse]:
        """The picture's mask, remembered or made, and where it came from; `timed` is entered to make it."""
        if not self.policy.enabled:
            small = self._segmenter.shrink(picture.seen())
            with timed():
                return self._segmenter(small), Reuse()
        own = self._masks.own(sha256)
        if own is not None:
            self._hit(Tier.EXACT, own.entry.inference_s)
            return own.entry.mask, Reuse(Tier.EXACT, str(own.name))
        return self._of_a_like_picture_or_made(sha256, picture, timed)

    def prospect(self, sha256: str, picture: Picture) -> Prospect:
        """What `finished` and `mask` would come to, with nothing counted, remembered or made."""
        small = self._segmenter.shrink(picture.seen())
        looks, own, output = fingerprint(small), self._masks.own(sha256), self._sound_output(sha256)
        candidates: tuple[Candidate, ...] = ()
        if self.policy.perceptual and not looks.flat:
            size = picture.image.size
            candidates = tuple(self._masks.candidates(looks, size, min(small.size), self.policy))
        like = any(candidate.match for candidate in candidates)
        found = {Tier.OUTPUT: output, Tier.EXACT: own, Tier.PERCEPTUAL: like, Tier.MISS: True}
        tier = next(tier for tier, there in found.items() if there) if self.policy.enabled else Tier.OFF
        return Prospect(tier, output, own, looks, candidates)

    def knows(self, sha256: str) -> bool:
        """Whether the mask of that very file is remembered."""
        return self._masks.own(sha256) is not None

    def adopt(self, sha256: str, picture: Picture, mask: Mask) -> EntryName:
        """Remembers a mask that was made elsewhere."""
        looks = fingerprint(self._segmenter.shrink(picture.seen()))
        return self._masks.remember(sha256, looks, picture.image.size, mask, 0.0)

    def _sound_output(self, sha256: str) -> str:
        stored = self.finished(sha256)
        if stored is None:
            return ""
        with stored:
            return os.path.basename(stored.relative) if stored.is_sound() else ""

    def _of_a_like_picture_or_made(self, sha256: str, picture: Picture, timed: Timed) -> tuple[Mask, Reuse]:
        small, size = self._segmenter.shrink(picture.seen()), picture.image.size
        looks = fingerprint(small)
        like, outgrown = self._masks.alike(sha256, looks, size, min(small.size), self.policy)
        if like is not None:
            self._hit(Tier.PERCEPTUAL, like.entry.inference_s)
            self._perhaps_audit(like, small, timed)
            return like.entry.mask, Reuse(Tier.PERCEPTUAL, str(like.name), like.distance, round(like.edge, 3))
        began = self._clock()
        with timed():
            mask = self._segmenter(small)
        name = self._masks.remember(sha256, looks, size, mask, self._clock() - began)
        for smaller in outgrown:
            self._masks.forget(smaller)
        self._count("miss", 1)
        return mask, Reuse(Tier.MISS, str(name))

    def _hit(self, tier: Tier, saved_s: float) -> None:
        self._count(f"hit_{tier}", 1)
        self._count("saved_seconds", saved_s)

    def _perhaps_audit(self, like: Match, small: Seen, timed: Timed) -> None:
        """Now and then the network runs all the same: so the error of likeness is known, not believed."""
        if self._chance() >= self.policy.audit_rate:
            return
        with timed():
            made = self._segmenter(small)
        agreement = overlap(made, like.entry.mask)
        self._count("audits", 1)
        self._count("audit_overlap", agreement)
        if agreement < _AGREES:
            self._count("audits_apart", 1)
