"""One value of the config, read as its key reads it."""

from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import TypeAdapter, ValidationError

from watchd.config.written import Written


def read(written: Written, value: object, base: Path = Path("/etc/watchd")) -> Any:
    adapter: TypeAdapter[Any] = TypeAdapter(Annotated[object, written])
    return adapter.validate_python(value, context={"base": base})


def refusal(written: Written, value: object) -> str:
    with pytest.raises(ValidationError) as caught:
        read(written, value)
    return caught.value.errors()[0]["ctx"]["what"]
