"""How a key of the config is read and written, and what is allowed there; text is the plainest."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationInfo
from pydantic_core import CoreSchema, PydanticCustomError, core_schema


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


def text(allowed: str) -> Written:
    return Written(allowed, parse_text, write=write_text, forms="in quotes if it looks like something else")


def texts(allowed: str) -> Written:
    def parse(value: object) -> tuple[str, ...]:
        if not isinstance(value, list | tuple):
            raise ValueError(value)
        return tuple(parse_text(each) for each in value)

    return Written(allowed, parse, write=list, schema={"type": "array", "items": {"type": "string"}})


def parse_text(value: object) -> str:
    if not isinstance(value, str) or not value.strip() or "\0" in value:
        raise ValueError(value)
    return value


def write_text(value: object) -> str | None:
    return None if value is None else str(value)
