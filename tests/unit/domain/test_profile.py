from dataclasses import replace
from pathlib import Path

import pytest
from fakes import watch_folder

from watchd.domain.profile import Deliver, Encode, Precision, Profile, Refine
from watchd.domain.reuse import CachePolicy


def test_fingerprint_does_not_depend_on_the_name() -> None:
    assert Profile(name="a").fingerprint() == Profile(name="b").fingerprint()


def test_fingerprint_depends_on_all_that_changes_a_byte() -> None:
    prints = {
        Profile().fingerprint(),
        Profile(model="u2net").fingerprint(),
        Profile(format="x").fingerprint(),
        Profile(encode=Encode.SMALL).fingerprint(),
        Profile(refine=Refine.GUIDED).fingerprint(),
        Profile(decontaminate=True).fingerprint(),
    }

    assert len(prints) == 6
    assert all(len(text) == 16 for text in prints)


def test_fingerprint_does_not_depend_on_which_formats_are_taken() -> None:
    assert Profile(inputs=("png",)).fingerprint() == Profile().fingerprint()


def test_fingerprint_does_not_depend_on_what_is_reused() -> None:
    assert Profile(cache=CachePolicy(enabled=False)).fingerprint() == Profile().fingerprint()


def test_fingerprint_stays_the_same_between_processes() -> None:
    assert Profile().fingerprint() == "f0c9761e539e86f5"


def test_places_are_named_by_their_config_keys(tmp_path: Path) -> None:
    folder = watch_folder(tmp_path)

    assert folder.places() == {
        key: getattr(folder, key) for key in ("inbox", "outbox", "originals", "failed", "sidecar")
    }


@pytest.mark.parametrize(
    ("model", "in_bf16", "in_int8"),
    [
        ("u2net", "u2net.bf16", "u2net.int8"),
        ("/m/own.onnx", "/m/own.onnx.bf16", "/m/own.int8.onnx"),
        ("./own", "./own.bf16", "./own.int8.onnx"),
    ],
)
def test_each_precision_of_a_model_has_a_name_of_its_own(model: str, in_bf16: str, in_int8: str) -> None:
    assert Precision.FP32.of(model) == model
    assert Precision.BF16.of(model) == in_bf16
    assert Precision.INT8.of(model) == in_int8


def test_source_is_delivered_with_its_folder_only_where_folders_are_delivered(tmp_path: Path) -> None:
    files = watch_folder(tmp_path)
    folders = replace(files, deliver=Deliver.FOLDERS)

    assert [folders.batch_of(name) for name in ("a.jpg", "x/a.jpg", "x/y/a.jpg")] == ["", "x", "x"]
    assert files.batch_of("x/a.jpg") == ""
