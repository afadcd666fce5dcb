"""Who infers what, among hosts that share a Redis: claims with a lease, and none that stops a job."""

import contextlib
import secrets
import threading

from watchd.store.redislink import Command, NoAnswer, RedisLink

# Both compare first: the claim may have run out, and be another one's by now.
_RELEASE = "if redis.call('get', KEYS[1]) == ARGV[1] then redis.call('del', KEYS[1]) end"
_REFRESH = """
local owner = redis.call('get', KEYS[1])
if not owner or owner == ARGV[1] then redis.call('set', KEYS[1], ARGV[1], 'PX', ARGV[2]) end
"""


class RedisClaims:
    """The claims of one space; implements `Claims`. Any thread.

    While Redis is away everybody gets what nobody else in this process has, and keeps it: at worst a mask
    is inferred twice. `refresh` must be called well within `lease_s`.
    """

    def __init__(self, link: RedisLink, space: str, lease_s: float) -> None:
        self._link = link
        self._space = space
        self._lease_ms = round(lease_s * 1000)
        self._held_guard = threading.Lock()
        self._held: dict[str, str] = {}

    def acquire(self, key: str) -> str | None:
        token = secrets.token_hex(8)
        with self._held_guard:
            if key in self._held:
                return None
            self._held[key] = ""  # nothing yet that a refresh could tell
        ours = self._free_elsewhere(key, token)
        with self._held_guard:
            if not ours:
                del self._held[key]
                return None
            self._held[key] = token
        return token

    def holds(self, key: str, token: str) -> bool:
        """False only if another has it: a Redis that was away, or is a new one, learns it by `refresh`."""
        with self._held_guard:
            if self._held.get(key) != token:
                return False
        try:
            (owner,) = self._link.ask(("GET", self._name(key)))
        except NoAnswer:
            return True
        return owner is None or owner == token.encode()

    def release(self, key: str, token: str) -> None:
        with self._held_guard:
            if self._held.get(key) != token:
                return
            del self._held[key]
        self._tell(("EVAL", _RELEASE, 1, self._name(key), token))

    def refresh(self) -> None:
        with self._held_guard:
            held = [(key, token) for key, token in self._held.items() if token]
        for key, token in held:
            self._tell(("EVAL", _REFRESH, 1, self._name(key), token, self._lease_ms))

    def sweep(self) -> None:
        """Nothing to do: in Redis a lease that has run out is gone."""

    def _free_elsewhere(self, key: str, token: str) -> bool:
        try:
            (reply,) = self._link.ask(("SET", self._name(key), token, "NX", "PX", self._lease_ms))
        except NoAnswer:
            return True
        return reply is not None

    def _tell(self, command: Command) -> None:
        with contextlib.suppress(NoAnswer):  # the lease ends by itself
            self._link.ask(command)

    def _name(self, key: str) -> str:
        return f"wd:{self._space}:claim:{key}"
