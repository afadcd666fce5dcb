"""Where the weights are looked for, and how they are checked."""

import hashlib
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from watchd.domain.errors import ModelError
from watchd.domain.profile import Refine
from watchd.imaging.models import (
    KNOWN,
    FoundModel,
    fed_as,
    find,
    int8_place,
    known,
    model_home,
    refining,
    verify,
)


def put(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"weights")
    return path


@pytest.mark.parametrize("spec", KNOWN.values(), ids=lambda spec: spec.name)
def test_row_of_the_table_is_complete(spec) -> None:
    kind, _, digits = spec.checksum.partition(":")

    assert KNOWN[spec.name] is spec
    assert len(digits) == {"md5": 32, "sha256": 64}[kind]
    assert spec.url.endswith(spec.file) or spec.name == "builtin"
    assert spec.good_for.endswith(".")
    assert spec.licence in ("Apache-2.0", "MIT")


def test_builtin_comes_with_the_package_and_is_the_published_one() -> None:
    found = find("builtin", {})

    assert verify(found, {}) == found.spec.checksum


def test_home_of_models_is_where_rembg_keeps_them() -> None:
    assert model_home({"HOME": "/h"}) == Path("/h/.u2net")
    assert model_home({"HOME": "/h", "U2NET_HOME": "/m"}) == Path("/m")
    assert model_home({"HOME": "/h", "U2NET_HOME": "~/m"}) == Path("/h/m")


@pytest.mark.parametrize(
    ("environ", "place"),
    [
        ({}, ".u2net/u2net.onnx"),
        ({"U2NET_HOME": "~/models"}, "models/u2net.onnx"),
        ({"U2NET_HOME": "~/models"}, "models/models/u2net/u2net.onnx"),
        ({}, ".rembg/models/u2net/u2net.onnx"),
        ({"REMBG_HOME": "~/there"}, "there/models/u2net/u2net.onnx"),
        ({"XDG_DATA_HOME": "~/data"}, "data/rembg/models/u2net/u2net.onnx"),
        ({"XDG_DATA_HOME": "~/data"}, "data/.u2net/u2net.onnx"),
    ],
)
def test_model_is_found_wherever_rembg_put_it(tmp_path: Path, environ: dict[str, str], place: str) -> None:
    path = put(tmp_path / place)

    assert find("u2net", {"HOME": str(tmp_path), **environ}) == FoundModel(KNOWN["u2net"], path)


def test_published_file_name_may_differ_but_ours_is_the_models_name(tmp_path: Path) -> None:
    path = put(tmp_path / "birefnet-dis.onnx")

    assert find("birefnet-dis", {"U2NET_HOME": str(tmp_path)}).path == path


def test_missing_model_is_told_with_the_three_ways_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(ModelError) as missing:
        find("u2net", {"U2NET_HOME": str(tmp_path)})

    message = str(missing.value)
    assert "`watchd models pull u2net` (176 MB)" in message
    assert f"put the file at {tmp_path}/u2net.onnx" in message
    assert "--model FILE.onnx" in message
    assert "\n" not in message


def test_unknown_name_is_told_with_the_nearest() -> None:
    with pytest.raises(ModelError, match=r"no model is called 'u2nett', did you mean u2net\?"):
        known("u2nett")


def test_name_like_no_other_is_told_with_all_names() -> None:
    with pytest.raises(ModelError, match=r"known are builtin, u2net, .*birefnet-massive, or the path"):
        find("xyzzy", {})


def test_file_of_the_users_own_is_fed_like_u2net_and_not_checked(tmp_path: Path) -> None:
    path = put(tmp_path / "mine.onnx")

    found = find(str(path), {})

    assert found.path == path
    assert found.spec == replace(
        KNOWN["u2net"],
        name="mine",
        file="mine.onnx",
        url="",
        checksum="",
        megabytes=0.0,
        licence="not known",
        good_for=found.spec.good_for,
    )
    assert "watchd does not know" in found.spec.good_for
    assert verify(found, {}) == f"sha256:{hashlib.sha256(b'weights').hexdigest()}"


@pytest.mark.parametrize("file", ["birefnet-general.onnx", "BiRefNet-general-epoch_244.onnx"])
def test_file_of_a_known_name_is_fed_like_that_model_and_not_checked(tmp_path: Path, file: str) -> None:
    spec = find(str(put(tmp_path / file)), {}).spec

    assert (spec.side, spec.activation, spec.checksum, spec.url) == (1024, "sigmoid", "", "")
    assert spec.good_for.startswith("By its name birefnet-general. Any subject")


def test_path_may_be_relative_and_needs_no_suffix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path / "weights")
    monkeypatch.chdir(tmp_path)

    assert find(f".{os.sep}weights", {}).path == Path("weights")


def test_missing_file_of_the_users_own_is_told() -> None:
    with pytest.raises(ModelError, match=r"no model file at /nowhere/mine\.onnx"):
        find("/nowhere/mine.onnx", {})


def test_wrong_checksum_is_told_with_both(tmp_path: Path) -> None:
    found = FoundModel(KNOWN["u2netp"], put(tmp_path / "u2netp.onnx"))

    with pytest.raises(ModelError) as wrong:
        verify(found, {})

    assert KNOWN["u2netp"].checksum in str(wrong.value)
    assert f"md5:{hashlib.md5(b'weights').hexdigest()}" in str(wrong.value)


def test_checksum_may_be_disabled_as_in_rembg(tmp_path: Path) -> None:
    found = FoundModel(KNOWN["u2netp"], put(tmp_path / "u2netp.onnx"))

    assert verify(found, {"MODEL_CHECKSUM_DISABLED": "1"}).startswith("md5:")


def test_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be read"):
        verify(FoundModel(KNOWN["u2netp"], tmp_path / "gone.onnx"), {})


def test_table_loads_nothing_heavy() -> None:
    heavy = "{'numpy', 'PIL', 'onnxruntime'}"

    code = f"import sys, watchd.imaging.models; sys.exit(bool({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("model", "like"),
    [
        ("u2netp", "u2netp"),
        ("/no/such/u2netp.onnx", "u2netp"),
        ("mine.onnx", "u2net"),
        ("./weights", "u2net"),
    ],
)
def test_what_a_model_takes_is_known_without_its_file(model: str, like: str) -> None:
    assert fed_as(model).run_megabytes == KNOWN[like].run_megabytes


def test_unknown_name_takes_nobody_knows_what() -> None:
    with pytest.raises(ModelError, match="no model is called"):
        fed_as("nothing")


def test_int8_network_of_a_known_model_lies_in_the_home_of_models(tmp_path: Path) -> None:
    path = put(tmp_path / "u2netp.int8.onnx")

    found = find("u2netp.int8", {"U2NET_HOME": str(tmp_path)})

    assert (
        found.path
        == path
        == int8_place(FoundModel(KNOWN["u2netp"], Path("x")), {"U2NET_HOME": str(tmp_path)})
    )
    assert (found.spec.name, found.spec.checksum, found.spec.url) == ("u2netp.int8", "", "")


@pytest.mark.parametrize("name", ["mine", "u2netp"])
def test_int8_network_of_the_users_own_lies_beside_it(tmp_path: Path, name: str) -> None:
    own = find(str(put(tmp_path / f"{name}.onnx")), {})

    path = put(int8_place(own, {}))

    assert path == tmp_path / f"{name}.int8.onnx"
    assert find(str(path), {}).path == path


def test_int8_network_is_fed_like_its_model(tmp_path: Path) -> None:
    path = put(tmp_path / "birefnet-general.int8.onnx")

    assert find(str(path), {}).spec.activation == "sigmoid"
    assert fed_as("isnet-general-use.int8").side == 1024


@pytest.mark.parametrize(
    ("asked", "model"), [("u2netp.int8", "u2netp"), ("/x/mine.int8.onnx", "/x/mine.onnx")]
)
def test_int8_network_that_is_not_made_yet_is_told_with_the_way_to_make_it(asked: str, model: str) -> None:
    with pytest.raises(ModelError, match=f"`watchd models quantize {model} --calibrate DIR`"):
        find(asked, {"HOME": "/nowhere"})


def test_network_has_the_refinement_that_suits_it_unless_another_is_wanted() -> None:
    assert refining("builtin", Refine.AUTO) is Refine.GUIDED
    assert refining("builtin.int8", Refine.AUTO) is Refine.GUIDED
    assert refining("u2net", Refine.AUTO) is Refine.NONE
    assert refining("/x/mine.onnx", Refine.AUTO) is Refine.NONE
    assert refining("u2net", Refine.GUIDED) is Refine.GUIDED
    assert refining("builtin", Refine.NONE) is Refine.NONE


def test_bf16_is_the_same_file_and_told_apart(tmp_path: Path) -> None:
    known, own = put(tmp_path / "u2netp.onnx"), put(tmp_path / "isnet-anime.onnx")
    home = {"U2NET_HOME": str(tmp_path)}

    for model, path in (("u2netp", known), (str(own), own)):
        found = find(f"{model}.bf16", home)
        assert (found.path, found.bf16) == (path, True)
        assert replace(found, bf16=False) == find(model, home)
        assert str(found) != str(find(model, home))
    assert fed_as("isnet-anime.bf16").side == fed_as(f"{own}.bf16").side == 1024


def test_bf16_of_a_model_that_is_not_there_is_told_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"the model u2net is not there: .*pull u2net`"):
        find("u2net.bf16", {"U2NET_HOME": str(tmp_path)})
