"""Real networks of a kilobyte in the real ONNX Runtime."""

import hashlib
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from fakes import draw, wait_until
from onnx import TensorProto, helper
from PIL import Image
from tiny_model import build_mean_model, build_tiny_model, save

from watchd.domain.engine import Provider
from watchd.domain.errors import ModelError, TryAgain
from watchd.imaging.cpus import ThreadPlan
from watchd.imaging.inturn import InTurn
from watchd.imaging.loading import LoadedNetwork
from watchd.imaging.models import find
from watchd.imaging.providers import CPU_ONLY, PROVIDERS, ExecutionProvider
from watchd.imaging.resident import Residents
from watchd.imaging.segment import U2netSegmenter
from watchd.imaging.session import Session, load_segmenter

AZURE = ExecutionProvider("AzureExecutionProvider")
BOTH = (AZURE, *CPU_ONLY)

PLAN = ThreadPlan(workers=1, intra_op=1, inter_op=1, worker_cpus=(None,))


def graph_for_24_pixels(path: Path, height: int | str = "height") -> Path:
    """It says that it takes any width, and adds something that is 24 wide."""
    shape = [height, "width"]
    nodes = [
        helper.make_node("ReduceMean", ["image"], ["mean"], axes=[1], keepdims=1),
        helper.make_node("Add", ["mean", "offset"], ["mask"]),
    ]
    offset = helper.make_tensor("offset", TensorProto.FLOAT, [1, 1, 1, 24], [0.0] * 24)
    taken = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, *shape])
    given = helper.make_tensor_value_info("mask", TensorProto.FLOAT, [1, 1, height, "across"])
    return save(helper.make_graph(nodes, "narrow", [taken], [given], [offset]), path)


def threads() -> set[str]:
    return set(os.listdir("/proc/self/task"))


def test_side_and_order_of_channels_are_read_from_the_graph(tmp_path: Path) -> None:
    first = Session(build_tiny_model(tmp_path / "first.onnx", side=48), PLAN)
    last = Session(build_tiny_model(tmp_path / "last.onnx", side=16, channels_last=True), PLAN)

    assert (first.side, first.channels_last) == (48, False)
    assert (last.side, last.channels_last) == (16, True)


def test_graph_may_leave_the_side_open(tmp_path: Path) -> None:
    session = Session(build_tiny_model(tmp_path / "any.onnx", fixed=False), PLAN)

    session.try_out(24)

    assert session.side is None
    assert session.run(np.zeros((1, 3, 40, 40), np.float32)).shape == (1, 1, 40, 40)


def test_graph_that_leaves_the_side_open_but_cannot_run_at_that_of_the_table_is_told(tmp_path: Path) -> None:
    path = graph_for_24_pixels(tmp_path / "u2netp.onnx")

    with pytest.raises(ModelError) as refused:
        load_segmenter(find(str(path), {}), lambda: PLAN)

    message = str(refused.value)
    assert message.startswith(f"{path} cannot run at 320×320: ")
    assert "\n" not in message


def test_network_that_shall_be_warm_has_run_once(tmp_path: Path) -> None:
    path = graph_for_24_pixels(tmp_path / "own.onnx", height=32)
    load_segmenter(find(str(path), {}), lambda: PLAN)  # nobody tells before it runs

    with pytest.raises(ModelError, match="cannot run at 32×32"):
        load_segmenter(find(str(path), {}), lambda: PLAN, warm=True)


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

    segmenter = load_segmenter(find(str(path), {}), lambda: PLAN)
    mask = segmenter(segmenter.shrink(picture))

    assert mask.shape == (32, 32)
    assert mask[16, 16] > 240
    assert mask[2, 2] < 15


def test_side_that_the_graph_leaves_open_is_that_of_the_table(tmp_path: Path) -> None:
    path = build_tiny_model(tmp_path / "u2netp.onnx", fixed=False)

    segmenter = load_segmenter(find(str(path), {}), lambda: PLAN)

    assert segmenter.recipe["side"] == 320
    assert segmenter(segmenter.shrink(draw())).shape == (320, 320)


def test_recipe_names_the_weights_by_the_hash_of_their_file_and_the_side_by_the_graph(tmp_path: Path) -> None:
    path = build_tiny_model(tmp_path / "u2netp.onnx", side=48)

    recipe = load_segmenter(find(str(path), {}), lambda: PLAN).recipe

    assert recipe["weights"] == f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"
    assert recipe["side"] == 48


@pytest.fixture
def one_place() -> Residents[Session]:
    return Residents(most=1)


def coming_back(path: Path, residents: Residents[Session]) -> U2netSegmenter:
    """A segmenter whose network is not in memory, since another one has its place."""
    segmenter = load_segmenter(find(str(build_tiny_model(path)), {}), lambda: PLAN, residents)
    load_segmenter(find(str(build_tiny_model(path.with_name("other.onnx"))), {}), lambda: PLAN, residents)
    return segmenter


def test_network_that_had_to_go_comes_back_and_gives_the_same_mask(
    tmp_path: Path, one_place: Residents[Session]
) -> None:
    segmenter = coming_back(tmp_path / "one.onnx", one_place)
    small = segmenter.shrink(draw())
    assert one_place.loaded() == (str(tmp_path / "other.onnx"),)

    mask = segmenter(small)

    assert np.array_equal(mask, load_segmenter(find(str(tmp_path / "one.onnx"), {}), lambda: PLAN)(small))
    assert one_place.loaded() == (str(tmp_path / "one.onnx"),)


def test_recipe_and_what_the_network_sees_need_no_network_in_memory(
    tmp_path: Path, one_place: Residents[Session]
) -> None:
    segmenter = coming_back(tmp_path / "one.onnx", one_place)
    (tmp_path / "one.onnx").unlink()

    assert segmenter.recipe["side"] == 32
    assert segmenter.shrink(draw()).size == (32, 32)


def test_network_whose_file_has_changed_does_not_come_back(
    tmp_path: Path, one_place: Residents[Session]
) -> None:
    segmenter = coming_back(tmp_path / "one.onnx", one_place)
    build_tiny_model(tmp_path / "one.onnx", side=48)

    with pytest.raises(TryAgain, match=r"one\.onnx has changed since watchd started"):
        segmenter(segmenter.shrink(draw()))


def test_network_whose_file_was_only_copied_anew_comes_back(
    tmp_path: Path, one_place: Residents[Session]
) -> None:
    segmenter = coming_back(tmp_path / "one.onnx", one_place)
    content = (tmp_path / "one.onnx").read_bytes()
    (tmp_path / "one.onnx").unlink()
    (tmp_path / "one.onnx").write_bytes(content)

    assert segmenter(segmenter.shrink(draw())).shape == (32, 32)


def test_network_whose_file_is_gone_is_trouble_of_the_disk(
    tmp_path: Path, one_place: Residents[Session]
) -> None:
    segmenter = coming_back(tmp_path / "one.onnx", one_place)
    (tmp_path / "one.onnx").unlink()

    with pytest.raises(FileNotFoundError):
        segmenter(segmenter.shrink(draw()))


def test_network_that_had_to_go_leaves_no_helper_threads(
    tmp_path: Path, one_place: Residents[Session]
) -> None:
    before, plan = threads(), ThreadPlan(1, 3, 1, (None,))

    for name in ("one.onnx", "two.onnx"):
        load_segmenter(find(str(build_tiny_model(tmp_path / name)), {}), lambda: plan, one_place)

    wait_until(lambda: len(threads() - before) == 2)


def test_network_that_comes_back_on_a_pinned_worker_has_helpers_that_are_not(
    tmp_path: Path, one_place: Residents[Session]
) -> None:
    ours = os.sched_getaffinity(0)
    side_by_side = ThreadPlan(1, 1, 3, (None,))
    one, other = (find(str(build_tiny_model(tmp_path / name)), {}) for name in ("one.onnx", "two.onnx"))
    segmenter = load_segmenter(one, lambda: side_by_side, one_place)
    load_segmenter(other, lambda: PLAN, one_place)
    before, small = threads(), segmenter.shrink(draw())

    def work() -> tuple[set[int], list[set[int]]]:
        os.sched_setaffinity(0, {min(ours)})
        segmenter(small)
        me = str(threading.get_native_id())
        return os.sched_getaffinity(0), [os.sched_getaffinity(int(t)) for t in threads() - before - {me}]

    with ThreadPoolExecutor(1) as pool:
        own, helpers = pool.submit(work).result()

    assert own == {min(ours)}
    assert helpers == [ours, ours]


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
    session.try_out(32)


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
    path = build_mean_model(tmp_path / "other.onnx", taken, given)

    with pytest.raises(ModelError) as refused:
        Session(path, PLAN)

    assert str(refused.value) == f"{path} is not a network from image to mask: {found}"


def test_network_of_another_type_is_told(tmp_path: Path) -> None:
    path = build_mean_model(tmp_path / "half.onnx", [1, 3, 8, 8], [1, 1, 8, 8], TensorProto.FLOAT16)

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


def test_provider_that_this_build_lacks_is_told_with_those_that_it_has(tiny: Path) -> None:
    with pytest.raises(ModelError) as refused:
        Session(tiny, PLAN, [PROVIDERS[Provider.MIGRAPHX], *CPU_ONLY])

    message = str(refused.value)
    assert message.startswith("models.providers: this ONNX Runtime has no MIGraphXExecutionProvider, only ")
    assert "CPUExecutionProvider" in message


def test_second_provider_is_used_and_has_masks_of_its_own(tiny: Path) -> None:
    if AZURE.name not in onnxruntime.get_available_providers():
        pytest.skip("this ONNX Runtime has no second provider")

    recipes = [
        load_segmenter(find(str(tiny), {}), lambda: PLAN, providers=each).recipe for each in (CPU_ONLY, BOTH)
    ]

    assert recipes[1] == recipes[0] | {"flavour": "AzureExecutionProvider CPUExecutionProvider"}


@pytest.mark.parametrize("locked", [False, True])
def test_runs_wait_for_each_other_only_where_a_provider_wants_it(tiny: Path, locked: bool) -> None:
    residents: Residents[LoadedNetwork] = Residents(most=1)
    fake = ExecutionProvider("CPUExecutionProvider", one_run_at_a_time=locked)

    segmenter = load_segmenter(find(str(tiny), {}), lambda: PLAN, residents, providers=[fake])

    with residents.using(str(tiny), lambda: pytest.fail("loaded again")) as network:
        assert isinstance(network, InTurn if locked else Session)
    assert segmenter(segmenter.shrink(draw())).shape == (32, 32)
