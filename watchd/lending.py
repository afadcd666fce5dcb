"""Says how masks are lent among hosts: builds the parts of Redis. Imported only where it is configured."""

from contextlib import ExitStack
from types import TracebackType
from typing import Self

from watchd.background import Grace, OnCrash
from watchd.domain.cachereport import COUNTS
from watchd.domain.ports import Claims
from watchd.store.entryname import EntryName
from watchd.store.maskcache import MaskCache, Remote
from watchd.store.redisclaims import RedisClaims
from watchd.store.rediscounters import RedisCounters
from watchd.store.redisfollower import RedisFollower
from watchd.store.redislink import RedisLink
from watchd.store.redisshare import RedisShare
from watchd.work.janitor import Chore

_FLUSH_EVERY_S = 10.0
_EVERYBODY = "all"  # claims and counters are of all models


class Lending:
    """One Redis for all caches of this process. Any thread; to be entered once some masks follow."""

    def __init__(self, url: str, ttl_s: float, lease_s: float, on_crash: OnCrash, grace: Grace) -> None:
        """ConfigError: no such URL, or the package is not installed."""
        self._link = RedisLink(url)
        self._ttl_s = ttl_s
        self._follower = RedisFollower(self._link, (), on_crash, grace)
        self._counters = RedisCounters(self._link, _EVERYBODY)
        self._life = ExitStack()
        self._claims = RedisClaims(self._link, _EVERYBODY, lease_s)
        self.chores = (Chore("tell Redis what was counted", _FLUSH_EVERY_S, self._counters.flush),)
        self.urgent_chores = (Chore("refresh the claims in Redis", lease_s / 4, self._claims.refresh),)

    @property
    def claims(self) -> Claims:
        return self._claims

    def remote(self, space: str) -> Remote:
        return RedisShare(self._link, space, self._ttl_s)

    def follow(self, space: str, masks: MaskCache) -> None:
        """What other hosts put there becomes known to `masks`."""

        def learn(name: str) -> None:
            entry = EntryName.parse(name)
            if entry is not None and masks.find(entry.sha16) is None:
                masks.learn(entry)

        self._follower.follow(space, learn)

    def count(self, name: str, by: float) -> None:
        """Fractions are counted in thousandths, for Redis adds whole numbers without an error."""
        if float(by).is_integer():
            self._counters.count(name, int(by))
        else:
            self._counters.count(f"{name}_thousandths", round(by * 1000))

    def __enter__(self) -> Self:
        self._life.enter_context(self._link)
        self._life.callback(self._counters.flush)
        self._life.enter_context(self._follower)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._life.close()


def lent(url: str) -> dict[str, float]:
    """What all hosts together have counted; nothing while Redis is away. ConfigError as in Lending."""
    with RedisLink(url) as link:
        counted = RedisCounters(link, _EVERYBODY).counters()
    return {name: counted.get(name, 0) + counted.get(f"{name}_thousandths", 0) / 1000 for name in COUNTS}


def reaches(url: str) -> bool:
    """Whether that Redis answers now. ConfigError as in Lending."""
    with RedisLink(url) as link:
        return link.there
