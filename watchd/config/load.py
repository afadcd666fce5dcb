"""From a YAML file, the environment and the command line to one Config, or one ConfigError."""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml
from pydantic import ValidationError

from watchd.config.conflicts import conflicts
from watchd.config.keys import KeyPath, dotted
from watchd.config.layers import (
    COMMAND_LINE,
    DEFAULT,
    Layer,
    Origin,
    from_command_line,
    from_environment,
)
from watchd.config.problems import Problem, problem_of
from watchd.config.schema import Config
from watchd.domain.errors import ConfigError

_NAME_ONE = "name a watch folder (ROOT), or with -c the config file that lists some"


@dataclass(frozen=True, slots=True)
class Loaded:
    """A valid config, where each of its values comes from, by dotted key, and its file if there is one."""

    config: Config
    origins: Mapping[str, str]
    file: Path | None = None

    def effective(self) -> Iterator[tuple[str, str, str]]:
        """Each key, its value as people write it, and where that comes from."""
        for path, value in _leaves(self.config.model_dump(mode="json")):
            if value is not None:
                text = value if isinstance(value, str) else json.dumps(value)
                yield dotted(path), text, self.origins[dotted(path)]


def load(
    path: Path | None,
    root: Path | None,
    overrides: Mapping[str, object],
    environ: Mapping[str, str],
    text: str | None = None,
) -> Loaded:
    """The command line beats the file, the file the environment, the environment the default.

    Without `path`, ROOT/config.yaml is read if it is there. `overrides` has dotted keys; None among
    them is an option that was not given. `text` is taken for what the file says, which is not read then. A
    ConfigError has one line for each problem.
    """
    file = path or _beside(root)
    written, problems = _read(file, text) if file else (Layer(), [])
    layer = from_command_line(overrides).over(written).over(from_environment(environ))
    if layer.values.get("watch"):
        problems += _two_lists(root, file)
    elif root:
        layer = _only(root).over(layer)
    else:
        what = "list a folder here, or name one (watchd run ROOT)" if file else _NAME_ONE
        problems.append((("watch",), f"nothing to watch: {what}"))
    config, refused = _validate(layer, base=(file.parent if file else Path()).absolute())
    if config is None or problems or refused:
        fallback = Origin(str(file)) if file else COMMAND_LINE
        raise ConfigError("\n".join(_lines(problems + refused, layer, fallback)))
    leaves = (leaf for leaf, _ in _leaves(config.model_dump()))
    return Loaded(config, {dotted(leaf): str(layer.origins.get(leaf, DEFAULT)) for leaf in leaves}, file)


def _beside(root: Path | None) -> Path | None:
    return root / "config.yaml" if root and (root / "config.yaml").is_file() else None


def _two_lists(root: Path | None, file: Path | None) -> list[Problem]:
    """The file in ROOT itself says how ROOT is watched; any other list contradicts ROOT."""
    if root is None or file is None or os.path.realpath(file.parent) == os.path.realpath(root):
        return []
    return [(("watch",), f"this list and ROOT ({root}) both say what to watch: give one of them")]


def _only(root: Path) -> Layer:
    at: KeyPath = ("watch", 0)
    values = {"watch": [{"root": str(root.absolute())}]}
    return Layer(values, {at: COMMAND_LINE, (*at, "root"): COMMAND_LINE})


def _validate(layer: Layer, base: Path) -> tuple[Config | None, list[Problem]]:
    try:
        config = Config.model_validate(layer.values, context={"base": base})
    except ValidationError as error:
        return None, [problem_of(each) for each in error.errors(include_url=False)]
    return config, list(conflicts(config))


def _lines(problems: list[Problem], layer: Layer, fallback: Origin) -> Iterator[str]:
    located = [(layer.nearest(path) or fallback, path, text) for path, text in problems]
    for origin, path, text in sorted(located, key=lambda problem: problem[0].line):
        yield f"{origin}: {dotted(path)}: {text}"


def _leaves(value: object, at: KeyPath = ()) -> Iterator[tuple[KeyPath, object]]:
    """Every value with its path; a list of plain values is one value."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _leaves(inner, (*at, key))
    elif isinstance(value, list | tuple) and value and isinstance(value[0], dict):
        for index, inner in enumerate(value):
            yield from _leaves(inner, (*at, index))
    else:
        yield at, value


def _read(file: Path, text: str | None) -> tuple[Layer, list[Problem]]:
    text = text_of(file) if text is None else text
    try:
        reader = _Reader(str(file), text)
        values = reader.values()
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise ConfigError(f"{file}:{line}: not valid YAML: {error.reason}") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = ", ".join(filter(None, [error.context, error.problem]))
        raise ConfigError(f"{file}:{mark.line + 1 if mark else 1}: not valid YAML: {what}") from error
    except RecursionError as error:
        raise ConfigError(f"{file}: nested too deeply, or an alias that contains itself") from error
    if not isinstance(values, dict):
        raise ConfigError(f"{file}: keys with their values are expected at the top, not a list or a text")
    return Layer(values, reader.origins), reader.problems


def read_strange(where: Path, text: str) -> tuple[Layer, list[Problem]]:
    """As a config file, but of somebody who is not trusted: with no aliases, of which ten lines unfold
    into millions. ConfigError.
    """
    try:
        aliased = any(isinstance(each, yaml.AliasEvent) for each in yaml.parse(text))
    except (yaml.YAMLError, RecursionError):
        aliased = False  # reading it says what is wrong
    if aliased:
        raise ConfigError(f"{where}: aliases (*name) are not read here")
    return _read(where, text)


def text_of(file: Path) -> str:
    """ConfigError: it cannot be read, or is not UTF-8."""
    try:
        return file.read_bytes().decode("utf-8")
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{file}:{line}: not UTF-8: save the file in that encoding") from error


class _Reader:
    """Turns the nodes of one YAML document into plain values, and notes the line of each."""

    def __init__(self, where: str, text: str) -> None:
        self.origins: dict[KeyPath, Origin] = {}
        self.problems: list[Problem] = []
        self._where = where
        self._loader = yaml.SafeLoader(text)

    def values(self) -> object:
        node = self._loader.get_single_node()
        return {} if node is None else self._value(node, ())

    def _value(self, node: yaml.Node, at: KeyPath) -> object:
        match node:
            case yaml.MappingNode():
                return self._mapping(node, at)
            case yaml.SequenceNode():
                return [self._item(item, (*at, index)) for index, item in enumerate(node.value)]
            case _:
                return self._scalar(node)

    def _mapping(self, node: yaml.MappingNode, at: KeyPath) -> dict[str, object]:
        values: dict[str, object] = {}
        for key, value in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else "?"
            path = (*at, name)
            if name in values:
                self.problems.append((path, f"given twice, first in line {self.origins[path].line}"))
            self._note(key, path)
            values[name] = self._value(value, path)
        return values

    def _item(self, node: yaml.Node, at: KeyPath) -> object:
        self._note(node, at)
        return self._value(node, at)

    def _scalar(self, node: yaml.Node) -> object:
        """Numbers, truth values and nothing as such; what YAML takes for a date stays the text it is."""
        try:
            value = self._loader.construct_object(node)
        except ValueError:
            return node.value
        return value if value is None or isinstance(value, str | int | float) else node.value

    def _note(self, node: yaml.Node, at: KeyPath) -> None:
        self.origins[at] = Origin(self._where, node.start_mark.line + 1)
