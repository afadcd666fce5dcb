"""How values are written in the config: 90s, 5m, 500MB, 200MP, "0-3,6", auto."""

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationInfo
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from watchd.domain import hook, redisurl
from watchd.domain.address import Address

TIMES = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
SIZES = {
    "B": 1,
    "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40,
    "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12,
}  # fmt: skip
PIXELS = {"": 1, "MP": 10**6}

PRIORITIES = {"high": 10, "normal": 0, "low": -10}

HIGHEST_CPU = 8191  # Linux can be built for no more than 8192


@dataclass(frozen=True, slots=True, eq=False)
class Written:
    """Annotates a key: how its value is read and written, and the words for what is allowed.

    `parse` raises ValueError for what is not allowed; `locate` takes a path that is relative to the
    folder of the file it was written in.
    """

    allowed: str
    parse: Callable[[object], Any]
    write: Callable[[Any], Any] = str
    forms: str = ""
    locate: Callable[[Any, Path], Any] = lambda value, _: value
    schema: Mapping[str, Any] | None = None

    def __get_pydantic_core_schema__(self, _source: object, _handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.with_info_plain_validator_function(
            self._validate,
            serialization=core_schema.plain_serializer_function_ser_schema(self.write),
        )

    def __get_pydantic_json_schema__(
        self, _schema: CoreSchema, _handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return dict(self.schema or {"type": "string"})

    def _validate(self, value: object, info: ValidationInfo) -> Any:
        try:
            return self.locate(self.parse(value), (info.context or {}).get("base", Path.cwd()))
        except ValueError as error:
            what = ", ".join(filter(None, [self.allowed, self.forms]))
            raise PydanticCustomError("not_allowed", "{what}", {"what": what}) from error


def seconds(least: str, most: str) -> Written:
    forms = "written like 500ms, 90s, 5m, 1h or 7d"
    return _quantity("a time", TIMES, least, most, base="s", number=float, forms=forms)


def size(least: str, most: str) -> Written:
    forms = "written like 500MB, 2GB or 1GiB"
    return _quantity("a size", SIZES, least, most, base="B", number=round, forms=forms)


def pixels(least: str, most: str) -> Written:
    forms = "written like 200MP or 200000000"
    return _quantity("a number of pixels", PIXELS, least, most, base="", number=round, forms=forms)


def whole(least: int, most: int) -> Written:
    def parse(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int | str):
            raise ValueError(value)
        return int(_within(int(value), least, most))

    return Written(
        f"a whole number from {least} to {most}",
        parse,
        write=int,
        schema={"type": "integer", "minimum": least, "maximum": most},
    )


def priority() -> Written:
    """A word, or a number for whoever needs more than three."""
    number = whole(-100, 100)
    words = {value: word for word, value in PRIORITIES.items()}

    def parse(value: object) -> int:
        return PRIORITIES[value] if isinstance(value, str) and value in PRIORITIES else number.parse(value)

    return Written(
        f"{', '.join(PRIORITIES)}, or {number.allowed}",
        parse,
        write=lambda value: words.get(value, value),
        schema={"anyOf": [{"enum": list(PRIORITIES)}, number.schema]},
    )


def even(least: int, most: int, why: str) -> Written:
    number = whole(least, most)

    def parse(value: object) -> int:
        found: int = number.parse(value)
        if found % 2:
            raise ValueError(value)
        return found

    schema = {**(number.schema or {}), "multipleOf": 2}
    return replace(
        number, allowed=f"an even number from {least} to {most}", parse=parse, forms=why, schema=schema
    )


def part(least: float, most: float, why: str = "") -> Written:
    def parse(value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise ValueError(value)
        return _within(float(value), least, most)

    return Written(
        f"a number from {least:g} to {most:g}",
        parse,
        write=float,
        forms=why,
        schema={"type": "number", "minimum": least, "maximum": most},
    )


def or_auto(written: Written) -> Written:
    """As `written`, or `auto`, which is read as None: the program finds the value itself."""
    return replace(
        written,
        allowed=f"{written.allowed}, or auto",
        parse=lambda value: None if value == "auto" else written.parse(value),
        write=lambda value: "auto" if value is None else written.write(value),
        schema={"anyOf": [{"const": "auto"}, written.schema]},
    )


def cpus() -> Written:
    """`auto`, `none`, or CPUs as `taskset` lists them; stays text, for the order given may matter."""
    ranges = "[0-9]+(-[0-9]+)?(,[0-9]+(-[0-9]+)?)*"

    def parse(value: object) -> str:
        text = str(value).replace(" ", "")
        if text not in {"auto", "none"}:
            if isinstance(value, bool) or not re.fullmatch(ranges, text):
                raise ValueError(value)
            for part in text.split(","):
                first, _, last = part.partition("-")
                _within(int(last or first), int(first), HIGHEST_CPU)
        return text

    return Written(
        'auto, none, or CPUs such as "0-3,6"',
        parse,
        schema={
            "anyOf": [
                {"enum": ["auto", "none"]},
                {"type": "string", "pattern": f"^{ranges}$"},
                {"type": "integer", "minimum": 0, "maximum": HIGHEST_CPU},
            ]
        },
    )


def choice(words: type[StrEnum]) -> Written:
    *most, last = words
    return Written(f"{', '.join(most)} or {last}" if most else last, words, schema={"enum": list(words)})


def choices(words: Sequence[str]) -> Written:
    """One or more of `words`, in their order; in a variable with commas between them."""

    def parse(value: object) -> tuple[str, ...]:
        if isinstance(value, str):
            value = value.replace(" ", "").split(",")
        if not isinstance(value, list | tuple) or not value or any(each not in words for each in value):
            raise ValueError(value)
        return tuple(word for word in words if word in value)

    return Written(
        f"a list of {', '.join(words[:-1])} and {words[-1]}",
        parse,
        write=list,
        schema={"type": "array", "items": {"enum": list(words)}, "minItems": 1},
    )


def umask() -> Written:
    """One that leaves watchd itself every right."""
    return _octal("0[0-7]{2}", '"0002"', "from 0000 to 0077")


def mode() -> Written:
    """Of files, which nobody executes, and which watchd itself reads and writes."""
    return _octal("6[0246]{2}", '"0664"', "from 0600 to 0666, with no x")


def group() -> Written:
    def parse(value: object) -> str:
        return _parse_text(str(value) if type(value) is int else value)

    return Written(
        "the name or number of a group", parse, write=_write_text, schema={"type": ["string", "integer"]}
    )


def flag() -> Written:
    words = {"true": True, "false": False}

    def parse(value: object) -> bool:
        if str(value).lower() not in words:
            raise ValueError(value)
        return words[str(value).lower()]

    return Written("true or false", parse, write=bool, schema={"type": "boolean"})


def text(allowed: str) -> Written:
    return Written(allowed, _parse_text, write=_write_text, forms="in quotes if it looks like something else")


def texts(allowed: str) -> Written:
    def parse(value: object) -> tuple[str, ...]:
        if not isinstance(value, list | tuple):
            raise ValueError(value)
        return tuple(_parse_text(each) for each in value)

    return Written(allowed, parse, write=list, schema={"type": "array", "items": {"type": "string"}})


def folder() -> Written:
    return Written(
        "a folder",
        _parse_text,
        write=_write_text,
        forms="a relative one starts at the folder of the config file",
        locate=lambda path, base: None if path is None else base / os.path.expanduser(path),
    )


def redis() -> Written:
    """The URL of a Redis server, or `none`, which is read as None."""

    def parse(value: object) -> str | None:
        if value in (None, "none"):
            return None
        if not isinstance(value, str) or redisurl.check_url(value):
            raise ValueError(value)
        return value

    return Written(
        "redis://HOST:PORT/DB, rediss://HOST:PORT/DB, unix:///PATH?db=DB, or none",
        parse,
        write=lambda value: "none" if value is None else re.sub("//[^/]*@|password=[^&]*", "//***@", value),
    )


def address() -> Written:
    """Where something listens, or `none`, which is read as None."""

    def parse(value: object) -> Address | None:
        if value in (None, "none"):
            return None
        if not isinstance(value, str):
            raise ValueError(value)
        return Address.parse(value)

    return Written("HOST:PORT, or none", parse, write=lambda value: "none" if value is None else str(value))


def command() -> Written:
    """A program and its arguments. One that is named by a relative path starts where other paths do."""

    def parse(value: object) -> tuple[str, ...]:
        if not isinstance(value, list | tuple) or not value:
            raise ValueError(value)
        if any(not isinstance(each, str) or "\0" in each for each in value):
            raise ValueError(value)
        return (_parse_text(value[0]), *value[1:])

    def locate(argv: tuple[str, ...], base: Path) -> tuple[str, ...]:
        program = os.path.expanduser(argv[0])
        return (str(base / program) if "/" in program else program, *argv[1:])

    return Written(
        "a list: a program and its arguments",
        parse,
        write=lambda argv: None if argv is None else list(argv),
        forms="numbers in quotes; no shell reads it",
        locate=locate,
        schema={"type": "array", "items": {"type": "string"}, "minItems": 1},
    )


def web_address() -> Written:
    """Shown without its path, which often is a secret."""

    def parse(value: object) -> str:
        if not isinstance(value, str) or hook.check_url(value):
            raise ValueError(value)
        return value

    return Written(
        "https://HOST/PATH or http://HOST/PATH",
        parse,
        write=lambda url: None if url is None else f"{hook.place_of(url)}/***",
        forms="without a user or a password",
    )


def secret() -> Written:
    """A file, wherever systemd may have put it."""

    def locate(path: str, base: Path) -> str:
        return path if path.startswith(hook.CREDENTIALS) else str(base / os.path.expanduser(path))

    return Written(
        f"a file, or {hook.CREDENTIALS}NAME",
        _parse_text,
        write=_write_text,
        forms="a relative one starts at the folder of the config file",
        locate=locate,
    )


def days() -> Written:
    """Days of the week, Monday is 0; a range may go over the end of the week."""

    def parse(value: object) -> frozenset[int]:
        found: set[int] = set()
        for part in (value if isinstance(value, str) else "").lower().replace(" ", "").split(","):
            first, dash, last = part.partition("-")
            begin = _DAYS.index(first)
            found |= (
                {(begin + n) % 7 for n in range((_DAYS.index(last) - begin) % 7 + 1)} if dash else {begin}
            )
        return frozenset(found)

    return Written(
        f"days of {', '.join(_DAYS)}",
        parse,
        write=lambda days: ",".join(_DAYS[day] for day in sorted(days)),
        forms="written like mon-fri, or sat,sun",
    )


_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def hours() -> Written:
    """A part of the day, in minutes since midnight. Where the end does not come after the begin it is one of
    the next day.
    """
    clock = "([01]?[0-9]|2[0-3]):([0-5][0-9])"

    def parse(value: object) -> tuple[int, int]:
        match = re.fullmatch(rf"{clock} ?- ?(?:{clock}|24:00)", value if isinstance(value, str) else "")
        if match is None:
            raise ValueError(value)
        begin = int(match[1]) * 60 + int(match[2])
        end = int(match[3]) * 60 + int(match[4]) if match[3] else 24 * 60
        if begin == end:
            raise ValueError(value)
        return begin, end

    def write(span: tuple[int, int] | None) -> str | None:
        return span and "-".join(f"{minute // 60:02}:{minute % 60:02}" for minute in span)

    return Written(
        "the begin and the end of a part of the day by the local clock",
        parse,
        write,
        forms="written like 08:00-18:00, 22:00-06:00 or, for the whole day, 00:00-24:00",
    )


def model() -> Written:
    """A name of the model table, or a file, which is told by its suffix."""

    def locate(name: str, base: Path) -> str:
        return str(base / os.path.expanduser(name)) if name.endswith(".onnx") else name

    return replace(text("the name of a model, or an .onnx file"), locate=locate)


def _octal(digits: str, such_as: str, why: str) -> Written:
    """Text: of digits without quotes YAML makes a number, and of 022 the number 18."""

    def parse(value: object) -> int:
        if not isinstance(value, str) or not re.fullmatch(f"0?{digits}", value):
            raise ValueError(value)
        return int(value, 8)

    return Written(
        f"octal digits in quotes, such as {such_as}",
        parse,
        write=lambda value: f"{value:04o}",
        forms=f"{why}; what has no quotes is another number to YAML",
        schema={"type": "string", "pattern": f"^0?{digits}$"},
    )


def _quantity(
    kind: str,
    units: Mapping[str, float],
    least: str,
    most: str,
    *,
    base: str,
    number: Callable[[float], float],
    forms: str,
) -> Written:
    low, high = _parse_quantity(least, units), _parse_quantity(most, units)

    def write(value: float) -> str:
        for unit, factor in reversed(list(units.items())):
            count = value / factor
            if count >= 1 and count == int(count):
                return f"{int(count)}{unit}"
        return f"{value:.12g}{base}"

    return Written(
        f"{kind} from {least} to {most}",
        lambda value: number(_within(_parse_quantity(value, units), low, high)),
        write,
        forms,
        schema={
            "type": ["string", "number"],
            "pattern": rf"^[0-9]+(\.[0-9]+)? ?({'|'.join(filter(None, units))})?$",
            "minimum": low,
            "maximum": high,
        },
    )


def _parse_quantity(value: object, units: Mapping[str, float]) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(value)
    if not isinstance(value, str):
        return value
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?) ?([A-Za-z]*)", value.strip())
    factors = {"": 1.0} | {unit.lower(): factor for unit, factor in units.items()}
    if match is None or match[2].lower() not in factors:
        raise ValueError(value)
    return float(match[1]) * factors[match[2].lower()]


def _within(value: float, low: float, high: float) -> float:
    if not low <= value <= high:
        raise ValueError(value)
    return value


def _parse_text(value: object) -> str:
    if not isinstance(value, str) or not value.strip() or "\0" in value:
        raise ValueError(value)
    return value


def _write_text(value: object) -> str | None:
    return None if value is None else str(value)
