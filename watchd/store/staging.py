"""Batches: what belongs to one folder of the inbox is gathered out of sight, and gets its name all at once.

`shoot/a.jpg` becomes `.watchd-batches/shoot/1/a.png` in the outbox, which one rename makes `shoot/a.png`.
Receipts, the log and hooks know it by the latter name from the start.
"""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace

from watchd.domain.errors import TryAgain
from watchd.domain.job import source_key
from watchd.store.atomic import is_temp_name, temp_name
from watchd.store.claims import FileClaims
from watchd.store.receipts import Receipt, Receipts
from watchd.tree import Tree, fitting, rename_exclusive, sync_folder

STAGED = ".watchd-batches"


@dataclass(frozen=True, slots=True)
class Batch:
    """Cutouts of the folder `source` of the inbox. What comes once they are delivered is the next batch."""

    source: str
    number: int = 1

    @property
    def name(self) -> str:
        """What it is to be called: `shoot`, `shoot-2`, `shoot-3`, …"""
        return self.source if self.number == 1 else fitting(self.source, f"-{self.number}")

    @property
    def place(self) -> str:
        """Where it is until then."""
        return f"{STAGED}/{self.source}/{self.number}"

    @property
    def key(self) -> str:
        """What is claimed by whoever delivers it; no source has that path."""
        return source_key(f"{self.source}/")

    def holds(self, output: str) -> bool:
        return output.startswith(f"{self.name}/")

    def within(self, relative: str) -> str:
        """The path of a source, as if the batch's name were that of its folder."""
        return self.name + relative.removeprefix(self.source)

    def staged(self, output: str) -> str:
        """Where the cutout of that name is until the batch is delivered."""
        return self.place + output.removeprefix(self.name)


class Staging:
    """The batches that are gathered in one outbox. Any thread."""

    def __init__(self, outbox: Tree, claims: FileClaims, receipts: Receipts) -> None:
        self._outbox = outbox
        self._claims = claims
        self._receipts = receipts
        self._open: frozenset[str] = frozenset()

    @property
    def open(self) -> bool:
        """Whether anything is gathered, as far as this process knows; asks no disk."""
        return bool(self._open)

    def gathered(self) -> list[Batch]:
        """Those that are on the disk, whichever daemon has begun them."""
        batches = [batch for source in self._outbox.names(STAGED) for batch in self._of(source)]
        self._open = frozenset(batch.source for batch in batches)
        return batches

    def batch(self, source: str) -> Batch:
        """Which the next cutout from that folder belongs to: the one that is gathered, or a new one."""
        self._open |= {source}
        return next(self._of(source), None) or self._free(Batch(source))

    def must_be_open(self, batch: Batch, output: str, token: str) -> None:
        """TryAgain if the cutout, whose temp is written, would come too late into its folder.

        Whoever delivers claims first and looks then whether all is done; we have shown our source first,
        and look then for the claim. So one of both sees the other.
        """
        above = batch.staged(output).rpartition("/")[0]
        if self._claims.taken(batch.key) or not self._outbox.exists(f"{above}/{temp_name(token)}"):
            raise TryAgain(f"{batch.source} is being delivered, and {output} is for the next batch")

    def spot_of(self, receipt: Receipt) -> str:
        """Where the cutout is, or would be, by its path in the outbox."""
        for batch in self._of(receipt.relative.partition("/")[0]):
            if batch.holds(receipt.output):
                return batch.staged(receipt.output)
        return receipt.output

    def deliver(self, batch: Batch) -> tuple[Batch, int]:
        """Gives it its name, or the next one that is free, durably; returns it with how many cutouts it has.

        With none nothing has been delivered: it was empty, or another daemon was faster. To be called only
        by who has claimed it, once all of it is done.
        """
        cutouts = self._clean(batch)
        try:
            while cutouts:
                if self._outbox.exists(batch.name):
                    batch = self._renumber(batch)
                with contextlib.suppress(FileExistsError):
                    self._move(batch.place, batch.name)
                    break
        except FileNotFoundError:
            if self._outbox.exists(batch.place):
                raise
            cutouts = 0
        for folder in (*self._folders(batch.place), f"{STAGED}/{batch.source}", STAGED):
            self._remove_empty(folder)
        return batch, cutouts

    def tidy(self) -> None:
        """Removes the empty folders that a kill has left; to be called before anything is gathered here."""
        for source in self._outbox.names(STAGED):
            self._remove_empty(f"{STAGED}/{source}")
        self._remove_empty(STAGED)

    def _of(self, source: str) -> Iterator[Batch]:
        """The lowest number first; more than one are there only where daemons have met."""
        names = self._outbox.names(f"{STAGED}/{source}") if source else []
        for number in sorted(int(name) for name in names if name.isascii() and name.isdigit()):
            yield Batch(source, number)

    def _free(self, batch: Batch) -> Batch:
        """From this one on the first whose name, and whose place, nothing has."""
        while self._outbox.exists(batch.name) or self._outbox.exists(batch.place):
            batch = replace(batch, number=batch.number + 1)
        return batch

    def _renumber(self, batch: Batch) -> Batch:
        """Somebody has taken its name meanwhile. The receipts come first: after a kill it is done again."""
        after = self._free(batch)
        for receipt in list(self._receipts.all()):
            mine = receipt.relative.startswith(f"{batch.source}/") and batch.holds(receipt.output)
            if mine and self._outbox.exists(batch.staged(receipt.output)):
                self._receipts.rename_output(receipt, after.name + receipt.output.removeprefix(batch.name))
        self._move(batch.place, after.place)
        return after

    def _move(self, before: str, after: str) -> None:
        with self._outbox.parent(before) as here, self._outbox.parent(after) as there:
            rename_exclusive(here, there)
            sync_folder(there.folder)
            sync_folder(here.folder)

    def _clean(self, batch: Batch) -> int:
        """Removes what attempts that were killed have left, and counts the cutouts."""
        cutouts = 0
        for path in list(self._outbox.files(batch.place)):
            name = path.rpartition("/")[2]
            if is_temp_name(name):
                self._outbox.unlink(path)
            cutouts += not name.startswith(".")
        return cutouts

    def _remove_empty(self, folder: str) -> None:
        """What is not empty, or is gone, stays as it is."""
        with contextlib.suppress(OSError), self._outbox.parent(folder) as spot:
            os.rmdir(spot.name, dir_fd=spot.folder)

    def _folders(self, above: str) -> Iterator[str]:
        """It and all that may be folders in it, the deepest first."""
        for name in self._outbox.names(above):
            yield from self._folders(f"{above}/{name}")
        yield above
