"""Where ONNX Runtime can run a network: its execution providers, and what each needs to be told."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from watchd.domain.engine import Provider
from watchd.domain.errors import ModelError


@dataclass(frozen=True, slots=True)
class ExecutionProvider:
    """`name` is ONNX Runtime's."""

    name: str
    options: Mapping[str, str] = field(default_factory=dict)
    one_run_at_a_time: bool = False


PROVIDERS: Mapping[Provider, ExecutionProvider] = {
    # Both lock the whole of a run anyway, TensorRT since it crashed without (microsoft/onnxruntime#19301).
    Provider.TENSORRT: ExecutionProvider("TensorrtExecutionProvider", one_run_at_a_time=True),
    Provider.MIGRAPHX: ExecutionProvider("MIGraphXExecutionProvider", one_run_at_a_time=True),
    # By default it rounds to the 10 bits of TF32 where the GPU has that. Its runs have a stream each.
    Provider.CUDA: ExecutionProvider("CUDAExecutionProvider", {"use_tf32": "0"}),
    Provider.CPU: ExecutionProvider("CPUExecutionProvider"),
}

CPU_ONLY = (PROVIDERS[Provider.CPU],)


def refuse_missing(asked: Sequence[ExecutionProvider], there: Sequence[str]) -> None:
    """ModelError, unless this build of ONNX Runtime has all of them."""
    if missing := [each.name for each in asked if each.name not in there]:
        raise ModelError(
            f"models.providers: this ONNX Runtime has no {', '.join(missing)}, only {', '.join(there)}; "
            "other builds of it have more, such as the package onnxruntime-gpu"
        )


def refuse_fallback(asked: Sequence[ExecutionProvider], used: Sequence[str]) -> None:
    """ModelError, unless all of them have started: ONNX Runtime goes on without, and only its log says so."""
    if silent := [each.name for each in asked if each.name not in used]:
        raise ModelError(
            f"models.providers: {', '.join(silent)} has not started (are its driver and its libraries "
            f"installed?); there would be {', '.join(used)} only"
        )
