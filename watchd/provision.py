"""What the machine provides for the work: networks, loaded; threads, planned; memory."""

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import assert_never

import psutil

from watchd.config.schema import Config, Models
from watchd.domain.engine import Engine
from watchd.domain.errors import ModelError
from watchd.domain.profile import Precision
from watchd.imaging.cgroup import cpu_quota, memory_limit
from watchd.imaging.cpus import Room, ThreadPlan, plan_threads, room_for
from watchd.imaging.download import Progress, pull
from watchd.imaging.loading import LoadedNetwork
from watchd.imaging.models import KNOWN, FoundModel, fed_as, find, model_home, plain
from watchd.imaging.providers import PROVIDERS, ExecutionProvider
from watchd.imaging.resident import Residents
from watchd.imaging.segment import Segmenter
from watchd.imaging.topology import usable_cpus
from watchd.report.download import DownloadBar
from watchd.report.systemd import Patience

_LONGEST_LOAD_S = 120.0  # of one network, or between two pieces of its download


class Networks:
    """The networks in use. One thread loads and drops them, any number lets them run."""

    def __init__(
        self,
        plan: ThreadPlan,
        environ: Mapping[str, str],
        settings: Models = Models(),  # noqa: B008  # a frozen value
        warm: bool = False,
    ) -> None:
        self._plan = plan
        self._environ = environ
        self._warm = warm
        self._settings = settings
        self._residents: Residents[LoadedNetwork] = Residents(settings.resident)
        self._loaded: dict[str, tuple[str, Segmenter]] = {}

    def load(self, models: Iterable[str], progress: Progress) -> dict[str, Segmenter]:
        """One a model; a known model that is not there is fetched first. Blocks. ModelError.

        Each is loaded once, so that it fails now if it ever does; the last `resident` stay in memory. If
        they shall be `warm` each runs once, too.
        """
        return {model: self._load(model, progress) for model in models}

    def keep(self, models: Collection[str]) -> None:
        """All others leave memory."""
        for model in self._loaded.keys() - set(models):
            name, _ = self._loaded.pop(model)
            if name not in [other for other, _ in self._loaded.values()]:
                self._residents.drop(name)

    def follow(self, plan: ThreadPlan, resident: int) -> None:
        """From now on by this plan; if it differs for networks each is loaded again when it is to run."""
        before, self._plan = self._plan, plan
        self._residents.limit(resident)
        streams = self._settings.engine is Engine.OPENVINO and plan.workers != before.workers
        if streams or plan.of_a_network != before.of_a_network:
            for name in self._residents.loaded():
                self._residents.drop(name)

    def _load(self, model: str, progress: Progress) -> Segmenter:
        if model not in self._loaded:
            found = fetch(model, self._environ, progress)
            load = _loader(self._settings, lambda: self._plan, self._residents, self._warm)
            self._loaded[model] = str(found), load(found)
        return self._loaded[model][1]


def load_patiently(
    networks: Networks, models: Sequence[str], environ: Mapping[str, str]
) -> dict[str, Segmenter]:
    """Whoever waits for us meanwhile, systemd, is asked for the time that it takes. ModelError."""
    ask = Patience(environ, f"loading {', '.join(models)}", len(models) * _LONGEST_LOAD_S)
    ask()
    with DownloadBar() as bar:

        def progress(have: int, total: int | None) -> None:
            bar(have, total)
            ask()

        return networks.load(models, progress)


def _loader(
    settings: Models, plan: Callable[[], ThreadPlan], residents: Residents[LoadedNetwork], warm: bool
) -> Callable[[FoundModel], Segmenter]:
    """ModelError: the engine is not installed."""
    match settings.engine:
        case Engine.ONNXRUNTIME:
            from watchd.imaging import session

            providers = _providers(settings)
            return lambda found: session.load_segmenter(found, plan, residents, warm, providers)
        case Engine.OPENVINO:
            from watchd.imaging import openvinosession

            return lambda found: openvinosession.load_segmenter(found, plan, residents, warm)
        case _:
            assert_never(settings.engine)


def _providers(settings: Models) -> tuple[ExecutionProvider, ...]:
    return tuple(PROVIDERS[each] for each in settings.providers)


def engine_in_words(config: Config) -> str:
    """What runs the networks. ModelError: it is not installed, or cannot do what the profiles ask for."""
    match config.models.engine:
        case Engine.ONNXRUNTIME:
            from watchd.imaging import session

            return session.in_words(_providers(config.models))
        case Engine.OPENVINO:
            from watchd.imaging import openvinosession

            if Precision.BF16 in precisions(config):
                openvinosession.refuse_without_bf16()
            return openvinosession.in_words()
        case _:
            assert_never(config.models.engine)


def precisions(config: Config) -> set[Precision]:
    """Those of every profile that some job may have: by its watch folder, or by a rule in the inbox."""
    folders = config.watch_folders()
    profiles = (profile for folder in folders for profile in (folder.profile, *folder.choices))
    return {config.profiles[profile.name].precision for profile in profiles}


def fetch(model: str, environ: Mapping[str, str], progress: Progress) -> FoundModel:
    """Where the model's file is; downloads it if it is known and not there."""
    try:
        return find(model, environ)
    except ModelError:
        spec = KNOWN.get(plain(model))
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


def cores_each(plan: ThreadPlan) -> float:
    """How many of the cores that we may use one worker of the plan takes, with its share of the helpers."""
    cores, quota = len({cpu.core for cpu in usable_cpus()}), cpu_quota()
    granted = cores if quota is None else min(cores, math.ceil(quota))
    return min(granted, plan.workers + plan.intra_op - 1) / plan.workers


def default_memory() -> int:
    """Half of what this machine has, or the control group that we are in."""
    total = psutil.virtual_memory().total
    return min(total, memory_limit() or total) // 2


def runs_that_fit(config: Config) -> int | None:
    """How many networks may be at work at once in limits.memory; None if that is not known."""
    try:
        models = {model for folder in config.watch_folders() for model in folder.models}
        specs = [fed_as(model) for model in models]
    except ModelError:  # whoever loads it tells
        return None
    if not specs:
        return None
    memory = (config.limits.memory or default_memory()) / 1e6
    weights = sorted((spec.megabytes for spec in specs), reverse=True)[: config.models.resident]
    return max(1, int((memory - sum(weights)) / max(spec.run_megabytes for spec in specs)))
