"""Delivers each batch of a watch folder once all of it is done and nothing more comes."""

import logging
from collections.abc import Callable

from watchd.domain.events import BatchDelivered
from watchd.domain.ports import Claims, Listener
from watchd.domain.profile import Deliver, WatchFolder
from watchd.intake.stillness import Stillness
from watchd.store.staging import Batch, Staging

log = logging.getLogger(__name__)


class Gathering:
    """`resting` says why nothing is to be delivered now: the folder is away, or paused. One thread.

    It asks the disk alone, so it is the same after a restart, with several daemons, and whether or not
    anything is gathered still.
    """

    def __init__(
        self,
        folder: WatchFolder,
        staging: Staging,
        stillness: Stillness,
        claims: Claims,
        resting: Callable[[], str],
        announce: Listener,
    ) -> None:
        self._folder = folder
        self._staging = staging
        self._stillness = stillness
        self._claims = claims
        self._resting = resting
        self._announce = announce
        self._looked = False
        self._told: dict[Batch, str] = {}

    @property
    def open(self) -> bool:
        """Whether something is gathered, and so still to be delivered."""
        return self._staging.open

    def turn(self) -> None:
        """To be called every second or so. OSError: the disk under the outbox.

        Where files are delivered by themselves, only what is there from before is looked after.
        """
        if self._folder.deliver is Deliver.FOLDERS or self._staging.open or not self._looked:
            self.deliver(self._folder.hooks.rest_s)

    def deliver(self, rest_s: float) -> dict[str, str]:
        """Those that have been still for so long. Gives those for which it failed: their folder, and why."""
        batches: list[Batch] = []
        if not self._resting():
            batches, self._looked = self._staging.gathered(), True
        self._stillness.forget_all_but({batch.source for batch in batches})
        failed = {}
        for batch in batches:
            try:
                still_s = self._stillness.seconds(batch.source)
                if still_s is not None and still_s >= rest_s:
                    self._deliver(batch)
            except OSError as error:
                failed[batch] = error.strerror or str(error)
        self._tell(failed)
        return {batch.source: f"not delivered: {reason}" for batch, reason in failed.items()}

    def _deliver(self, batch: Batch) -> None:
        token = self._claims.acquire(batch.key)
        if token is None:
            return
        try:
            if self._stillness.to_do(batch.source):  # come since the look, and maybe being delivered by now
                return
            named, cutouts = self._staging.deliver(batch)
        finally:
            self._claims.release(batch.key, token)
        if cutouts:
            self._announce(BatchDelivered(self._folder, batch.source, named.name, cutouts))

    def _tell(self, failed: dict[Batch, str]) -> None:
        """Once for each reason."""
        for batch, reason in failed.items():
            if self._told.get(batch) != reason:
                facts = {"folder": self._folder.name, "path": batch.source, "reason": reason}
                log.warning("batch not delivered", extra=facts)
        self._told = failed
