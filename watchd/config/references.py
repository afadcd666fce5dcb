"""What the config names and does not hold: folders, programs, servers, secrets, groups, networks."""

import os
import re
from dataclasses import replace
from pathlib import Path

from watchd.config.written import Written, parse_text, text, write_text
from watchd.domain import hook, redisurl
from watchd.domain.address import Address


def folder() -> Written:
    return Written(
        "a folder",
        parse_text,
        write=write_text,
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
        return (parse_text(value[0]), *value[1:])

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
        parse_text,
        write=write_text,
        forms="a relative one starts at the folder of the config file",
        locate=locate,
    )


def group() -> Written:
    def parse(value: object) -> str:
        return parse_text(str(value) if type(value) is int else value)

    return Written(
        "the name or number of a group", parse, write=write_text, schema={"type": ["string", "integer"]}
    )


def model() -> Written:
    """A name of the model table, or a file, which is told by its suffix."""

    def locate(name: str, base: Path) -> str:
        return str(base / os.path.expanduser(name)) if name.endswith(".onnx") else name

    return replace(text("the name of a model, or an .onnx file"), locate=locate)
