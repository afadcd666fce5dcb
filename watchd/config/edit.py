"""Sets keys in the text of a config file, and leaves every other character as it is."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import yaml

from watchd.config.keys import KeyPath, dotted
from watchd.domain.errors import ConfigError


def edited(text: str, values: Mapping[KeyPath, str], where: str) -> str:
    """`text` with these keys set to these plain words; comments, order and line ends stay.

    ConfigError: a key is written in a form that a person should edit; it names `where` and the line.
    """
    try:
        for path, value in values.items():
            _set(text, path, value)  # once before there is a change, so that the line is that of the file
        changed = text
        for path, value in reversed(list(values.items())):  # what is put into a section stands first in it
            changed = _set(changed, path, value)
        if yaml.safe_load(changed) != _overlaid(yaml.safe_load(text) or {}, values):
            raise _NotEditable(0)
    except (_NotEditable, yaml.YAMLError) as error:
        line = text.count("\n", 0, error.index) + 1 if isinstance(error, _NotEditable) else 1
        wanted = ", ".join(f"{dotted(path)}: {value}" for path, value in values.items())
        raise ConfigError(
            f"{where}:{line}: in a form that only a person should edit (braces, an anchor, a tag, several "
            f"lines): set {wanted}"
        ) from error
    return changed


class _NotEditable(Exception):
    def __init__(self, index: int) -> None:
        super().__init__(index)
        self.index = index


def _set(text: str, path: KeyPath, value: str) -> str:
    at: Any = yaml.compose(text, yaml.SafeLoader)
    column, below = 0, len(text)
    for depth, name in enumerate(path):
        missing = path[depth:]
        if _is_empty(at):
            return _inserted(text, below, column, missing, value)
        if not isinstance(at, yaml.MappingNode) or at.flow_style or text[at.start_mark.index] in "&!":
            raise _NotEditable(at.start_mark.index)
        column = at.start_mark.column
        pair = next((pair for pair in at.value if pair[0].value == name), None)
        if pair is None:
            return _inserted(text, below, column, missing, value)
        key, at = pair
        if at.start_mark.index < key.end_mark.index:  # an alias: that is where its anchor stands
            raise _NotEditable(key.end_mark.index)
        column, below = column + 2, _next_line(text, key.end_mark.index)
    return _replaced(text, at, value)


def _is_empty(node: Any) -> bool:
    """No document, or a key with nothing behind it."""
    return node is None or (
        isinstance(node, yaml.ScalarNode) and node.start_mark.index == node.end_mark.index
    )


def _inserted(text: str, at: int, column: int, path: KeyPath, value: str) -> str:
    """On lines of their own, from `at` on: the end of the file, or the line below the section's key."""
    newline = "\r\n" if "\r\n" in text else "\n"
    before, after = text[:at], text[at:]
    if before and not before.endswith("\n"):
        before += newline
    if before and not column and not before.endswith(newline * 2):
        before += newline
    keys = [f"{' ' * (column + 2 * depth)}{name}:" for depth, name in enumerate(path)]
    return f"{before}{newline.join(keys)} {value}{newline}{after}"


def _replaced(text: str, node: Any, value: str) -> str:
    start, end = node.start_mark.index, node.end_mark.index
    if _is_empty(node):
        return f"{text[:start]} {value}{text[end:]}"
    if not isinstance(node, yaml.ScalarNode) or text[start] in "&!|>" or "\n" in text[start:end]:
        raise _NotEditable(start)
    return text[:start] + value + text[end:]


def _next_line(text: str, index: int) -> int:
    return text.find("\n", index) + 1 or len(text)


def _overlaid(values: Any, changes: Mapping[KeyPath, str]) -> Any:
    for path, value in changes.items():
        at = values
        for name, _below in pairwise(path):
            at[name] = at.get(name) or {}
            at = at[name]
        at[path[-1]] = yaml.safe_load(value)
    return values
