"""Follows the streams of names: what other hosts have put into Redis becomes known here."""

import threading
from collections.abc import Callable, Iterable, Iterator

from watchd.background import Background, Grace, OnCrash
from watchd.store.redislink import Command, NoAnswer, RedisLink, Refused, Reply
from watchd.store.redisshare import stream_of

Learn = Callable[[str], None]
"""Is told a name that may be anything: known already, gone again, or none at all."""

_BLOCK_MS = 500  # less than the link waits for a reply; leaving waits that long, too
_BATCH = 1000
_REFUSED_S = 60.0
_LONGEST_NAME = 255


class RedisFollower(Background):
    """Runs while entered, and is the thread that looks whether a lost Redis is back.

    After every connection it reads the streams from their start, 10 MB at most: a Redis that has come
    back may have lost some names, and got others under numbers that are lower than the last one seen.
    """

    def __init__(
        self, link: RedisLink, spaces: Iterable[tuple[str, Learn]], on_crash: OnCrash, grace: Grace
    ) -> None:
        super().__init__("redis", self._follow, on_crash, grace)
        self._link = link
        self._learns: dict[bytes, list[Learn]] = {}
        for space, learn in spaces:
            self.follow(space, learn)

    def follow(self, space: str, learn: Learn) -> None:
        """From now on `learn` is told of what comes there. Any thread; something is to follow on entering."""
        self._learns.setdefault(stream_of(space).encode(), []).append(learn)

    def _follow(self, stopping: threading.Event) -> None:
        while not stopping.is_set():
            try:
                self._read_streams(stopping)
            except Refused:
                stopping.wait(_REFUSED_S)
            except NoAnswer:
                self._link.reconnect(stopping)

    def _read_streams(self, stopping: threading.Event) -> None:
        """Until it is to stop; NoAnswer ends it, too."""
        last_ids: dict[bytes, bytes] = {}
        while not stopping.is_set():
            last_ids = {stream: last_ids.get(stream, b"0") for stream in tuple(self._learns)}
            (reply,) = self._link.ask(_xread(last_ids))
            for stream, entry_id, name in _entries(reply):
                last_ids[stream] = entry_id
                if name is not None:
                    self._tell(stream, name)

    def _tell(self, stream: bytes, name: str) -> None:
        for learn in self._learns[stream]:
            learn(name)


def _xread(last_ids: dict[bytes, bytes]) -> Command:
    return "XREAD", "COUNT", _BATCH, "BLOCK", _BLOCK_MS, "STREAMS", *last_ids.keys(), *last_ids.values()


def _entries(reply: Reply) -> Iterator[tuple[bytes, bytes, str | None]]:
    """Stream, id and name of every entry; the name is None in what a stranger has put there."""
    match reply:
        case list():
            for each in reply:
                match each:
                    case [bytes(stream), list(entries)]:
                        for entry in entries:
                            match entry:
                                case [bytes(entry_id), fields]:
                                    yield stream, entry_id, _name(fields)


def _name(fields: Reply) -> str | None:
    match fields:
        case [b"name", bytes(name)] if len(name) <= _LONGEST_NAME and name.isascii():
            return name.decode("ascii")
        case _:
            return None
