"""Thousands of damaged files: each is a picture or is rejected; nothing crashes, hangs or swells."""

import hashlib
import io
import resource
import time
from pathlib import Path

import pytest
from fakes import wait_until
from fuzzer import mutants
from house import running
from oracle import assert_converged
from tally import TALLY

from watchd.domain.errors import RejectedImage, TryAgain
from watchd.domain.profile import INPUTS
from watchd.imaging.decode import open_picture
from watchd.imaging.isolated import IsolatedDecoders
from watchd.intake.complete import Wholeness, inspect
from watchd.tree import Tree

MAX_PIXELS = 20_000_000
MAX_GROWTH = 1 << 30
SLOW_S = 20.0


@pytest.fixture
def count(pytestconfig: pytest.Config) -> int:
    return 20_000 if pytestconfig.getoption("--all") else 2000


@pytest.mark.timeout(600)
def test_damaged_files_are_pictures_or_rejected(tmp_path: Path, count: int) -> None:
    before = _peak_bytes()
    found: dict[str, int] = {}
    for number, (_, data) in enumerate(mutants(count, seed=3)):
        (tmp_path / "x").write_bytes(data)
        begun = time.monotonic()
        wholeness = inspect(Tree(tmp_path), "x", local=True).wholeness
        try:
            reason = _decoded(data)
        except Exception as error:
            (tmp_path / f"culprit-{number}").write_bytes(data)
            raise AssertionError(f"{tmp_path}/culprit-{number} raises {error!r}") from error
        assert reason.isprintable(), ascii(reason)
        assert time.monotonic() - begun < SLOW_S, f"number {number} takes too long"
        key = f"{wholeness.name}, {'rejected' if reason else 'picture'}"
        found[key] = found.get(key, 0) + 1
    assert _peak_bytes() - before < MAX_GROWTH
    # Had the fuzzer been too timid or too rough, it would have tried nothing.
    assert sum(found.values()) == count
    assert found[f"{Wholeness.PROVEN.name}, picture"] > count / 50
    assert found[f"{Wholeness.PROVEN.name}, rejected"] > count / 50
    assert found[f"{Wholeness.UNFINISHED.name}, rejected"] > count / 50
    TALLY.add(count, lost=0, partial=0)


def _decoded(data: bytes) -> str:
    """Why it is rejected; empty for a picture."""
    try:
        picture = open_picture(io.BytesIO(data), "x", MAX_PIXELS).load()
    except RejectedImage as error:
        return str(error)
    assert picture.image.mode == "RGB"
    return ""


@pytest.mark.timeout(600)
def test_damaged_files_are_pictures_or_rejected_in_a_child_too(tmp_path: Path, count: int) -> None:
    reasons: list[str] = []
    with IsolatedDecoders(timeout_s=60) as decoders:
        for number, (_, data) in enumerate(mutants(count // 2, seed=4)):
            (tmp_path / "x").write_bytes(data)
            with open(tmp_path / "x", "rb") as file:
                try:
                    decoders.open_picture(file, "x", MAX_PIXELS, INPUTS).load()
                except RejectedImage as error:
                    reasons.append(str(error))
                except TryAgain as error:
                    raise AssertionError(f"number {number} is taken for trouble of the disk") from error
    assert len(reasons) > count / 10
    assert [reason for reason in reasons if "decoder died" in reason or "longer than" in reason] == []
    TALLY.add(count // 2, lost=0, partial=0)


def _peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


@pytest.mark.timeout(600)
def test_damaged_files_go_through_the_daemon(root: Path, tiny: Path, pytestconfig: pytest.Config) -> None:
    files = list(mutants(2000 if pytestconfig.getoption("--all") else 300, seed=5))
    inputs: dict[str, str] = {}
    with running(root, tiny, {"settle_timeout": "2s", "limits.max_pixels": "20MP"}) as house:
        for number, (suffix, hurt) in enumerate(files):
            data = hurt + number.to_bytes(2, "big")  # none is the same as another
            (house.folder.inbox / f"{number}.{suffix}").write_bytes(data)
            inputs[f"{number}.{suffix}"] = hashlib.sha256(data).hexdigest()
        wait_until(lambda: house.inbox() == set(), within_s=300)

    assert_converged(root, inputs)
    assert len(house.originals()) > len(files) / 20
    assert len(house.failed()) > len(files) / 20
