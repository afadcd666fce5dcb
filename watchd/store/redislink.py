"""The line to a Redis server: its replies or, at once and for as long as it is away, `NoAnswer`."""

import logging
import random
import threading
from collections.abc import Sequence
from types import TracebackType
from typing import Self, TypeAlias

from watchd.domain.errors import ConfigError
from watchd.domain.redisurl import check_url

try:
    from redis import Redis
    from redis.backoff import NoBackoff
    from redis.exceptions import RedisError, ResponseError
    from redis.retry import Retry
except ImportError as error:
    raise ConfigError("cache.redis needs an extra: pip install 'watchd[redis]'") from error

log = logging.getLogger(__name__)

Command: TypeAlias = tuple[str | bytes | int, ...]
Reply: TypeAlias = "bytes | int | list[Reply] | None"

_CONNECT_S = 0.5
_REPLY_S = 1.0
_FIRST_RETRY_S = 1.0
_LONGEST_RETRY_S = 60.0


class NoAnswer(Exception):
    """Redis is away; that has been logged."""


class Refused(NoAnswer):
    """Redis is there and refuses a command: it has no room, or no right, or something else under that key."""


class RedisLink:
    """One server, whatever is asked of it. Any thread.

    Entering tries to reach it. While it is away nobody waits for it: only `reconnect` asks again, on the
    thread that calls it.
    """

    def __init__(self, url: str) -> None:
        """ConfigError for a URL that cannot be meant."""
        if (problem := check_url(url)) is not None:
            raise ConfigError(f"cache.redis {problem}")
        self._redis = _client(url)
        self._state_guard = threading.Lock()
        self._there: bool | None = None  # None: not known yet
        self._refused = False

    def __enter__(self) -> Self:
        self._probe()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._state_guard:
            self._there = False
        self._redis.close()

    @property
    def there(self) -> bool:
        return self._there is True

    def ask(self, *commands: Command) -> list[Reply]:
        """The replies to all of them, in one round trip. NoAnswer if there is none, Refused if one is.

        Takes up to about 2 s in the moment in which the server is lost.
        """
        if not self.there:
            raise NoAnswer
        replies = self._exchange(commands)
        accepted: list[Reply] = []
        for reply in replies:
            if isinstance(reply, ResponseError):
                self._is_refused(reply)
                raise Refused from reply
            accepted.append(reply)
        return accepted

    def reconnect(self, stopping: threading.Event) -> None:
        """Blocks until Redis is back or `stopping` is set; asks after 1 s, 2 s, 4 s and so on up to 60 s."""
        wait_s = _FIRST_RETRY_S
        # Not all daemons at once, when one server has been away for all of them.
        while not self.there and not stopping.wait(wait_s * random.uniform(0.5, 1)):
            self._probe()
            wait_s = min(2 * wait_s, _LONGEST_RETRY_S)

    def _probe(self) -> None:
        try:
            self._exchange([("PING",)])
        except NoAnswer:
            return
        self._is_there()

    def _exchange(self, commands: Sequence[Command]) -> "list[Reply | ResponseError]":
        try:
            with self._redis.pipeline(transaction=False) as pipeline:
                for command in commands:
                    pipeline.execute_command(*command)  # type: ignore[no-untyped-call]
                # Else an error would repeat its command, and that is a mask.
                return pipeline.execute(raise_on_error=False)
        except (RedisError, OSError, ValueError) as error:  # ValueError: what answers there is no Redis
            self._is_away(error)
            raise NoAnswer from error

    def _is_there(self) -> None:
        with self._state_guard:
            was, self._there, self._refused = self._there, True, False
        if was is False:
            log.info("redis is back")

    def _is_away(self, error: Exception) -> None:
        with self._state_guard:
            was, self._there = self._there, False
        if was is not False:
            log.warning("redis is away, the cache goes on with files", extra={"reason": _reason(error)})

    def _is_refused(self, error: ResponseError) -> None:
        with self._state_guard:
            was, self._refused = self._refused, True
        level = logging.DEBUG if was else logging.WARNING
        log.log(level, "redis refuses, the cache goes on with files", extra={"reason": _reason(error)})


def _client(url: str) -> Redis:
    client = Redis.from_url(
        url,
        protocol=2,
        decode_responses=False,
        socket_connect_timeout=_CONNECT_S,
        socket_timeout=_REPLY_S,
        retry=Retry(NoBackoff(), 0),
    )
    client.response_callbacks.clear()  # replies as they came: these differ between versions of the package
    return client


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__
