"""Where a cutout goes: its name, what happens when the name is taken, and its delivery."""

import hashlib
import os
from collections.abc import Callable, Iterator
from functools import partial

from watchd.domain.errors import TryAgain
from watchd.store.atomic import publish, same_content
from watchd.store.receipts import Receipt
from watchd.store.staging import Batch, Staging
from watchd.store.storedfile import StoredFile
from watchd.tree import Tree, fitting

_LAST_NUMBER = 9999


class Outbox:
    """The outbox of one watch folder. Any thread.

    `batch_of` names the batch of `staging` that a source belongs to; "" says that it is delivered by itself.
    """

    def __init__(
        self, tree: Tree, staging: Staging | None = None, batch_of: Callable[[str], str] = lambda _: ""
    ) -> None:
        self._tree = tree
        self._staging = staging
        self._batch_of = batch_of

    def deliver(
        self,
        receipt: Receipt,
        suffix: str,
        content: bytes | StoredFile,
        intend: Callable[[str, str], Receipt],
        confirm: Callable[[], None] = lambda: None,
    ) -> Receipt:
        """Puts the cutout under the first name that is free, or that holds this source's own last cutout.

        `intend(output, sha256)` must have made the choice durable when it returns: after a crash the
        receipt tells a cutout of ours from a file of the user's. A file that someone has changed since
        its delivery counts as the user's. `confirm` raises if the source is no longer ours: it is asked
        for each name, and again right before the cutout gets it. BadEntry says that a stored file is
        damaged: nothing has been delivered, and the cutout is to be made afresh.
        """
        digest = content.sha256 if isinstance(content, StoredFile) else hashlib.sha256(content).hexdigest()
        batch = self._batch(receipt.relative)
        for output in _names(receipt, suffix, batch):
            spot = batch.staged(output) if batch else output
            ours = output == receipt.output and same_content(self._tree, spot, receipt.digest)
            if not ours and self._tree.exists(spot):
                continue
            confirm()
            intended = intend(output, digest)
            may_appear = partial(self._confirm, confirm, batch, intended)
            try:
                publish(self._tree, spot, content, receipt.token, replace=ours, confirm=may_appear)
            except FileExistsError:
                continue
            return intended
        raise TryAgain(f"{receipt.relative}: every name for its cutout is taken; tidy up the outbox")

    def _batch(self, relative: str) -> Batch | None:
        source = self._batch_of(relative)
        return self._staging.batch(source) if self._staging and source else None

    def _confirm(self, confirm: Callable[[], None], batch: Batch | None, intended: Receipt) -> None:
        confirm()
        if self._staging and batch:
            self._staging.must_be_open(batch, intended.output, intended.token)


def _names(receipt: Receipt, suffix: str, batch: Batch | None) -> Iterator[str]:
    if batch is None:
        return candidates(receipt.relative, suffix, receipt.output)
    last = receipt.output if batch.holds(receipt.output) else ""
    return candidates(batch.within(receipt.relative), suffix, last)


def candidates(relative: str, suffix: str, last: str = "") -> Iterator[str]:
    """The names a cutout may get: its last one, `a.png`, `a.jpg.png`, `a.jpg-2.png`, `a.jpg-3.png`, …"""
    above, _, name = relative.rpartition("/")
    stem = os.path.splitext(name)[0]
    folder = f"{above}/" if above else ""
    if last and last.endswith(suffix):
        yield last
    yield folder + fitting(stem, suffix)
    yield folder + fitting(name, suffix)
    for number in range(2, _LAST_NUMBER):
        yield folder + fitting(name, f"-{number}{suffix}")
