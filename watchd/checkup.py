"""Looks a configuration over: is everything fit to run, and if not, what is to be done."""

import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from watchd.config.load import Loaded
from watchd.config.schema import Config
from watchd.domain.errors import ExitCode, StartupError
from watchd.domain.profile import WatchFolder
from watchd.imaging.models import find
from watchd.intake.mounts import mount_of
from watchd.intake.watcher import polls
from watchd.provision import default_memory, engine_in_words, thread_plan
from watchd.report.hookcheck import Answer, looked_over, tried
from watchd.store.cachefolder import open_cache
from watchd.store.places import free_bytes, prepare

_LITTLE_SPACE = 1_000_000_000
_FEW_WATCHES = 8192


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of `watchd check`. Any code but OK says what `watchd run` would end with, or that a hook
    would tell nobody.
    """

    text: str
    code: ExitCode = ExitCode.OK


def check_all(loaded: Loaded, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Every finding, as soon as it is made. Makes the folders that are missing, as `watchd run` would."""
    config = loaded.config
    for folder in config.watch_folders():
        yield from _folder(folder)
        yield from _cache(config, folder)
        yield from _findings(folder, looked_over(folder, environ))
    yield from _redis(config)
    yield from _metrics(config)
    yield from _inotify()
    yield _threads(loaded)
    memory = config.limits.memory or default_memory()
    yield Finding(f"memory for pictures in work: {memory // 1_000_000} MB")
    yield _engine(config)
    for model in sorted({model for folder in config.watch_folders() for model in folder.models}):
        yield _model(model, environ)


def _folder(folder: WatchFolder) -> Iterator[Finding]:
    try:
        prepare(folder)
    except StartupError as error:
        yield Finding(f"{folder.name}: {error}", error.exit_code)
        return
    mount = mount_of(folder.inbox)
    how = f"polled every {folder.poll_s:g} s and more" if polls(folder, mount) else "by inotify events"
    yield Finding(f"{folder.name}: inbox {folder.inbox} on {mount.kind} ({mount.point}), watched {how}")
    for key, path in folder.places().items():
        if key != "inbox":
            yield _writable(folder, key, path)
    if os.stat(folder.inbox).st_dev != os.stat(folder.originals).st_dev:
        yield Finding(f"{folder.name}: originals is on another file system, so originals are copied there")


def _writable(folder: WatchFolder, key: str, path: Path) -> Finding:
    """By writing, since permissions alone do not tell of a share that is mounted read-only."""
    try:
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        return Finding(
            f"{folder.name}: {key} {path} cannot be written: {error.strerror}", ExitCode.FOLDER_UNUSABLE
        )
    free = free_bytes(path)
    low = "; that is little" if free < _LITTLE_SPACE else ""
    return Finding(f"{folder.name}: {key} {path} is writable, {free / 1e9:.1f} GB free{low}")


def _cache(config: Config, folder: WatchFolder) -> Iterator[Finding]:
    """One that cannot be written stops nobody: it is told, and is no reason not to run."""
    if not folder.profile.cache.enabled:
        yield Finding(f"{folder.name}: nothing is remembered (cache.enabled)")
        return
    tree = open_cache(config.cache_of(folder))
    found = _writable(folder, "cache", tree.root)
    yield replace(found, code=ExitCode.OK)


def _redis(config: Config) -> Iterator[Finding]:
    if config.cache.redis is None or not config.cache.enabled:
        return
    try:
        from watchd.lending import reaches
    except StartupError as error:
        yield Finding(str(error), error.exit_code)
        return
    there = reaches(config.cache.redis)
    yield Finding("redis: there" if there else "redis: away; each host remembers for itself meanwhile")


def _metrics(config: Config) -> Iterator[Finding]:
    if config.metrics is None:
        return
    try:
        from watchd.report import metrics  # noqa: F401 - whether it is there
    except StartupError as error:
        yield Finding(str(error), error.exit_code)
        return
    who = "this machine alone" if config.metrics.is_local else "EVERYBODY who reaches it, with no password"
    yield Finding(f"metrics: http://{config.metrics}/metrics, for {who}")


def try_hooks(config: Config, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Tells every hook of something that has not happened; blocks for as long as that takes."""
    for folder in config.watch_folders():
        yield from _findings(folder, tried(folder, environ))


def _findings(folder: WatchFolder, answers: Iterator[Answer]) -> Iterator[Finding]:
    for answer in answers:
        code = ExitCode.OK if answer.good else ExitCode.CONFIG
        yield Finding(f"{folder.name}: on_{answer.occasion}: {answer.hook} {answer.words}", code)


def _inotify() -> Iterator[Finding]:
    try:
        watches = int(Path("/proc/sys/fs/inotify/max_user_watches").read_text(encoding="ascii"))
    except (OSError, ValueError):
        return
    few = "; raise fs.inotify.max_user_watches for big trees" if watches < _FEW_WATCHES else ""
    yield Finding(f"inotify: {watches} folders can be watched{few}")


def _threads(loaded: Loaded) -> Finding:
    try:
        plan = thread_plan(loaded.config)
    except StartupError as error:
        return Finding(str(error), error.exit_code)
    pinned = [cpu for cpu in plan.worker_cpus if cpu is not None]
    where = f", pinned to CPU {', '.join(map(str, pinned))}" if pinned else ""
    notes = "".join(f"; {note}" for note in plan.notes)
    return Finding(f"threads: {plan.workers} workers × {plan.intra_op} intra-op{where}{notes}")


def _engine(config: Config) -> Finding:
    try:
        return Finding(f"engine: {engine_in_words(config)}")
    except StartupError as error:
        return Finding(str(error), error.exit_code)


def _model(model: str, environ: Mapping[str, str]) -> Finding:
    try:
        found = find(model, environ)
    except StartupError as error:
        return Finding(str(error), error.exit_code)
    how = f"{found.spec.megabytes:g} MB, run in bf16" if found.bf16 else f"{found.spec.megabytes:g} MB"
    return Finding(f"model: {found.spec.name}, {found.path} ({how}): {found.spec.good_for}")
