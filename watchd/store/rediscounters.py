"""What all hosts together have counted in one space."""

import threading
from collections import Counter

from watchd.store.redislink import NoAnswer, RedisLink, Refused


class RedisCounters:
    """Counts in memory, for `flush` to add to Redis now and then. Any thread.

    What a Redis that is away has not got is kept for the next time; what it refuses is lost. A reply that
    is lost makes a number count twice.
    """

    def __init__(self, link: RedisLink, space: str) -> None:
        self._link = link
        self._key = f"wd:{space}:counters"
        self._pending_guard = threading.Lock()
        self._pending: Counter[str] = Counter()

    def count(self, field: str, by: int = 1) -> None:
        """Never blocks."""
        with self._pending_guard:
            self._pending[field] += by

    def flush(self) -> None:
        with self._pending_guard:
            pending, self._pending = self._pending, Counter()
        if not pending:
            return
        try:
            self._link.ask(*(("HINCRBY", self._key, field, by) for field, by in pending.items()))
        except Refused:
            return
        except NoAnswer:
            with self._pending_guard:
                self._pending.update(pending)

    def counters(self) -> dict[str, int]:
        """What Redis has; nothing while it is away."""
        try:
            (reply,) = self._link.ask(("HGETALL", self._key))
        except NoAnswer:
            return {}
        fields = [field for field in reply if isinstance(field, bytes)] if isinstance(reply, list) else []
        return {
            field.decode(errors="replace"): int(value)
            for field, value in zip(fields[::2], fields[1::2], strict=False)
            if value.removeprefix(b"-").isdigit() and len(value) <= 20
        }
