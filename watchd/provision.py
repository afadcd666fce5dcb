"""What the machine provides for the work: networks, loaded; threads, planned; memory."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import psutil

from watchd.config.schema import Config
from watchd.domain.errors import ModelError
from watchd.imaging.cpus import ThreadPlan, cpu_quota, physical_first, plan_threads, usable_cpus
from watchd.imaging.download import Progress, pull
from watchd.imaging.models import KNOWN, FoundModel, find, model_home
from watchd.imaging.segment import Segmenter
from watchd.imaging.session import load_segmenter


def load_segmenters(
    models: Iterable[str], plan: ThreadPlan, environ: Mapping[str, str], progress: Progress
) -> dict[str, Segmenter]:
    """One session a model, warmed up; a known model that is not there is fetched first. ModelError."""
    return {model: load_segmenter(fetch(model, environ, progress), plan) for model in models}


def fetch(model: str, environ: Mapping[str, str], progress: Progress) -> FoundModel:
    """Where the model's file is; downloads it if it is known and not there."""
    try:
        return find(model, environ)
    except ModelError:
        spec = KNOWN.get(model)
        if spec is None or not spec.url:
            raise
        pull(spec, model_home(environ), progress)
        return find(model, environ)


def thread_plan(config: Config) -> ThreadPlan:
    """From the config and the CPUs that this process may use. ConfigError for a CPU that it may not."""
    threads = config.threads
    cpus = physical_first(usable_cpus())
    return plan_threads(
        threads.workers, threads.intra_op, threads.inter_op, config.binding, cpus, cpu_quota()
    )


def default_memory() -> int:
    """Half of what this machine has, or the control group that we are in."""
    total = psutil.virtual_memory().total
    try:
        limit = int(Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii"))
    except (OSError, ValueError):  # no such group, or "max"
        limit = total
    return min(total, limit) // 2
