"""Fetching the weights of a model: resumed where it stopped, checked, and there whole or not at all."""

import fcntl
import http.client
import os
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BufferedRandom
from pathlib import Path
from typing import cast
from urllib.error import HTTPError

from watchd.domain.errors import ModelError
from watchd.imaging.models import ModelSpec, checksum, three_ways

Progress = Callable[[int, int | None], None]
"""Is told how many bytes are there, and how many it will be (None where the server does not say)."""

TIMEOUT_S = 30.0
"""For connecting, and for every silence afterwards; not for the whole."""

CHUNK = 1 << 20


def pull(spec: ModelSpec, home: Path, progress: Progress) -> Path:
    """Fetches a model into its home and gives its path; blocks until it is there, whole and durable.

    ModelError: there is nothing to fetch; the network or the disk failed (what came is kept in a .part
    file, from which the next pull goes on); the checksum is wrong (nothing is kept); another pull of the
    same model is running.
    """
    if not spec.url:
        raise ModelError(f"{spec.name} has no address to be fetched from")
    target = home / f"{spec.name}.onnx"
    try:
        home.mkdir(parents=True, exist_ok=True)
        with _part_file(home / f"{target.name}.part") as part:
            # An earlier pull may have been cut off between the last byte and the rename.
            if not spec.checksum or checksum(part, spec.checksum) != spec.checksum:
                _fetch(spec, part, progress)
                _check(spec, part)
            os.replace(part.name, target)
        _sync(home)
    except (OSError, http.client.HTTPException) as error:
        reason = " ".join(str(getattr(error, "reason", "") or error).split()) or type(error).__name__
        raise ModelError(
            f"{spec.name} cannot be fetched from {spec.url}: {reason}; {three_ways(spec, home)}"
        ) from error
    return target


@contextmanager
def _part_file(path: Path) -> Iterator[BufferedRandom]:
    """What has come so far, locked, so that two pulls never write one file."""
    with path.open("a+b") as part:
        try:
            fcntl.flock(part, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Between the two lines another pull may have ended and given this very file its final name.
            ours = os.path.samestat(os.fstat(part.fileno()), path.stat())
        except (BlockingIOError, FileNotFoundError):
            ours = False
        if not ours:
            raise ModelError(f"another pull is at work on {path}")
        yield part


def _fetch(spec: ModelSpec, part: BufferedRandom, progress: Progress) -> None:
    with _answer(spec, part) as response:
        if response.status != http.HTTPStatus.PARTIAL_CONTENT:
            part.truncate(0)  # the server sends it from the start
        have = part.seek(0, os.SEEK_END)
        length = response.headers["Content-Length"]
        total = have + int(length) if length else None
        progress(have, total)
        while chunk := response.read(CHUNK):
            have += part.write(chunk)
            progress(have, total)
    part.flush()
    os.fsync(part.fileno())
    if total is not None and have < total:
        raise ConnectionError(f"the connection ended after {have} of {total} bytes")


def _answer(spec: ModelSpec, part: BufferedRandom) -> http.client.HTTPResponse:
    """The server's answer, for what is behind the part where it can."""
    have = part.seek(0, os.SEEK_END)
    headers = {"User-Agent": "watchd", "Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
    request = urllib.request.Request(spec.url, headers=headers)
    try:
        response = urllib.request.urlopen(request, timeout=TIMEOUT_S)
    except HTTPError as error:
        error.close()
        if error.code != http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE or not have:
            raise
        part.truncate(0)  # as long as the file or longer, but not the file: no use
        return _answer(spec, part)
    return cast("http.client.HTTPResponse", response)


def _check(spec: ModelSpec, part: BufferedRandom) -> None:
    """Reads again what was written: that is what will be loaded."""
    actual = checksum(part, spec.checksum)
    if spec.checksum not in ("", actual):
        os.unlink(part.name)
        raise ModelError(
            f"what came from {spec.url} is not {spec.name}: its checksum is {actual}, "
            f"expected {spec.checksum}; nothing was kept"
        )


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
