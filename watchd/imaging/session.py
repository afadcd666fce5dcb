"""The one ONNX Runtime session of a model, which all workers share."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

# Since 1.29 ONNX Runtime writes an identifier into the home folder and reports its use over the network.
# It decides so when it is loaded, so this stands before the import.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import onnxruntime as ort
from onnxruntime.capi import onnxruntime_pybind11_state as reasons

from watchd.domain.errors import ModelError
from watchd.imaging.arrays import Batch, Map
from watchd.imaging.cpus import ThreadPlan
from watchd.imaging.graph import understood
from watchd.imaging.inturn import InTurn
from watchd.imaging.loading import LoadedNetwork, segmenter_of
from watchd.imaging.memory import give_back_now
from watchd.imaging.models import FoundModel
from watchd.imaging.providers import CPU_ONLY, ExecutionProvider, refuse_fallback, refuse_missing
from watchd.imaging.resident import Residents
from watchd.imaging.segment import U2netSegmenter


def load_segmenter(
    found: FoundModel,
    plan: Callable[[], ThreadPlan],
    residents: Residents[LoadedNetwork] | None = None,
    warm: bool = False,
    providers: Sequence[ExecutionProvider] = CPU_ONLY,
) -> U2netSegmenter:
    """ModelError as in Session, or if the model cannot run at the side that the table names."""
    if found.bf16:
        raise ModelError("bf16 needs models.engine: openvino")
    return segmenter_of(found, lambda: _opened(found.path, plan(), providers), residents, warm)


def in_words(providers: Sequence[ExecutionProvider]) -> str:
    """ModelError: this ONNX Runtime has none of that name. Whether one starts, only a network shows."""
    refuse_missing(providers, ort.get_available_providers())
    return f"ONNX Runtime {ort.__version__}, {', '.join(each.name for each in providers)}"


def _opened(path: Path, plan: ThreadPlan, providers: Sequence[ExecutionProvider]) -> LoadedNetwork:
    session = Session(path, plan, providers)
    return InTurn(session) if any(each.one_run_at_a_time for each in providers) else session


class Session:
    """A loaded network. `run` is safe for any number of threads at once, and has no lock around it.

    `side` is what the graph takes (None: any), `channels_last` whether it takes NHWC instead of NCHW.

    To be created on a thread that is not pinned: helper threads that the plan does not pin inherit the
    affinity of their creator. ModelError: no such file, not a network, not one from image to mask, or one of
    `providers` is not there.
    """

    def __init__(
        self, path: Path, plan: ThreadPlan, providers: Sequence[ExecutionProvider] = CPU_ONLY
    ) -> None:
        self._path = path
        refuse_missing(providers, ort.get_available_providers())
        try:
            # Without enable_fallback=0 a failure prints a banner on stdout and is tried a second time.
            self._session = ort.InferenceSession(
                path,
                options_of(plan),
                providers=[(each.name, dict(each.options)) for each in providers],
                enable_fallback=0,
            )
        except _LOADING as error:
            raise ModelError(f"{path} cannot be loaded: {_reason(error)}") from error
        give_back_now()
        refuse_fallback(providers, self._session.get_providers())
        # Whether a GPU answers as a CPU does has not been compared.
        self.flavour = "" if providers == CPU_ONLY else " ".join(each.name for each in providers)
        taken, given = self._session.get_inputs(), self._session.get_outputs()
        self._input, self._output = taken[0].name, given[0].name
        try:
            self.side, self.channels_last = understood(taken, given)
        except ValueError as error:
            raise ModelError(f"{path} is not a network from image to mask: {error}") from error

    def run(self, batch: Batch) -> Map:
        """The network's first output for one picture; of the others none is computed that is not needed."""
        answer: Map = self._session.run([self._output], {self._input: batch})[0]
        return answer

    def try_out(self, side: int) -> None:
        """One run on a black picture of that side: of a graph that leaves it open nothing else tells.

        Else it is time lost, unless somebody waits for us to be ready: the first run takes a tenth to a
        quarter more than later ones, but to have it at the start costs a whole one. ModelError.
        """
        shape = (1, side, side, 3) if self.channels_last else (1, 3, side, side)
        try:
            self.run(np.zeros(shape, np.float32))
        except _LOADING as error:
            raise ModelError(f"{self._path} cannot run at {side}×{side}: {_reason(error)}") from error


def options_of(plan: ThreadPlan) -> ort.SessionOptions:
    """Every option that matters is set, so that no default of another version or machine decides."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = plan.intra_op
    options.inter_op_num_threads = plan.inter_op
    # ORT_PARALLEL is needed for inter_op to mean anything, and takes 2 to 3 times the CPU time.
    parallel = plan.inter_op > 1
    options.execution_mode = ort.ExecutionMode.ORT_PARALLEL if parallel else ort.ExecutionMode.ORT_SEQUENTIAL
    # All, for the change of layout that only it brings is a third of the speed.
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.enable_cpu_mem_arena = True  # without it 10 to 20 % slower, and its peak is no lower
    options.enable_mem_pattern = False  # with it no faster, and 70 to 130 MB more for each run
    options.log_severity_level = 3  # errors: its warnings are about the graph, which no user can change
    # Spinning helpers answer 5 % sooner, but steal the time of other workers.
    spin = "1" if plan.intra_op > 1 and plan.workers == 1 else "0"
    options.add_session_config_entry("session.intra_op.allow_spinning", spin)
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    if plan.intra_affinities:
        options.add_session_config_entry("session.intra_op_thread_affinities", plan.intra_affinities)
    return options


# ONNX Runtime's errors have no common ancestor but Exception.
_LOADING = (
    reasons.EPFail,
    reasons.EngineError,
    reasons.Fail,
    reasons.InvalidArgument,
    reasons.InvalidGraph,
    reasons.InvalidProtobuf,
    reasons.ModelLoaded,
    reasons.NoModel,
    reasons.NoSuchFile,
    reasons.NotImplemented,
    reasons.RuntimeException,
    RuntimeError,
    ValueError,
)


def _reason(error: BaseException) -> str:
    """In one line, without the "[ONNXRuntimeError] : 7 : INVALID_PROTOBUF : " in front."""
    return " ".join(str(error).split(" : ")[-1].split())
