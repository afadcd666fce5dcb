"""What the machine provides for the work: networks, loaded; threads, planned; memory."""

from collections.abc import Iterable, Mapping

import psutil

from watchd.config.schema import Config, Models
from watchd.domain.errors import ModelError
from watchd.imaging.cgroup import cpu_quota, memory_limit
from watchd.imaging.cpus import Room, ThreadPlan, plan_threads, room_for
from watchd.imaging.download import Progress, pull
from watchd.imaging.models import KNOWN, FoundModel, fed_as, find, model_home
from watchd.imaging.resident import Residents
from watchd.imaging.segment import Segmenter
from watchd.imaging.session import Session, load_segmenter
from watchd.imaging.topology import usable_cpus


def load_segmenters(
    models: Iterable[str],
    plan: ThreadPlan,
    environ: Mapping[str, str],
    progress: Progress,
    resident: int = Models().resident,
    warm: bool = False,
) -> dict[str, Segmenter]:
    """One a model; a known model that is not there is fetched first. Blocks. ModelError.

    Each is loaded once, so that it fails now if it ever does; the last `resident` stay in memory. If they
    shall be `warm` each runs once, too.
    """
    residents: Residents[Session] = Residents(resident)
    return {model: load_segmenter(fetch(model, environ, progress), plan, residents, warm) for model in models}


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
    return plan_threads(
        threads.workers,
        threads.intra_op,
        threads.inter_op,
        config.binding,
        usable_cpus(),
        cpu_quota(),
        runs_that_fit(config),
    )


def cpu_room(config: Config) -> Room:
    """What there is to share out. ConfigError as in thread_plan."""
    return room_for(config.binding, usable_cpus(), cpu_quota())


def default_memory() -> int:
    """Half of what this machine has, or the control group that we are in."""
    total = psutil.virtual_memory().total
    return min(total, memory_limit() or total) // 2


def runs_that_fit(config: Config) -> int | None:
    """How many networks may be at work at once in limits.memory; None if that is not known."""
    try:
        specs = [fed_as(model) for model in {folder.profile.model for folder in config.watch_folders()}]
    except ModelError:  # whoever loads it tells
        return None
    if not specs:
        return None
    memory = (config.limits.memory or default_memory()) / 1e6
    weights = sorted((spec.megabytes for spec in specs), reverse=True)[: config.models.resident]
    return max(1, int((memory - sum(weights)) / max(spec.run_megabytes for spec in specs)))
