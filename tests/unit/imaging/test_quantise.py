"""Networks of four convolutions, made int8 by the real ONNX Runtime."""

from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from conv_model import build_conv_model

from watchd.domain.errors import ModelError
from watchd.imaging.quantise import convolutions, quantised, read_graph
from watchd.imaging.reach import RULES, Observer, Values, all_but_the_widest, all_values, least_error


@pytest.fixture
def graph(tmp_path: Path) -> onnx.ModelProto:
    return read_graph(build_conv_model(tmp_path / "conv.onnx"))


@pytest.fixture
def batch() -> Values:
    return np.random.default_rng(3).random((1, 3, 32, 32), dtype=np.float32)


@pytest.fixture
def reaches(graph: onnx.ModelProto, batch: Values) -> dict[str, tuple[float, float]]:
    observer = Observer(graph, channels_last=False)
    observer.run(batch)
    return observer.reaches(all_values)


def answer(content: bytes, batch: Values) -> Values:
    return onnxruntime.InferenceSession(content).run(None, {"image": batch})[0]


def as_executed(content: bytes, folder: Path) -> "Counter[str]":
    """How often ONNX Runtime runs each operator, after all of its optimisations."""
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(folder / "executed.onnx")
    options.log_severity_level = 3
    onnxruntime.InferenceSession(content, options)
    return Counter(node.op_type for node in onnx.load(folder / "executed.onnx").graph.node)


def test_graph_is_read_without_its_side_outputs(graph: onnx.ModelProto) -> None:
    assert [output.name for output in graph.graph.output] == ["mask"]
    assert "aside" not in {node.name for node in graph.graph.node}
    assert convolutions(graph) == ("eyes", "look", "deep", "mouth")


def test_observer_answers_as_the_network_does(graph: onnx.ModelProto, batch: Values) -> None:
    observer = Observer(graph, channels_last=False)

    assert observer.run(batch) == pytest.approx(answer(graph.SerializeToString(), batch))


def test_int8_network_says_nearly_the_same(graph: onnx.ModelProto, reaches, batch: Values) -> None:
    content = quantised(graph, reaches, convolutions(graph), {})

    assert answer(content, batch) == pytest.approx(answer(graph.SerializeToString(), batch), abs=0.02)


def test_every_convolution_runs_in_int8(graph: onnx.ModelProto, reaches, tmp_path: Path) -> None:
    executed = as_executed(quantised(graph, reaches, convolutions(graph), {}), tmp_path)

    assert (executed["QLinearConv"], executed["Conv"] + executed["FusedConv"]) == (4, 0)
    assert executed["Relu"] == 0


@pytest.mark.parametrize("kept", ["eyes", "look", "deep", "mouth"])
def test_convolution_that_is_kept_runs_in_fp32(
    graph: onnx.ModelProto, reaches, tmp_path: Path, kept: str
) -> None:
    in_int8 = set(convolutions(graph)) - {kept}

    executed = as_executed(quantised(graph, reaches, in_int8, {}), tmp_path)

    assert (executed["QLinearConv"], executed["Conv"] + executed["FusedConv"]) == (3, 1)


def test_what_lies_between_fp32_convolutions_is_not_rounded(
    graph: onnx.ModelProto, reaches, tmp_path: Path
) -> None:
    executed = as_executed(quantised(graph, reaches, ["eyes"], {}), tmp_path)

    assert executed["QLinearConcat"] == 0


def test_file_tells_where_it_comes_from(graph: onnx.ModelProto, reaches) -> None:
    made = onnx.ModelProto.FromString(quantised(graph, reaches, ["eyes"], {"made_from": "sha256:1"}))

    assert {each.key: each.value for each in made.metadata_props} == {"made_from": "sha256:1"}


def test_network_without_convolutions_cannot_be_int8(tiny: Path) -> None:
    with pytest.raises(ModelError, match="no convolution"):
        quantised(read_graph(tiny), {}, [], {})


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_zero_can_always_be_told(graph: onnx.ModelProto, rule) -> None:
    observer = Observer(graph, channels_last=False)
    observer.run(np.full((1, 3, 32, 32), 5, np.float32))

    assert all(low <= 0 <= high and high > low for low, high in observer.reaches(rule).values())


def test_least_error_gives_up_an_outlier_for_finer_steps() -> None:
    values = np.append(np.linspace(0, 1, 1_000_000), 4).astype(np.float32)

    assert all_values(values) == (0.0, 4.0)
    assert least_error(values)[1] < 3
    assert all_but_the_widest(values)[1] == pytest.approx(1, abs=0.01)


def test_least_error_keeps_what_is_common() -> None:
    values = np.append(np.linspace(0, 1, 1000), np.linspace(3, 4, 1000)).astype(np.float32)

    assert least_error(values)[1] > 3.8
