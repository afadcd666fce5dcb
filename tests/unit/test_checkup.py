from pathlib import Path
from typing import Any

import pytest
from tiny_model import build_tiny_model

from watchd.checkup import Finding, check_all
from watchd.config.load import load
from watchd.domain.errors import ExitCode


def findings(root: Path, **changes: Any) -> list[Finding]:
    loaded = load(None, root, {key.replace("__", "."): value for key, value in changes.items()}, {})
    return list(check_all(loaded, {"HOME": str(root)}))


def test_sound_folder_has_nothing_but_good_findings(tmp_path: Path) -> None:
    found = findings(tmp_path / "photos")

    assert {finding.code for finding in found} == {ExitCode.OK}
    text = "\n".join(finding.text for finding in found)
    for word in (
        "inbox",
        "outbox",
        "originals",
        "failed",
        "sidecar",
        "cache",
        "threads",
        "memory",
        "builtin",
    ):
        assert word in text


def test_file_where_a_folder_should_be_is_what_run_would_end_with(tmp_path: Path) -> None:
    (tmp_path / "outbox").write_text("")

    assert ExitCode.FOLDER_UNUSABLE in {finding.code for finding in findings(tmp_path)}


@pytest.mark.parametrize("model", ["u2net", "nonsense", "/nowhere/x.onnx"])
def test_model_that_is_not_there_is_told(tmp_path: Path, model: str) -> None:
    found = findings(tmp_path, profiles__default__model=model)

    assert [f.code for f in found if model.rpartition("/")[2] in f.text][-1] is ExitCode.MODEL_UNAVAILABLE


def test_what_the_chosen_networks_are_good_for_is_told_in_one_line_each(tmp_path: Path) -> None:
    own = build_tiny_model(tmp_path / "mine.onnx")

    for model, told in (("builtin", "by far the fastest"), (str(own), "watchd does not know")):
        [line] = [f.text for f in findings(tmp_path, profiles__default__model=model) if told in f.text]
        assert line.startswith("model: ")
        assert "\n" not in line


def test_cpu_that_we_may_not_use_is_told(tmp_path: Path) -> None:
    found = findings(tmp_path, binding="4095")

    assert any(finding.code is ExitCode.CONFIG and "4095" in finding.text for finding in found)


def test_cache_that_cannot_be_written_is_told_and_stops_nobody(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "taken").write_bytes(b"")

    found = findings(tmp_path / "photos", cache__dir=str(tmp_path / "taken"))

    assert {finding.code for finding in found} == {ExitCode.OK}
    assert any("cannot be written" in finding.text for finding in found)


def test_redis_that_is_away_is_told_and_stops_nobody(tmp_path: Path) -> None:
    found = findings(tmp_path, cache__redis="redis://127.0.0.1:1")

    assert {finding.code for finding in found} == {ExitCode.OK}
    assert any("redis: away" in finding.text for finding in found)


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("127.0.0.1:9108", "http://127.0.0.1:9108/metrics, for this machine alone"),
        ("0.0.0.0:9108", "EVERYBODY who reaches it, with no password"),
    ],
)
def test_who_may_read_the_metrics_is_told(tmp_path: Path, address: str, words: str) -> None:
    found = findings(tmp_path, metrics=address)

    assert [finding.code for finding in found if words in finding.text] == [ExitCode.OK]
