"""The drop-in of one service: what it may write to, which mounts it waits for, and which watchd it runs."""

import os
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from watchd.config.schema import Config
from watchd.domain.errors import ConfigError
from watchd.domain.profile import WatchFolder

_HIDDEN = (Path("/home"), Path("/root"), Path("/run/user"))
"""What ProtectHome hides."""

_DEEP = frozenset(map(Path, ("/home", "/var", "/usr", "/etc", "/opt", "/boot", "/run")))
_SHALLOW = frozenset(map(Path, ("/", "/srv", "/mnt", "/media", "/tmp")))
"""What lies in these is not given away as a whole, and in the deep ones neither is a folder right below."""


@dataclass(frozen=True, slots=True)
class Needs:
    """The paths that a service needs, of which none of `writable` lies in another; and the groups."""

    places: tuple[Path, ...]
    writable: tuple[Path, ...]
    models: tuple[Path, ...] = ()
    groups: tuple[str, ...] = ()


def needs_of(config: Config, model_home: Path | None = None) -> Needs:
    """`model_home` is where networks are kept, if not in the state directory of the service."""
    folders = config.watch_folders()
    others = [Path(os.path.realpath(each)) for each in (config.cache.dir, model_home) if each]
    named = {config.profile(name).model for name in config.profiles}
    return Needs(
        places=tuple(sorted({place for each in folders for place in each.places().values()} | set(others))),
        writable=tuple(_outermost([mount for each in folders for mount in _mounts(each)] + others)),
        models=tuple(sorted(Path(model) for model in named if model.startswith("/"))),
        groups=tuple(sorted({each.group for each in folders if each.group})),
    )


def render(
    needs: Needs,
    config_file: Path,
    *,
    program: Path | None = None,
    model_home: Path | None = None,
    groups: Iterable[str] = (),
    waits_for_reloads: bool = False,
) -> str:
    """The text of the drop-in, with further `groups`. `waits_for_reloads`: this systemd knows notify-reload
    (253 and later).

    ConfigError for a path or a group that a unit file cannot hold.
    """
    hidden = [path for path in needs.writable if _is_hidden(path)]
    hidden_models = [path for path in needs.models if _is_hidden(path)]
    lines = [
        f"# Written by scripts/install-service from {config_file}. When its folders change, run that again.",
        "[Unit]",
        *_each("RequiresMountsFor", (*needs.places, *needs.models)),
        "",
        "[Service]",
        *_each("ReadWritePaths", needs.writable),
    ]
    if hidden or hidden_models:
        lines += ["# Of the home folders, these alone are there.", "ProtectHome=tmpfs"]
        lines += [*_each("BindPaths", hidden), *_each("BindReadOnlyPaths", hidden_models)]
    lines += [f"SupplementaryGroups={_word(group)}" for group in dict.fromkeys((*groups, *needs.groups))]
    if model_home is not None:
        lines.append(f"Environment={_quoted(f'U2NET_HOME={model_home}')}")
    if program is not None:
        command = _quoted(str(program)).replace("$", "$$")
        lines += ["ExecStart=", f"ExecStart={command} run -c {config_file}"]
    if waits_for_reloads:
        lines += ["# `systemctl reload` waits until the reload is done.", "Type=notify-reload", "ExecReload="]
    return "\n".join(lines) + "\n"


def _mounts(folder: WatchFolder) -> list[Path]:
    """What of a watch folder is made writable: if possible as one path whatever originals are moved between.

    Each path becomes a mount of its own in the service, and between mounts a file is copied, not renamed.
    """
    moved = (folder.inbox, folder.originals, folder.failed)
    candidates = [folder.inbox, *(above for above in folder.inbox.parents if not _is_everybodys(above))]
    nearest = max(candidates, key=lambda above: sum(place.is_relative_to(above) for place in moved))
    return [nearest, *folder.places().values()]


def _is_everybodys(path: Path) -> bool:
    return path in _SHALLOW | _DEEP or path.parent in _DEEP


def _outermost(paths: Iterable[Path]) -> Iterator[Path]:
    """Each path but those that lie in another."""
    above: Path | None = None
    for path in sorted(set(paths)):
        if above is None or not path.is_relative_to(above):
            above = path
            yield path


def _is_hidden(path: Path) -> bool:
    return any(path.is_relative_to(home) for home in _HIDDEN)


def _each(key: str, paths: Iterable[Path]) -> Iterator[str]:
    for path in paths:
        yield f"{key}={_quoted(str(path))}"


def _word(group: str) -> str:
    if not group.isprintable() or " " in group:
        raise ConfigError(f"{group!r}: a unit file cannot hold this name of a group (watch[].group)")
    return group.replace("%", "%%")


def _quoted(text: str) -> str:
    """As systemd.syntax(7) and systemd.unit(5) want it: quotes and backslashes escaped, % doubled."""
    if any(unicodedata.category(char) in {"Cc", "Cs"} for char in text):  # a line's end, or not UTF-8
        raise ConfigError(f"{text!r}: a unit file cannot hold this name: give the folder another one")
    for char, written in (("\\", "\\\\"), ('"', '\\"'), ("%", "%%")):
        text = text.replace(char, written)
    return f'"{text}"'
