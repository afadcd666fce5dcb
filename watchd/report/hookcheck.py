"""Looks over the hooks of a watch folder, without telling them anything, or by telling them something."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import assert_never

from watchd.domain.errors import HookFailed
from watchd.domain.hook import CommandHook, Hook, WebHook
from watchd.domain.profile import WatchFolder
from watchd.report.hookcommand import trouble_with
from watchd.report.hookthreads import hooks_for, tell
from watchd.report.notice import Occasion, sample
from watchd.report.signature import read_secret


@dataclass(frozen=True, slots=True)
class Answer:
    """What is to be said of one hook."""

    occasion: Occasion
    hook: Hook
    words: str
    good: bool


def looked_over(folder: WatchFolder, environ: Mapping[str, str]) -> Iterator[Answer]:
    """Whether each hook's program can be run, and each secret be read."""
    for occasion, hook in _all(folder):
        trouble = _trouble_with(hook, environ)
        yield Answer(occasion, hook, trouble or "can be told", good=not trouble)


def tried(folder: WatchFolder, environ: Mapping[str, str]) -> Iterator[Answer]:
    """Tells each hook, once, of something that has not happened; blocks."""
    for occasion, hook in _all(folder):
        try:
            tell(hook, sample(folder, occasion, datetime.now(UTC)), environ, lambda: False)
        except HookFailed as error:
            said = f"; it said: {error.output}" if error.output else ""
            yield Answer(occasion, hook, f"{error}{said}", good=False)
        else:
            yield Answer(occasion, hook, "was told", good=True)


def _all(folder: WatchFolder) -> Iterator[tuple[Occasion, Hook]]:
    for occasion in Occasion:
        for hook in hooks_for(folder.hooks, occasion):
            yield occasion, hook


def _trouble_with(hook: Hook, environ: Mapping[str, str]) -> str:
    match hook:
        case CommandHook():
            return trouble_with(hook, environ)
        case WebHook():
            try:
                if hook.secret:
                    read_secret(hook.secret, environ)
            except HookFailed as error:
                return str(error)
            return ""
        case _:
            assert_never(hook)
