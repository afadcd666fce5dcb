"""An int8 network made of an fp32 one: the convolutions that shall be int8, and what lies between them."""

import tempfile
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from watchd.domain.errors import ModelError, StartupError
from watchd.imaging.arrays import Batch, Map
from watchd.imaging.cpus import ThreadPlan
from watchd.imaging.session import options_of

try:
    import onnx
except ImportError as error:
    raise StartupError("watchd models quantize needs an extra: pip install 'watchd[quantize]'") from error
import onnxruntime as ort
from onnxruntime.quantization import QuantType
from onnxruntime.quantization.calibrate import CalibrationMethod, TensorsData
from onnxruntime.quantization.qdq_quantizer import QDQQuantizer

Reach: TypeAlias = tuple[float, float]
"""The lowest and the highest value of a tensor that int8 shall tell apart; 0 lies within."""

ONE_THREAD = ThreadPlan(workers=1, intra_op=1, inter_op=1, worker_cpus=(None,))

_CARRIERS = frozenset({"Add", "Concat", "MaxPool", "Resize"})
"""What only passes values on: with these in int8, too, u2netp is 2.4 times as fast, without them 2.0."""


def read_graph(path: Path) -> onnx.ModelProto:
    """With constants folded, nothing but the first output, every node named, every shape inferred."""
    with tempfile.TemporaryDirectory() as folder:
        folded = Path(folder, "folded.onnx")
        options = options_of(ONE_THREAD)
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
        options.optimized_model_filepath = str(folded)
        ort.InferenceSession(path, options, providers=["CPUExecutionProvider"], enable_fallback=0)
        model = onnx.load(folded)
    _keep_first_output(model.graph)
    for number, node in enumerate(model.graph.node):
        node.name = node.name or f"{node.op_type}_{number}"
    return onnx.shape_inference.infer_shapes(model)


def convolutions(model: onnx.ModelProto) -> tuple[str, ...]:
    """Their names, in the order of the graph."""
    return tuple(node.name for node in model.graph.node if node.op_type == "Conv")


def runner(model: onnx.ModelProto) -> Callable[[Batch], list[Map]]:
    """What gives every output of the graph for one picture."""
    session = ort.InferenceSession(
        model.SerializeToString(), options_of(ONE_THREAD), providers=["CPUExecutionProvider"]
    )
    taken = session.get_inputs()[0].name
    return lambda batch: list(session.run(None, {taken: batch}))


def quantised(
    model: onnx.ModelProto, reaches: Mapping[str, Reach], in_int8: Collection[str], facts: Mapping[str, str]
) -> bytes:
    """The network with these convolutions in int8, as the content of an .onnx file that carries `facts`.

    Activations are u8 and weights s8, a scale for each output channel: the pair that x86 has fast
    instructions for. On an x86 without VNNI their sums can overflow, so that a network made and judged on
    one machine is not proven on an older one. ModelError: there is no convolution that could be int8.
    """
    nodes = _lean_nodes(model.graph, reaches, in_int8)
    if not nodes:
        raise ModelError("the network has no convolution whose values are known: it cannot be int8")
    extremes = {name: (np.float32(low), np.float32(high)) for name, (low, high) in reaches.items()}
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    quantizer = QDQQuantizer(
        copy,
        per_channel=True,
        reduce_range=False,
        weight_qType=QuantType.QInt8,
        activation_qType=QuantType.QUInt8,
        tensors_range=TensorsData(CalibrationMethod.MinMax, extremes),
        nodes_to_quantize=nodes,
        nodes_to_exclude=[],
        op_types_to_quantize=["Conv", "Relu", *sorted(_CARRIERS)],
        extra_options={},
    )
    quantizer.quantize_model()
    made = quantizer.model.model
    _shield(made.graph, set(convolutions(model)) - set(nodes))
    onnx.helper.set_model_props(made, dict(facts))
    content: bytes = made.SerializeToString()
    return content


def _keep_first_output(graph: Any) -> None:
    """Side outputs are only for training, and whatever leads to nothing else goes with them."""
    del graph.output[1:]
    needed = {graph.output[0].name}
    for node in reversed(list(graph.node)):
        if needed.intersection(node.output):
            needed.update(node.input)
        else:
            graph.node.remove(node)
    for constant in [each for each in graph.initializer if each.name not in needed]:
        graph.initializer.remove(constant)


def _lean_nodes(graph: Any, reaches: Mapping[str, Reach], in_int8: Collection[str]) -> list[str]:
    """The convolutions, the carriers that lead to them, and each Relu that can become part of its input.

    A carrier between convolutions that stay fp32 stays so, too: otherwise what they shall see exactly
    would be rounded on its way.
    """
    readers, maker = defaultdict(list), {}
    for node in graph.node:
        maker.update(dict.fromkeys(node.output, node.name))
        for name in node.input:
            readers[name].append(node.name)
    wanted: set[str] = set()
    for node in reversed(list(graph.node)):
        if node.name in in_int8 or (
            node.op_type in _CARRIERS | {"Relu"} and wanted.intersection(readers[node.output[0]])
        ):
            wanted.add(node.name)
    constants = {each.name for each in graph.initializer} | {""}
    lean: set[str] = set()
    for node in graph.node:
        known = {*node.input, *node.output} - constants <= reaches.keys()
        merged = node.op_type != "Relu" or maker.get(node.input[0]) in lean
        if known and merged and (node.name in wanted or node.op_type == "Relu"):
            lean.add(node.name)
    return sorted(lean)


def _shield(graph: Any, kept: Collection[str]) -> None:
    """Puts a Clip that clips nothing in front of what shall stay fp32 and reads an int8 tensor.

    For ONNX Runtime quantises every convolution that it finds between two int8 tensors, with one scale
    for all of its channels: so kept, conv97 of u2netp made masks worse (IoU 0.66) than in int8 (0.82).
    """
    dequantised = {node.output[0] for node in graph.node if node.op_type == "DequantizeLinear"}
    bounds = [f"watchd_{name}" for name in ("lowest", "highest")]
    nodes = []
    for node in graph.node:
        if node.name in kept and node.input[0] in dequantised:
            seen = f"{node.name}_seen"
            nodes.append(
                onnx.helper.make_node("Clip", [node.input[0], *bounds], [seen], f"{node.name}_shield")
            )
            node.input[0] = seen
        nodes.append(node)
    if len(nodes) > len(graph.node):
        for name, value in zip(bounds, (-1e30, 1e30), strict=True):
            graph.initializer.append(onnx.numpy_helper.from_array(np.array(value, np.float32), name))
        copies = [onnx.NodeProto.FromString(node.SerializeToString()) for node in nodes]
        del graph.node[:]
        graph.node.extend(copies)
