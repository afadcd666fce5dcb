"""Networks of a few convolutions: one that sees what is bright and can be given a trap, and a slow one."""

from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper
from tiny_model import save

_WIDE = 1000.0


def build_conv_model(path: Path, side: int = 32, trap: bool = False) -> Path:
    """eyes → look → shrink → deep → grow, beside what was seen → mouth; a second output as in U²-Net.

    With `trap` one channel of `deep` is always 1000 and `mouth` takes it off again: nothing in fp32, but
    256 levels from 0 to 1000 cannot tell the other channels' values, as in one place of u2netp.
    """
    noise = np.random.default_rng(7)
    eyes = noise.uniform(0.02, 0.06, (8, 3, 3, 3))
    look = noise.uniform(0.0, 0.03, (8, 8, 3, 3))
    deep = noise.uniform(0.0, 0.03, (8, 8, 3, 3))
    mouth = np.repeat([0.01, 0.5], 8).reshape(1, 16, 1, 1)
    deep_bias, mouth_bias = np.zeros(8), np.full(1, -2.0)
    if trap:
        deep[5], deep_bias[5] = 0, _WIDE
        mouth_bias -= _WIDE * 0.5
    constants = {
        "eyes_w": eyes,
        "eyes_b": np.full(8, 0.2),
        "look_w": look,
        "look_b": np.full(8, 0.01),
        "deep_w": deep,
        "deep_b": deep_bias,
        "mouth_w": mouth,
        "mouth_b": mouth_bias,
    }
    nodes = [
        helper.make_node("Conv", ["image", "eyes_w", "eyes_b"], ["eyes_"], "eyes", pads=[1] * 4),
        helper.make_node("Relu", ["eyes_"], ["light"], "light"),
        helper.make_node("Conv", ["light", "look_w", "look_b"], ["look_"], "look", pads=[1] * 4),
        helper.make_node("Relu", ["look_"], ["seen"], "seen"),
        helper.make_node("MaxPool", ["seen"], ["small"], "shrink", kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Conv", ["small", "deep_w", "deep_b"], ["deep_"], "deep", pads=[1] * 4),
        helper.make_node("Relu", ["deep_"], ["thought"], "thought"),
        helper.make_node("Resize", ["thought", "", "", "large"], ["grown"], "grow", mode="linear"),
        helper.make_node("Concat", ["seen", "grown"], ["both"], "both", axis=1),
        helper.make_node("Conv", ["both", "mouth_w", "mouth_b"], ["said"], "mouth"),
        helper.make_node("Sigmoid", ["said"], ["mask"], "mask"),
        helper.make_node("Sigmoid", ["thought"], ["aside"], "aside"),
    ]
    graph = helper.make_graph(
        nodes,
        "conv",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, side, side])],
        [
            helper.make_tensor_value_info("mask", TensorProto.FLOAT, [1, 1, side, side]),
            helper.make_tensor_value_info("aside", TensorProto.FLOAT, [1, 8, side // 2, side // 2]),
        ],
        [
            *(numpy_helper.from_array(value.astype(np.float32), name) for name, value in constants.items()),
            numpy_helper.from_array(np.array([1, 8, side, side], np.int64), "large"),
        ],
    )
    return save(graph, path)


def build_slow_model(path: Path) -> Path:
    """Computes for some tenths of a second, outside of Python."""
    weights = np.random.default_rng(1).random((32, 32, 3, 3), np.float32) * 0.01
    nodes = [helper.make_node("Conv", ["image", "first"], ["x0"], pads=[1] * 4)]
    nodes += [helper.make_node("Conv", [f"x{n}", "more"], [f"x{n + 1}"], pads=[1] * 4) for n in range(6)]
    nodes += [helper.make_node("ReduceMean", ["x6"], ["mean"], axes=[1], keepdims=1)]
    nodes += [helper.make_node("Sigmoid", ["mean"], ["mask"])]
    graph = helper.make_graph(
        nodes,
        "slow",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, 320, 320])],
        [helper.make_tensor_value_info("mask", TensorProto.FLOAT, [1, 1, 320, 320])],
        [numpy_helper.from_array(weights, "more"), numpy_helper.from_array(weights[:, :3].copy(), "first")],
    )
    return save(graph, path)
