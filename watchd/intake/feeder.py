"""The one intake thread: sightings → settle → admission → submit."""

import threading
import time
from collections.abc import Callable, Iterable, Mapping

from watchd.background import Background, Grace, OnCrash
from watchd.domain.events import JobEnded
from watchd.domain.job import Job
from watchd.domain.outcome import Deferred, Delivered
from watchd.domain.ports import Submit
from watchd.domain.profile import WatchFolder
from watchd.intake.lane import Lane
from watchd.intake.sightings import Sightings

_LONGEST_WAIT_S = 60.0
_LOOKS_A_TURN = 64  # then the next folder has its turn
_LONGEST_STEP_S = 120.0  # one look at a file, or the reading of a large inbox on a slow share


class Feeder(Background):
    """Runs while entered. `room` says whether `submit` would take a job of a folder now; whoever makes room
    wakes the sightings, so that the feeder blocks on one thing only.

    `exhausted` is called whenever everything that was seen has its outcome, with what is left because it
    does not come to rest: path and reason.
    """

    def __init__(
        self,
        *,
        sightings: Sightings,
        room: Callable[[WatchFolder], bool],
        submit: Submit,
        on_crash: OnCrash,
        grace: Grace,
        exhausted: Callable[[dict[str, str]], None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__("feeder", self._feed, on_crash, grace, sightings.wake, clock)
        self._lanes: Mapping[str, Lane] = {}
        self._wanted: Mapping[str, Lane] = {}
        self._sightings = sightings
        self._room = room
        self._submit = submit
        self._exhausted = exhausted
        self._clock = clock
        self._under_way = 0

    def serve(self, lanes: Iterable[Lane]) -> None:
        """From its next turn on these lanes and no others, each of another name. Any thread."""
        in_turn = sorted(lanes, key=lambda lane: -lane.folder.priority)
        self._wanted = {lane.folder.name: lane for lane in in_turn}
        self._sightings.wake()

    def serves(self, lane: Lane) -> bool:
        """Whether it works on that lane, or will; any thread. If not, it never submits from there again."""
        return lane in self._lanes.values() or lane in self._wanted.values()

    def _feed(self, stopping: threading.Event) -> None:
        try:
            self._turn_until(stopping)
        finally:
            for lane in self._lanes.values():
                lane.drop_scans()

    def _turn_until(self, stopping: threading.Event) -> None:
        wait_s = 0.0
        while not stopping.is_set():
            self.pulse.promise(wait_s + _LONGEST_STEP_S)
            batch = self._sightings.take(wait_s)
            self._change_lanes()  # after the take: whoever asks for a scan has told us of the lane before
            now = self._clock()
            for (folder, relative), hint in batch.files.items():
                if (lane := self._lanes.get(folder)) is not None:
                    lane.sight(relative, hint, now)
            for folder, below in batch.scans:
                if (lane := self._lanes.get(folder)) is not None:
                    lane.begin_scan(below)
            self._under_way -= batch.returned
            self._heed(batch.ended, now)
            for lane in self._lanes.values():
                lane.advance(now, self._turn_of(lane), self._submit_counted)
            self._tell_if_exhausted()
            wait_s = self._until_next()

    def _turn_of(self, lane: Lane) -> Callable[[], bool]:
        """To be asked before each look at a file: a folder of thousands holds up no other."""
        looks = iter(range(_LOOKS_A_TURN))

        def room() -> bool:
            self.pulse.promise(_LONGEST_STEP_S)
            return self._room(lane.folder) and next(looks, None) is not None

        return room

    def _change_lanes(self) -> None:
        wanted = self._wanted
        for lane in self._lanes.values():
            if lane not in wanted.values():
                lane.drop_scans()
        self._lanes = wanted

    def _heed(self, ended: list[JobEnded], now: float) -> None:
        """Trouble of the surroundings pauses the watch folder it happened in."""
        for event in ended:
            self._under_way -= 1
            lane = self._lanes.get(event.job.folder.name)
            if lane is None:
                continue
            lane.look_again(event.job.source.relative, now)
            match event.outcome:
                case Deferred(reason, wait_s):
                    lane.pause(reason, now, wait_s)
                case Delivered():
                    lane.relieve()
                case _:
                    pass

    def _submit_counted(self, job: Job) -> bool:
        taken = self._submit(job)
        self._under_way += taken
        return taken

    def _tell_if_exhausted(self) -> None:
        left: dict[str, str] = {}
        for lane in self._lanes.values():
            stuck = lane.left()
            if stuck is None:
                return
            left |= stuck
        if not self._under_way:
            self._exhausted(left)

    def _until_next(self) -> float:
        """Not at all while a scan goes on; else until the next file is due for which there is room."""
        lanes = self._lanes.values()
        if any(lane.reading for lane in lanes):
            return 0.0
        due = [at for lane in lanes if self._room(lane.folder) and (at := lane.next_due()) is not None]
        now = self._clock()
        return min(max(0.0, min(due, default=now + _LONGEST_WAIT_S) - now), _LONGEST_WAIT_S)
