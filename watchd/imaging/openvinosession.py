"""A network in OpenVINO, with one infer request for each worker. Imported only where it is configured."""

import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from watchd.domain.errors import ModelError
from watchd.imaging.arrays import Batch, Map
from watchd.imaging.cpus import ThreadPlan
from watchd.imaging.graph import understood
from watchd.imaging.loading import LoadedNetwork, segmenter_of
from watchd.imaging.memory import give_back_now
from watchd.imaging.models import FoundModel
from watchd.imaging.resident import Residents
from watchd.imaging.segment import U2netSegmenter

# Its converter, which we do not need, reports over the network that it was imported. So it is not there.
sys.modules.setdefault("openvino.tools.ovc", None)  # type: ignore[arg-type]  # what import takes for absent

try:
    import openvino as ov
    from openvino import frontend
except ImportError as error:
    raise ModelError("models.engine: openvino needs an extra: pip install 'watchd[openvino]'") from error

_BF16_FLAGS = frozenset({"avx512_bf16", "amx_bf16"})


def load_segmenter(
    found: FoundModel,
    plan: Callable[[], ThreadPlan],
    residents: Residents[LoadedNetwork] | None = None,
    warm: bool = False,
) -> U2netSegmenter:
    """ModelError as in OpenVinoSession, if the model cannot run at the side that the table names, or if it
    is to be run in bf16 and this CPU cannot.
    """
    if found.bf16:
        refuse_without_bf16()
    return segmenter_of(found, lambda: OpenVinoSession(found.path, plan(), bf16=found.bf16), residents, warm)


def refuse_without_bf16(cpuinfo: Path = Path("/proc/cpuinfo")) -> None:
    """ModelError, unless the kernel says that this CPU has it.

    OpenVINO does not say so: with AVX-512 alone it lists BF16 among what it can do, and imitates it.
    """
    if _BF16_FLAGS.isdisjoint(cpuinfo.read_text(encoding="ascii", errors="replace").split()):
        raise ModelError(
            "profiles.*.precision: bf16 needs a CPU with avx512_bf16 or amx_bf16, which this one has not: "
            "use fp32 or int8"
        )


def in_words() -> str:
    return f"OpenVINO {ov.get_version().partition('-')[0]}, whose threads are not pinned"


class OpenVinoSession:
    """A loaded network. `run` is safe for any number of threads: each has an infer request of its own.

    To be created on a thread that is not pinned: the threads that it starts inherit their creator's affinity.
    ModelError: no such file, not a network, or not one from image to mask.
    """

    def __init__(self, path: Path, plan: ThreadPlan, *, bf16: bool = False) -> None:
        self._path = path
        self._requests = threading.local()
        try:
            model = _read(path)
            try:
                edges = [_Edge.of(each) for each in model.inputs], [_Edge.of(each) for each in model.outputs]
                self.side, self.channels_last = understood(*edges)
            except ValueError as error:
                raise ModelError(f"{path} is not a network from image to mask: {error}") from error
            # Of the other outputs none is computed that is not needed.
            first = ov.Model(model.get_results()[:1], model.get_parameters(), path.name)
            self._network = _core().compile_model(first, "CPU", options_of(plan, bf16=bf16))
        except _FAILURES as error:
            raise ModelError(f"{path} cannot be loaded: {_reason(error)}") from error
        give_back_now()
        self.flavour = _flavour(model, bf16=bf16)

    def run(self, batch: Batch) -> Map:
        """The network's first output for one picture."""
        request = getattr(self._requests, "own", None)
        if request is None:
            request = self._requests.own = self._network.create_infer_request()
        # Without a copy of what goes in; what comes out is the request's own memory.
        answer: Map = request.infer({0: batch}, share_inputs=True, share_outputs=True)[0].copy()
        return answer

    def try_out(self, side: int) -> None:
        """One run on a black picture of that side: of a graph that leaves it open nothing else tells.

        ModelError: it cannot.
        """
        shape = (1, side, side, 3) if self.channels_last else (1, 3, side, side)
        try:
            self.run(np.zeros(shape, np.float32))
        except _FAILURES as error:
            raise ModelError(f"{self._path} cannot run at {side}×{side}: {_reason(error)}") from error


def options_of(plan: ThreadPlan, *, bf16: bool) -> dict[str, object]:
    """Every option that matters is set, so that no default of another version or machine decides."""
    return {
        # Its default is bf16 wherever the CPU has that, which changes the masks.
        "INFERENCE_PRECISION_HINT": "bf16" if bf16 else "f32",
        # Requests of one stream wait for each other.
        "NUM_STREAMS": plan.workers,
        "INFERENCE_NUM_THREADS": plan.workers * plan.intra_op,
        # The plan says how many threads there are; OpenVINO would count cores.
        "ENABLE_HYPER_THREADING": True,
        # With more than one stream the threads are its own, and with one it widens the caller's affinity to
        # that of the process while it runs. Its own pinning would leave the caller on other CPUs afterwards.
        "ENABLE_CPU_PINNING": False,
        "CACHE_DIR": "",
    }


@dataclass(frozen=True, slots=True)
class _Edge:
    """An input or output of a graph, in the words of ONNX Runtime."""

    type: str
    shape: list[int | str | None]

    @classmethod
    def of(cls, port: ov.Output) -> "_Edge":
        kind = port.get_element_type().to_dtype().name.replace("float32", "float")
        shape = port.get_partial_shape()
        if shape.rank.is_dynamic:
            return cls(f"tensor({kind})", [])
        return cls(f"tensor({kind})", [each.get_length() if each.is_static else str(each) for each in shape])


@cache
def _core() -> ov.Core:
    """One for as long as the process lives. It gives signals a stack on the thread that first uses it, and
    its end takes that memory away: with one core for each network, signals of a thread that had loaded two
    had a stack that was gone, and SIGTERM ended the daemon as SIGSEGV.
    """
    return ov.Core()


def _read(path: Path) -> ov.Model:
    """By the reader of ONNX alone: of a file that is none, the others would print what they think."""
    reader = frontend.FrontEndManager().load_by_framework("onnx")
    if reader is None:
        raise RuntimeError("this OpenVINO cannot read ONNX")
    return reader.convert(reader.load(str(path)))


def _flavour(model: ov.Model, *, bf16: bool) -> str:
    """Only in fp32 its answers are those of ONNX Runtime: int8 is rounded in other places."""
    if bf16:
        return "openvino bf16"
    return "openvino int8" if any(each.get_type_name() == "FakeQuantize" for each in model.get_ops()) else ""


# OpenVINO's errors have no common ancestor but Exception.
_FAILURES = (
    frontend.GeneralFailure,
    frontend.InitializationFailure,
    frontend.NotImplementedFailure,
    frontend.OpConversionFailure,
    frontend.OpValidationFailure,
    RuntimeError,
    ValueError,
)


def _reason(error: BaseException) -> str:
    """Its last line; those before tell where in OpenVINO's source it happened."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
