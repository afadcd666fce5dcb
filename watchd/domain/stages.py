"""What a job spends its time on."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from enum import StrEnum

Timed = Callable[[], AbstractContextManager[object]]
"""What it gives is entered for as long as one stage lasts."""


class Stage(StrEnum):
    """In the order of the line; together less than the whole job, which also reads, looks up and waits."""

    SETTLE = "settle"  # from its first sighting until the file had come to rest
    QUEUE = "queue"  # until a worker took it: in the inbox while the queue was full, then in the queue
    DECODE = "decode"
    INFER = "infer"
    COMPOSE = "compose"
    ENCODE = "encode"
    DELIVER = "deliver"
