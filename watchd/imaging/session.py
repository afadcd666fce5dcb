"""The one ONNX Runtime session of a model, which all workers share."""

import logging
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

# Since 1.29 ONNX Runtime writes an identifier into the home folder and reports its use over the network.
# It decides so when it is loaded, so this stands before the import.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import onnxruntime as ort
from onnxruntime.capi import onnxruntime_pybind11_state as reasons

from watchd.domain.errors import ModelError, TryAgain
from watchd.domain.job import Stamp
from watchd.imaging.arrays import Batch, Map
from watchd.imaging.cpus import ThreadPlan
from watchd.imaging.memory import give_back_now
from watchd.imaging.models import FoundModel, checksum
from watchd.imaging.resident import ResidentNetwork, Residents
from watchd.imaging.segment import U2netSegmenter

log = logging.getLogger(__name__)


def load_segmenter(
    found: FoundModel,
    plan: Callable[[], ThreadPlan],
    residents: "Residents[Session] | None" = None,
    warm: bool = False,
) -> U2netSegmenter:
    """Loads the model; ModelError as in Session, or if it cannot run at the side that the table names.

    It stays loaded as long as `residents` have a place for it, and is loaded again, by what the plan is then,
    when it is to run.
    """
    path, spec, residents = found.path, found.spec, residents or Residents(most=1)
    with ThreadPoolExecutor(1, "weights") as aside:
        reading = aside.submit(_Weights, path)  # at the same time: of 176 MB it takes 0.1 s and more
        with residents.using(str(path), lambda: Session(path, plan())) as session:
            if warm or session.side is None:
                session.try_out(session.side or spec.side)
            side, channels_last = session.side or spec.side, session.channels_last
        weights = reading.result()
    network = ResidentNetwork(residents, str(path), lambda: _again(weights, plan()), channels_last)
    return U2netSegmenter(network, weights.checksum, side, spec.mean, spec.std, spec.activation)


class Session:
    """A loaded network. `run` is safe for any number of threads at once, and has no lock around it.

    `side` is what the graph takes (None: any), `channels_last` whether it takes NHWC instead of NCHW.

    To be created on a thread that is not pinned: helper threads that the plan does not pin inherit the
    affinity of their creator. ModelError: no such file, not a network, or not one from image to mask.
    """

    def __init__(self, path: Path, plan: ThreadPlan) -> None:
        self._path = path
        try:
            # Without enable_fallback=0 a failure prints a banner on stdout and is tried a second time.
            self._session = ort.InferenceSession(
                path, options_of(plan), providers=["CPUExecutionProvider"], enable_fallback=0
            )
        except _LOADING as error:
            raise ModelError(f"{path} cannot be loaded: {_reason(error)}") from error
        give_back_now()
        taken, given = self._session.get_inputs(), self._session.get_outputs()
        self._input, self._output = taken[0].name, given[0].name
        try:
            self.side, self.channels_last = _understood(taken, given)
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


class _Weights:
    """The file of a network as it was at first: another one would make other masks."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.checksum, self._stamp = self._read()

    def unchanged(self) -> bool:
        return Stamp.of(os.stat(self.path)) == self._stamp or self._read()[0] == self.checksum

    def _read(self) -> tuple[str, Stamp]:
        with self.path.open("rb") as file:
            return checksum(file), Stamp.of(os.fstat(file.fileno()))


def _again(weights: _Weights, plan: ThreadPlan) -> Session:
    """On a worker's thread. TryAgain: the file is not what it was; OSError: it is gone."""
    if not weights.unchanged():
        raise TryAgain(f"{weights.path} has changed since watchd started: restart watchd")
    begun = time.monotonic()
    try:
        with _unpinned():
            session = Session(weights.path, plan)
    except ModelError as error:
        raise TryAgain(str(error)) from error
    facts = {"network": weights.path, "seconds": round(time.monotonic() - begun, 3)}
    log.info("network loaded again (models.resident)", extra=facts)
    return session


@contextmanager
def _unpinned() -> Iterator[None]:
    """Helper threads that the plan does not pin inherit the affinity of who creates them."""
    own = os.sched_getaffinity(0)
    with suppress(OSError):  # a cpuset that has shrunk meanwhile costs the pinning only
        os.sched_setaffinity(0, os.sched_getaffinity(os.getpid()))
    try:
        yield
    finally:
        with suppress(OSError):
            os.sched_setaffinity(0, own)


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
    spin = "1" if plan.spins else "0"
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


def _understood(taken: Any, given: Any) -> tuple[int | None, bool]:
    """The side of the input and whether its channels come last. ValueError: what is wrong with the graph."""
    if len(taken) != 1:
        raise ValueError(f"it takes {len(taken)} inputs")
    shape = taken[0].shape
    if taken[0].type != "tensor(float)" or len(shape) != 4:
        raise ValueError(f"it takes {taken[0].type} of shape {shape}")
    if 3 not in (shape[1], shape[3]) or (isinstance(shape[0], int) and shape[0] != 1):
        raise ValueError(f"it takes the shape {shape}, not one picture with three channels")
    channels_last = shape[1] != 3
    height, width = shape[1:3] if channels_last else shape[2:4]
    if isinstance(height, int) and isinstance(width, int) and height != width:
        raise ValueError(f"it takes pictures of {width}×{height}, which are not square")
    if given[0].type != "tensor(float)" or len(given[0].shape) not in (3, 4):
        raise ValueError(f"it gives {given[0].type} of shape {given[0].shape}")
    return (height if isinstance(height, int) else None), channels_last
