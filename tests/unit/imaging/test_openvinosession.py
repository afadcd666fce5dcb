"""Real networks of a kilobyte in the real OpenVINO."""

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from conv_model import build_conv_model
from fakes import draw
from onnx import TensorProto
from tiny_model import build_mean_model, build_tiny_model

from watchd.domain.errors import ModelError, TryAgain
from watchd.imaging.cpus import ThreadPlan
from watchd.imaging.loading import LoadedNetwork
from watchd.imaging.models import find
from watchd.imaging.openvinosession import OpenVinoSession, load_segmenter, options_of, refuse_without_bf16
from watchd.imaging.quantise import convolutions, quantised, read_graph
from watchd.imaging.reach import Observer, all_values
from watchd.imaging.resident import Residents
from watchd.imaging.segment import U2netSegmenter
from watchd.imaging.session import Session
from watchd.imaging.session import load_segmenter as load_in_onnxruntime

PLAN = ThreadPlan(workers=1, intra_op=1, inter_op=1, worker_cpus=(None,))
TWO = ThreadPlan(workers=2, intra_op=1, inter_op=1, worker_cpus=(None, None))
MANY = ThreadPlan(workers=4, intra_op=2, inter_op=1, worker_cpus=(None,) * 4)

ON_ONE_CPU = """
import os, sys, threading
import numpy as np
from pathlib import Path
from watchd.imaging.cpus import ThreadPlan
from watchd.imaging.openvinosession import OpenVinoSession

ours, seen = os.sched_getaffinity(0), set()
session = OpenVinoSession(Path(sys.argv[1]), ThreadPlan(2, 2, 1, (None, None)))

def work():
    for _ in range(200):
        session.run(np.zeros((1, 3, 32, 32), np.float32))

workers = [threading.Thread(target=work) for _ in range(2)]
for worker in workers: worker.start()
while any(worker.is_alive() for worker in workers):
    for thread in os.listdir("/proc/self/task"):
        try: seen |= os.sched_getaffinity(int(thread))
        except ProcessLookupError: pass
sys.exit(seen != ours)
"""


SIGNAL_AFTERWARDS = """
import os, signal, sys
from pathlib import Path
from watchd.imaging.cpus import ThreadPlan
from watchd.imaging.openvinosession import OpenVinoSession

one, other = (OpenVinoSession(Path(sys.argv[1]), ThreadPlan(1, 1, 1, (None,))) for _ in range(2))
del one
del other
signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(0))
os.kill(os.getpid(), signal.SIGTERM)
signal.pause()
"""


def threads() -> set[str]:
    return set(os.listdir("/proc/self/task"))


def test_options_are_the_plans_and_the_precision_is_never_left_to_openvino() -> None:
    options = options_of(MANY, bf16=False)

    assert options["INFERENCE_PRECISION_HINT"] == "f32"
    assert options_of(MANY, bf16=True) == options | {"INFERENCE_PRECISION_HINT": "bf16"}
    assert (options["NUM_STREAMS"], options["INFERENCE_NUM_THREADS"]) == (4, 8)
    assert options["ENABLE_CPU_PINNING"] is False


def test_side_and_order_of_channels_are_read_from_the_graph(tmp_path: Path) -> None:
    first = OpenVinoSession(build_tiny_model(tmp_path / "first.onnx", side=48), PLAN)
    last = OpenVinoSession(build_tiny_model(tmp_path / "last.onnx", side=16, channels_last=True), PLAN)

    assert (first.side, first.channels_last, first.flavour) == (48, False, "")
    assert (last.side, last.channels_last, last.flavour) == (16, True, "")


def test_graph_may_leave_the_side_open(tmp_path: Path) -> None:
    session = OpenVinoSession(build_tiny_model(tmp_path / "any.onnx", fixed=False), PLAN)

    session.try_out(24)

    assert session.side is None
    assert session.run(np.zeros((1, 3, 40, 40), np.float32)).shape == (1, 1, 40, 40)


@pytest.mark.parametrize("plan", [PLAN, TWO, MANY])
def test_many_threads_at_once_get_what_onnx_runtime_gives(tmp_path: Path, plan: ThreadPlan) -> None:
    path = build_conv_model(tmp_path / "conv.onnx")
    session, other = OpenVinoSession(path, plan), Session(path, PLAN)
    noise = np.random.default_rng(5)
    batches = [noise.normal(size=(1, 3, 32, 32)).astype(np.float32) for _ in range(40)]

    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(session.run, batches))

    for batch, answer in zip(batches, together, strict=True):
        assert np.abs(answer - other.run(batch)).max() < 0.001


def test_answer_stays_what_it_was_when_the_network_runs_again(tiny: Path) -> None:
    session = OpenVinoSession(tiny, PLAN)
    dark, bright = (np.full((1, 3, 32, 32), value, np.float32) for value in (-9, 9))

    first = session.run(dark)
    session.run(bright)

    assert first.max() < 0.01


@pytest.mark.parametrize("plan", [PLAN, TWO])
def test_worker_is_pinned_after_a_run_as_it_was_before(tiny: Path, plan: ThreadPlan) -> None:
    session, cpu = OpenVinoSession(tiny, plan), max(os.sched_getaffinity(0))

    def work() -> set[int]:
        os.sched_setaffinity(0, {cpu})
        session.run(np.zeros((1, 3, 32, 32), np.float32))
        return os.sched_getaffinity(0)

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(work).result() == {cpu}


def test_no_thread_leaves_the_cpus_of_the_process(tiny: Path) -> None:
    cpu = max(os.sched_getaffinity(0))

    done = subprocess.run(
        ["taskset", "-c", str(cpu), sys.executable, "-c", ON_ONE_CPU, tiny],
        check=False,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stderr


def test_signal_reaches_us_when_networks_have_gone(tiny: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SIGNAL_AFTERWARDS, tiny], check=False, capture_output=True, text=True
    )

    assert done.returncode == 0, done.stderr


def test_its_converter_is_not_there_to_report_its_use(tmp_path: Path) -> None:
    code = """import sys; sys.path.insert(0, sys.argv[1])
import watchd.imaging.openvinosession
sys.exit(any("telemetry" in name for name in sys.modules))"""
    (tmp_path / "openvino_telemetry.py").write_text("raise SystemExit('it was asked')")

    done = subprocess.run([sys.executable, "-c", code, tmp_path], check=False, capture_output=True, text=True)

    assert done.returncode == 0, done.stderr


def test_missing_extra_is_told_with_its_name() -> None:
    code = "import sys; sys.modules['openvino'] = None; import watchd.imaging.openvinosession"

    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)

    assert "ModelError: models.engine: openvino needs an extra: pip install 'watchd[openvino]'" in done.stderr


def test_recipe_in_fp32_is_that_of_the_other_engine_and_in_bf16_is_not(tiny: Path, bf16: None) -> None:
    plain, fast = find(str(tiny), {}), find(f"{tiny}.bf16", {})

    recipe = load_segmenter(plain, lambda: PLAN).recipe

    assert recipe == load_in_onnxruntime(plain, lambda: PLAN).recipe
    assert load_segmenter(fast, lambda: PLAN).recipe == recipe | {"flavour": "openvino bf16"}


def test_both_precisions_of_a_file_are_in_memory_side_by_side(tmp_path: Path, bf16: None) -> None:
    path, residents = build_conv_model(tmp_path / "conv.onnx"), Residents[LoadedNetwork](most=2)

    one, other = (load_segmenter(find(f"{path}{how}", {}), lambda: PLAN, residents) for how in ("", ".bf16"))

    small = one.shrink(draw())
    assert residents.loaded() == (str(path), f"{path}.bf16")
    assert not np.array_equal(one(small), other(small))


def test_int8_network_says_nearly_what_it_says_in_fp32_and_has_masks_of_its_own(tmp_path: Path) -> None:
    graph = read_graph(build_conv_model(tmp_path / "conv.onnx"))
    observer, batch = Observer(graph, channels_last=False), np.full((1, 3, 32, 32), 0.5, np.float32)
    batch[..., 16:] = 1.5
    fp32 = observer.run(batch)
    path = tmp_path / "conv.int8.onnx"
    path.write_bytes(quantised(graph, observer.reaches(all_values), convolutions(graph), {}))

    session = OpenVinoSession(path, PLAN)

    assert session.flavour == "openvino int8"
    assert np.abs(session.run(batch) - fp32).mean() < 0.02


@pytest.fixture
def bf16() -> None:
    try:
        refuse_without_bf16()
    except ModelError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("flags", ["fpu avx2", "fpu avx2 avx512f avx512_vnni", ""])
def test_cpu_without_bf16_is_told(tmp_path: Path, flags: str) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(f"processor\t: 0\nflags\t\t: {flags}\n")

    with pytest.raises(ModelError, match="this one has not: use fp32 or int8"):
        refuse_without_bf16(cpuinfo)


@pytest.mark.parametrize("flag", ["avx512_bf16", "amx_bf16"])
def test_cpu_with_bf16_is_known_by_its_flags(tmp_path: Path, flag: str) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(f"processor\t: 0\nflags\t\t: fpu avx2 {flag}\n")

    refuse_without_bf16(cpuinfo)


def coming_back(folder: Path, plan: ThreadPlan = PLAN) -> tuple[Path, U2netSegmenter]:
    """A segmenter whose network is not in memory, since another one has its place."""
    residents: Residents[LoadedNetwork] = Residents(most=1)
    paths = [build_tiny_model(folder / name) for name in ("one.onnx", "two.onnx")]
    segmenter, _ = (load_segmenter(find(str(path), {}), lambda: plan, residents) for path in paths)
    return paths[0], segmenter


def test_network_that_had_to_go_comes_back_and_leaves_no_threads(tmp_path: Path) -> None:
    before = threads()
    path, segmenter = coming_back(tmp_path, TWO)
    small = segmenter.shrink(draw())

    mask = segmenter(small)
    with ThreadPoolExecutor(1) as pool:
        assert np.array_equal(pool.submit(segmenter, small).result(), mask)

    assert np.array_equal(mask, load_in_onnxruntime(find(str(path), {}), lambda: PLAN)(small))
    assert len(threads() - before) <= 4  # of one network, not of three


def test_network_whose_file_has_changed_does_not_come_back(tmp_path: Path) -> None:
    path, segmenter = coming_back(tmp_path)
    build_tiny_model(path, side=48)

    with pytest.raises(TryAgain, match=r"one\.onnx has changed since watchd started"):
        segmenter(segmenter.shrink(draw()))


def test_network_whose_file_is_gone_is_trouble_of_the_disk(tmp_path: Path) -> None:
    path, segmenter = coming_back(tmp_path)
    path.unlink()

    with pytest.raises(FileNotFoundError):
        segmenter(segmenter.shrink(draw()))


@pytest.mark.parametrize("content", [None, b"<html>rate limit exceeded</html>", b"\x08\x07\x12" + bytes(50)])
def test_file_that_is_no_network_is_told_in_one_line(
    tmp_path: Path, content: bytes | None, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "bad.onnx"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(ModelError) as refused:
        OpenVinoSession(path, PLAN)

    message = str(refused.value)
    assert message.startswith(f"{path} cannot be loaded: ")
    assert "\n" not in message
    assert "src/" not in message
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("taken", "given", "kind", "found"),
    [
        ([1, 3], [1, 1], TensorProto.FLOAT, "it takes tensor(float) of shape [1, 3]"),
        ([1, 3, 8, 9], [1, 1, 8, 9], TensorProto.FLOAT, "it takes pictures of 9×8, which are not square"),
        ([1, 3, 8, 8], [1, 1, 8, 8], TensorProto.FLOAT16, "it takes tensor(float16) of shape [1, 3, 8, 8]"),
    ],
)
def test_network_of_another_kind_is_told_with_what_was_found(
    tmp_path: Path, taken: list[object], given: list[object], kind: int, found: str
) -> None:
    path = build_mean_model(tmp_path / "other.onnx", taken, given, kind)

    with pytest.raises(ModelError) as refused:
        OpenVinoSession(path, PLAN)

    assert str(refused.value) == f"{path} is not a network from image to mask: {found}"


def test_empty_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "empty.onnx").write_bytes(b"")

    with pytest.raises(ModelError, match=r"empty\.onnx is not a network from image to mask"):
        OpenVinoSession(tmp_path / "empty.onnx", PLAN)


def test_side_at_which_it_cannot_run_is_told(tiny: Path) -> None:
    with pytest.raises(ModelError, match=r"tiny\.onnx cannot run at 40×40: "):
        OpenVinoSession(tiny, PLAN).try_out(40)


def test_each_thread_has_a_request_of_its_own(tiny: Path) -> None:
    session, together = OpenVinoSession(tiny, TWO), threading.Barrier(2)

    def work(value: float) -> float:
        together.wait(timeout=20)
        return max(
            abs(
                float(session.run(np.full((1, 3, 32, 32), value, np.float32)).mean())
                - 1 / (1 + np.exp(-value))
            )
            for _ in range(200)
        )

    with ThreadPoolExecutor(2) as pool:
        assert max(pool.map(work, (-3.0, 3.0))) < 0.001
