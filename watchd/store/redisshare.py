"""Masks shared by Redis, for hosts that share no directory: the bytes by name, and the names in a stream."""

import contextlib

from watchd.store.redislink import Command, NoAnswer, RedisLink

MAX_MASK_BYTES = 512 * 1024
_LONGEST_NAME = 255
_STREAM_ENTRIES = 100_000  # of about 100 bytes


class RedisShare:
    """The masks of one space; implements `Remote`. Any thread.

    A mask lives for `ttl_s` since its last use; 0: until Redis itself makes room.
    """

    def __init__(self, link: RedisLink, space: str, ttl_s: float) -> None:
        self._link = link
        self._space = space
        self._ttl_ms = round(ttl_s * 1000)

    def get(self, name: str) -> bytes | None:
        key = self._key(name)
        # GETRANGE instead of GETEX: whatever a stranger has put there, no more than this comes over.
        commands: list[Command] = [("GETRANGE", key, 0, MAX_MASK_BYTES)]
        if self._ttl_ms:
            commands.append(("PEXPIRE", key, self._ttl_ms))
        try:
            data, *_ = self._link.ask(*commands)
        except NoAnswer:
            return None
        return data if isinstance(data, bytes) and 0 < len(data) <= MAX_MASK_BYTES else None

    def find(self, sha16: str) -> str | None:
        """The name of that picture's mask, known before the stream has told it."""
        try:
            (name,) = self._link.ask(("GETRANGE", self._name_of(sha16), 0, _LONGEST_NAME))
        except NoAnswer:
            return None
        return name.decode(errors="replace") if isinstance(name, bytes) and name else None

    def put(self, name: str, data: bytes) -> None:
        """The bytes before the name, so that who hears of it finds them. What is too large stays here."""
        if len(data) > MAX_MASK_BYTES:
            return
        ttl: Command = ("PX", self._ttl_ms) if self._ttl_ms else ()
        told: Command = ("XADD", stream_of(self._space), "MAXLEN", "~", _STREAM_ENTRIES, "*", "name", name)
        with contextlib.suppress(NoAnswer):
            known: Command = ("SET", self._name_of(_sha16(name)), name, *ttl)
            self._link.ask(("SET", self._key(name), data, *ttl), known, told)

    def _key(self, name: str) -> str:
        return f"wd:{self._space}:mask:{name}"

    def _name_of(self, sha16: str) -> str:
        return f"wd:{self._space}:name:{sha16}"


def _sha16(name: str) -> str:
    return name.rpartition("_")[2].partition(".")[0]


def stream_of(space: str) -> str:
    """The key of the stream in which every new name of a space is told."""
    return f"wd:{space}:new"
