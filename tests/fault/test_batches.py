"""Folders that are delivered whole: killed at any call on the outbox, or by several daemons at once."""

import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from commands import watchd
from daemons import configure, crowd, empty, said, stop
from fakes import put, wait_until
from house import files
from oracle import assert_converged, assert_nothing_lost
from strace import injected

from watchd.domain.job import source_key

Drop = Callable[[str, bytes], str]

_BATCHES = "deliver: folders\nhooks: {rest: 1s}"
_OUTBOX = [
    "outbox",
    *(f"outbox/.watchd-batches{below}" for below in ("", "/shoot", "/shoot/1", "/shoot/1/x")),
]
_PICTURES = ("shoot/a.jpg", "shoot/x/b.jpg")
_WHOLE = {"shoot/a.png", "shoot/x/b.png"}

# Each with the stride that is enough for a look at it; with --all it is 1.
_CALLS = {"rename,renameat,renameat2": 1, "fsync": 6, "mkdir,mkdirat": 3, "unlink,unlinkat,rmdir": 2}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("calls", _CALLS, ids=lambda calls: calls.partition(",")[0])
def test_killed_at_every_nth_call_on_the_outbox_a_folder_is_delivered_once_and_whole(
    root: Path, drop: Drop, photos: list[bytes], tiny: Path, calls: str, pytestconfig: pytest.Config
) -> None:
    stride = 1 if pytestconfig.getoption("--all") else _CALLS[calls]
    number = 1
    while True:
        inputs = _dropped(root, drop, photos)
        if _run(root, tiny, inputs, f"inject={calls}:signal=KILL:when={number}", _OUTBOX) == 0:
            break
        assert_nothing_lost(root, inputs)
        assert _seen(root) in (set(), _WHOLE)

        result = watchd("run", "--once", root, "--model", tiny)

        assert result.returncode == 0, result.stderr
        assert_converged(root, inputs)
        assert os.listdir(root / "outbox") == ["shoot"]
        number += stride
    assert number > 1, "the sweep met no such call"


@pytest.mark.timeout(300)
@pytest.mark.parametrize("call", ["renameat", "renameat2"], ids=["one of two receipts", "the place"])
def test_killed_while_a_folder_gets_another_name_it_has_that_once_and_whole(
    root: Path, drop: Drop, photos: list[bytes], tiny: Path, call: str
) -> None:
    places = [*_OUTBOX, *(f".watchd/receipts/{source_key(name)[:2]}" for name in _PICTURES)]
    inputs = _dropped(root, drop, photos)
    _run(root, tiny, inputs, "inject=renameat2:error=EIO", ["outbox"])  # all is gathered, and no more
    assert "left in the inbox: shoot: not delivered" in Path(f"{root}.log").read_text()
    put(root, "outbox/shoot/theirs.png", photos[2])
    assert _run(root, tiny, inputs, f"inject={call}:signal=KILL:when=1", places) not in (0, 1)
    assert_nothing_lost(root, inputs)
    assert _seen(root) == {"shoot/theirs.png"}

    result = watchd("run", "--once", root, "--model", tiny)

    assert result.returncode == 0, result.stderr
    assert _seen(root) == {"shoot/theirs.png", "shoot-2/a.png", "shoot-2/x/b.png"}
    for picture, output in (("a.jpg", "a.png"), ("x/b.jpg", "x/b.png")):
        explained = watchd("explain", root / "inbox" / "shoot" / picture).stdout
        assert f"outbox: shoot-2/{output}" in explained


@pytest.mark.timeout(300)
def test_of_several_daemons_one_delivers_each_folder(
    root: Path, tmp_path: Path, photos: list[bytes], tiny: Path
) -> None:
    configure(root, _BATCHES, lease="5s")
    shoots = {f"shoot-of-{name}" for name in ("anna", "bert", "cora")}
    with crowd(root, tiny, 3) as daemons:
        for shoot in shoots:
            for number, data in enumerate(photos):
                put(tmp_path / "sent" / shoot, f"{number}.jpg", data + shoot.encode())
            os.rename(tmp_path / "sent" / shoot, root / "inbox" / shoot)
        wait_until(empty(root), within_s=120)
        wait_until(lambda: set(os.listdir(root / "outbox")) == shoots, within_s=60)
        codes = [stop(daemon) for daemon in daemons]

    assert codes == [0] * 3
    assert files(root / "outbox") == {f"{shoot}/{number}.png" for shoot in shoots for number in range(5)}
    delivered = [(line["path"], line["output"], line["cutouts"]) for line in said(root, "batch delivered")]
    assert sorted(delivered) == sorted((shoot, shoot, 5) for shoot in shoots)


def _dropped(root: Path, drop: Drop, photos: list[bytes]) -> dict[str, str]:
    shutil.rmtree(root, ignore_errors=True)
    configure(root, _BATCHES)
    return {name: drop(name, data) for name, data in zip(_PICTURES, photos, strict=False)}


def _run(root: Path, tiny: Path, inputs: Iterable[str], injection: str, places: Iterable[str]) -> int:
    with injected(root, tiny, inputs, injection, places) as process:
        return process.wait(120)


def _seen(root: Path) -> set[str]:
    """By whoever looks into the outbox."""
    return {name for name in files(root / "outbox") if not name.startswith(".")}
