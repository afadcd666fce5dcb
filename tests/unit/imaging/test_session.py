"""Real networks of a kilobyte in the real ONNX Runtime."""

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from fakes import draw, wait_until
from onnx import TensorProto, helper
from PIL import Image
from tiny_model import build_tiny_model, save

from watchd.domain.errors import ModelError
from watchd.imaging.cpus import ThreadPlan
from watchd.imaging.models import find
from watchd.imaging.session import Session, load_segmenter

PLAN = ThreadPlan(workers=1, intra_op=1, inter_op=1, worker_cpus=(None,))


def graph(path: Path, taken: list[object], given: list[object], kind: int = TensorProto.FLOAT) -> Path:
    """A network that only averages over axis 1, from one shape to another."""
    node = helper.make_node(
        "ReduceMean", ["image"], ["mask"], axes=[1], keepdims=int(len(given) == len(taken))
    )
    return save(
        helper.make_graph(
            [node],
            "graph",
            [helper.make_tensor_value_info("image", kind, taken)],
            [helper.make_tensor_value_info("mask", kind, given)],
        ),
        path,
    )


def threads() -> set[str]:
    return set(os.listdir("/proc/self/task"))


def test_side_and_order_of_channels_are_read_from_the_graph(tmp_path: Path) -> None:
    first = Session(build_tiny_model(tmp_path / "first.onnx", side=48), PLAN)
    last = Session(build_tiny_model(tmp_path / "last.onnx", side=16, channels_last=True), PLAN)

    assert (first.side, first.channels_last) == (48, False)
    assert (last.side, last.channels_last) == (16, True)


def test_graph_may_leave_the_side_open(tmp_path: Path) -> None:
    session = Session(build_tiny_model(tmp_path / "any.onnx", fixed=False), PLAN)

    session.warm_up(24)

    assert session.side is None
    assert session.run(np.zeros((1, 3, 40, 40), np.float32)).shape == (1, 1, 40, 40)


def test_output_is_the_networks(tiny: Path) -> None:
    batch = np.zeros((1, 3, 32, 32), np.float32)
    batch[..., 0] = 1000

    output = Session(tiny, PLAN).run(batch)

    assert output.shape == (1, 1, 32, 32)
    assert output[0, 0, 0, :2].tolist() == [1.0, 0.5]


def test_many_threads_at_once_get_the_same_as_one(tiny: Path) -> None:
    session = Session(tiny, PLAN)
    batches = [np.full((1, 3, 32, 32), value, np.float32) for value in np.linspace(-3, 3, 40)]

    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(session.run, batches))

    assert all(np.array_equal(one, session.run(batch)) for one, batch in zip(together, batches, strict=True))


@pytest.mark.parametrize("channels_last", [False, True])
def test_loaded_segmenter_finds_the_bright_part(tmp_path: Path, channels_last: bool) -> None:
    path = build_tiny_model(tmp_path / "tiny.onnx", channels_last=channels_last)
    picture = Image.new("RGB", (64, 64), (10, 10, 10))
    picture.paste((250, 250, 250), (16, 16, 48, 48))

    segmenter = load_segmenter(find(str(path), {}), PLAN)
    mask = segmenter(segmenter.shrink(picture))

    assert mask.shape == (32, 32)
    assert mask[16, 16] > 240
    assert mask[2, 2] < 15


def test_side_that_the_graph_leaves_open_is_that_of_the_table(tmp_path: Path) -> None:
    path = build_tiny_model(tmp_path / "u2netp.onnx", fixed=False)

    segmenter = load_segmenter(find(str(path), {}), PLAN)

    assert segmenter.recipe["side"] == 320
    assert segmenter(segmenter.shrink(draw())).shape == (320, 320)


def test_recipe_names_the_weights_by_the_hash_of_their_file_and_the_side_by_the_graph(tmp_path: Path) -> None:
    path = build_tiny_model(tmp_path / "u2netp.onnx", side=48)

    recipe = load_segmenter(find(str(path), {}), PLAN).recipe

    assert recipe["weights"] == f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"
    assert recipe["side"] == 48


def test_one_thread_a_run_starts_no_helper(tiny: Path) -> None:
    before = threads()

    session = Session(tiny, PLAN)

    assert threads() - before == set()
    del session


def test_helper_threads_are_started_and_pinned_by_the_plan(tiny: Path) -> None:
    before, cpu = threads(), min(os.sched_getaffinity(0))
    affinities = f"{cpu + 1};{cpu + 1}"

    session = Session(tiny, ThreadPlan(1, 3, 1, (None,), affinities))

    helpers = threads() - before
    assert len(helpers) == 2
    # Each pins itself, once it runs.
    wait_until(lambda: all(os.sched_getaffinity(int(helper)) == {cpu} for helper in helpers))
    del session


def test_inter_op_starts_threads_that_run_nodes_side_by_side(tiny: Path) -> None:
    before = threads()

    session = Session(tiny, ThreadPlan(1, 1, 3, (None,)))

    assert len(threads() - before) == 2
    session.warm_up()


@pytest.mark.parametrize(
    "content", [None, b"", b"<html>rate limit exceeded</html>", b"\x08\x07\x12" + bytes(50)]
)
def test_file_that_is_no_network_is_told_in_one_line(
    tmp_path: Path, content: bytes | None, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "bad.onnx"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(ModelError) as refused:
        Session(path, PLAN)

    message = str(refused.value)
    assert message.startswith(f"{path} cannot be loaded: ")
    assert "\n" not in message
    assert "ONNXRuntimeError" not in message
    assert capfd.readouterr() == ("", "")


def test_failure_prints_nothing_and_is_not_tried_twice(tiny: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ModelError, match="affinities"):
        Session(tiny, ThreadPlan(1, 3, 1, (None,), intra_affinities="1"))

    assert capfd.readouterr().out == ""


@pytest.mark.parametrize(
    ("taken", "given", "found"),
    [
        ([1, 3], [1, 1], "it takes tensor(float) of shape [1, 3]"),
        ([1, 4, 8, 8], [1, 1, 8, 8], "it takes the shape [1, 4, 8, 8], not one picture with three channels"),
        ([2, 3, 8, 8], [2, 1, 8, 8], "it takes the shape [2, 3, 8, 8], not one picture with three channels"),
        ([1, 3, 8, 9], [1, 1, 8, 9], "it takes pictures of 9×8, which are not square"),
    ],
)
def test_network_of_another_shape_is_told_with_what_was_found(
    tmp_path: Path, taken: list[object], given: list[object], found: str
) -> None:
    path = graph(tmp_path / "other.onnx", taken, given)

    with pytest.raises(ModelError) as refused:
        Session(path, PLAN)

    assert str(refused.value) == f"{path} is not a network from image to mask: {found}"


def test_network_of_another_type_is_told(tmp_path: Path) -> None:
    path = graph(tmp_path / "half.onnx", [1, 3, 8, 8], [1, 1, 8, 8], TensorProto.FLOAT16)

    with pytest.raises(ModelError, match=r"it takes tensor\(float16\)"):
        Session(path, PLAN)


def test_network_with_two_inputs_is_told(tmp_path: Path) -> None:
    shape = [1, 3, 8, 8]
    node = helper.make_node("Add", ["a", "b"], ["mask"])
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in ("a", "b", "mask")]
    path = save(helper.make_graph([node], "two", values[:2], values[2:]), tmp_path / "two.onnx")

    with pytest.raises(ModelError, match="it takes 2 inputs"):
        Session(path, PLAN)


def test_network_that_gives_no_map_is_told(tmp_path: Path) -> None:
    shape = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, 8, 8])
    given = helper.make_tensor_value_info("classes", TensorProto.FLOAT, [1, 192])
    node = helper.make_node("Flatten", ["image"], ["classes"])
    path = save(helper.make_graph([node], "classifier", [shape], [given]), tmp_path / "classes.onnx")

    with pytest.raises(ModelError, match=r"it gives tensor\(float\) of shape \[1, 192\]"):
        Session(path, PLAN)
