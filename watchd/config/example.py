"""Config files to start from: the complete example, and the short one that `watchd init` writes."""

import json
import textwrap
from collections.abc import Iterator, Mapping

from watchd.config.keys import Key, keys_of
from watchd.config.schema import Config, Section

HEAD = """\
Every key of watchd with its default, what it allows, and whether it can change while watchd runs \
(live, at once when this file is saved, or by SIGHUP) or is read at the start only (restart).

The command line beats this file, this file beats the environment, the environment beats the default. \
Every key outside of watch, profiles and schedule has a variable: WATCHD_THREADS_WORKERS is threads.workers. \
Read, too, but weaker: INTRA_OP_NUM_THREADS, INTER_OP_NUM_THREADS and CPU_BINDING; weakest of all is \
OMP_NUM_THREADS, for threads.intra_op.

Times are written 500ms, 90s, 5m, 1h or 7d; sizes 500MB, 2GB or 1GiB; numbers of pixels 200MP.
"""

STARTER = """\
# How watchd treats this folder. config.example.yaml of watchd names every key with its default;
# `watchd check` tells whether this file is right, and where each value comes from.

watch:
  - root: .            # inbox, outbox, originals and failed lie beside this file
    after: move        # what becomes of an original: move (to originals), keep or delete
    # recursive: true  # whether subfolders of the inbox are watched, too
    # settle: 2s       # how long a file must stay unchanged before it is taken

profiles:
  default:
    model: builtin     # needs no download; u2net has finer edges

# threads:
#   workers: auto      # how many pictures are worked on at once
"""

SAMPLE = {
    "name": "photos",
    "root": "photos",
    "inbox": "photos/inbox",
    "outbox": "photos/outbox",
    "originals": "photos/originals",
    "failed": "photos/failed",
    "sidecar": "photos/.watchd",
    "command": '["/usr/local/bin/publish", "--quiet"]',
    "url": "https://example.org/hooks/watchd",
    "secret": "hook.secret",
    "hours": "08:00-18:00",
}
"""Keys without a default of their own: those of this watch folder, and of a hook that it might have."""

WIDTH = 100


def starter() -> str:
    """The text of a first config.yaml, for the folder in which it lies."""
    return STARTER


def example() -> str:
    """The text of config.example.yaml."""
    values = Config.model_validate({"watch": [{"root": SAMPLE["root"]}]}).model_dump(mode="json")
    return "\n".join([*_comment(HEAD, ""), *_keys(Config, values, "")]) + "\n"


def _keys(section: type[Section], values: Mapping[str, object], indent: str) -> Iterator[str]:
    sampled: dict[type[Section], str] = {}
    for key in keys_of(section):
        name = key.path[-1]
        if not indent:
            yield ""
        yield from _comment(key.description, indent)
        if key.section is None:
            yield f"{indent}{_assignment(name, values[name])}  # {_about(key)}"
        elif not values[name]:
            like = sampled.setdefault(key.section, name)
            yield f"{indent}{name}:  # a list{f', as {like}' if like != name else ''}; live"
            if like == name:
                yield from _sample_of(key.section, f"{indent}  ")
        else:
            yield f"{indent}{name}:"
            yield from _inside(key.section, values[name], f"{indent}  ", repeated=key.repeated)


def _sample_of(section: type[Section], indent: str) -> Iterator[str]:
    """What one entry of a list might be that is empty by default, as a comment."""
    values = section.model_construct().model_dump(mode="json")
    for number, key in enumerate(keys_of(section)):
        name = key.path[-1]
        yield from _comment(key.description, indent)
        assignment = _assignment(name, values[name]).removeprefix("# ")
        yield f"{indent}# {' ' if number else '-'} {assignment}  # {_about(key)}"


def _inside(section: type[Section], value: object, indent: str, *, repeated: bool) -> Iterator[str]:
    if isinstance(value, list):
        for entry in value:
            yield from _dashed(list(_keys(section, entry, f"{indent}  ")), indent)
    elif isinstance(value, dict) and repeated:
        for name, entry in value.items():
            yield f"{indent}{name}:"
            yield from _keys(section, entry, f"{indent}  ")
    elif isinstance(value, dict):
        yield from _keys(section, value, indent)


def _dashed(lines: list[str], indent: str) -> list[str]:
    """The dash of a list entry stands before its first key, below the comments of that key."""
    first = next(index for index, line in enumerate(lines) if not line.lstrip().startswith("#"))
    lines[first] = f"{indent}- {lines[first].lstrip()}"
    return lines


def _assignment(name: str, value: object) -> str:
    match value:
        case None:
            return f"# {name}: {SAMPLE[name]}"
        case bool() | list():
            return f"{name}: {json.dumps(value)}"
        case _:
            return f"{name}: {SAMPLE['root'] if name == 'root' else value}"


def _about(key: Key) -> str:
    allowed = f"{key.written.allowed}; " if key.written else ""
    return f"{allowed}{'live' if key.live else 'restart'}"


def _comment(text: str, indent: str) -> Iterator[str]:
    for paragraph in text.splitlines():
        for line in textwrap.wrap(paragraph, WIDTH - len(indent) - 2) or [""]:
            yield f"{indent}# {line}".rstrip()
