"""The words for a value that the schema refuses."""

from pydantic_core import ErrorDetails

from watchd.config.keys import KeyPath, guess

Problem = tuple[KeyPath, str]
"""A key, and what is wrong with it."""


def problem_of(error: ErrorDetails) -> Problem:
    return error["loc"], _describe(error)


def _describe(error: ErrorDetails) -> str:
    given = _shown(error["input"])
    match error["type"]:
        case "extra_forbidden":
            meant = guess(error["loc"])
            return f"unknown key, did you mean {meant}?" if meant else "unknown key"
        case "not_allowed":
            return f"{given} is not allowed: {error['ctx']['what']}"
        case "conflict":
            return error["msg"]
        case "tuple_type":
            return f"{given} is not allowed: a list, each entry begins with a dash"
        case _:
            return f"{given} is not allowed: keys with their values, indented"


def _shown(value: object) -> str:
    match value:
        case None:
            return "nothing"
        case bool():
            return str(value).lower()
        case dict():
            return "a mapping"
        case list() | tuple():
            return "a list"
        case str():
            return repr(value if len(value) <= 60 else f"{value[:60]}…")
        case _:
            return str(value)
