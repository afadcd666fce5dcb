"""What Prometheus is told: outcomes counted, stages measured, and how things stand at the moment."""

import os
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler

from watchd import __version__
from watchd.domain.errors import ConfigError
from watchd.domain.events import Event, FolderAdded, HookEnded, JobEnded
from watchd.domain.hook import Told
from watchd.domain.outcome import Delivered, word
from watchd.domain.reuse import Tier
from watchd.report.escape import without_surrogates
from watchd.report.progress import WORDS
from watchd.report.status import Status

try:
    from prometheus_client import (
        CollectorRegistry,
        Counter,
        Histogram,
        MetricsHandler,
        ProcessCollector,
        disable_created_metrics,
    )
    from prometheus_client.metrics_core import GaugeMetricFamily, InfoMetricFamily, Metric
    from prometheus_client.registry import Collector
except ImportError as error:
    raise ConfigError("metrics needs an extra: pip install 'watchd[metrics]'") from error

_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800)


class Metrics:
    """A listener that any thread may tell; `handler` answers a scrape.

    The values of its labels are watch folders, models, and words of ours: never the name of a photo, which is
    private, and of which there are any number. `pixel_bytes` is what the pictures in work take.
    """

    def __init__(self, snapshot: Callable[[], Status], pixel_bytes: Callable[[], int]) -> None:
        # Of when each series was first counted, which would be as many series again.
        disable_created_metrics()  # type: ignore[no-untyped-call]  # it takes and gives nothing
        self.registry = registry = CollectorRegistry()
        self.handler: type[BaseHTTPRequestHandler] = MetricsHandler.factory(registry)
        self._jobs = Counter("watchd_jobs", "Jobs that have ended.", ("folder", "outcome"), registry=registry)
        self._cutouts = Counter(
            "watchd_cutouts",
            "Cutouts, by what of the cache they used.",
            ("folder", "cache"),
            registry=registry,
        )
        self._stages = Histogram(
            "watchd_stage_seconds",
            "How long one stage of a job takes.",
            ("stage",),
            buckets=_BUCKETS_S,
            registry=registry,
        )
        self._seconds = Histogram(
            "watchd_job_seconds", "How long a worker has a job.", buckets=_BUCKETS_S, registry=registry
        )
        self._hooks = Counter(
            "watchd_hooks", "Events for hooks, by what came of them.", ("folder", "result"), registry=registry
        )
        registry.register(_Standing(snapshot, pixel_bytes))
        ProcessCollector(registry=registry)

    def __call__(self, event: Event) -> None:
        match event:
            case FolderAdded(folder):
                self._show(_label(folder))
            case JobEnded(job, outcome, seconds, stages):
                folder = _label(job.folder.name)
                self._jobs.labels(folder, word(outcome)).inc()
                self._seconds.observe(seconds)
                for stage, took in stages.items():
                    self._stages.labels(stage).observe(took)
                if isinstance(outcome, Delivered):
                    self._cutouts.labels(folder, outcome.reuse.tier).inc()
            case HookEnded(folder, told):
                self._hooks.labels(_label(folder), told).inc()
            case _:
                pass

    def _show(self, folder: str) -> None:
        """With nothing counted yet, so that the first one is seen as a rise."""
        for outcome in WORDS:
            self._jobs.labels(folder, outcome)
        for tier in Tier:
            self._cutouts.labels(folder, tier)
        for told in Told:
            self._hooks.labels(folder, told)


class _Standing(Collector):
    """What is asked for at each scrape."""

    def __init__(self, snapshot: Callable[[], Status], pixel_bytes: Callable[[], int]) -> None:
        self._snapshot = snapshot
        self._pixel_bytes = pixel_bytes

    def collect(self) -> Iterator[Metric]:
        status = self._snapshot()
        yield InfoMetricFamily("watchd", "The program.", {"version": __version__})
        models = GaugeMetricFamily("watchd_model", "1 for each network in use.", labels=("model",))
        for model in status.model.split(", "):
            models.add_metric((_model(model),), 1)
        yield models
        paused = GaugeMetricFamily("watchd_folder_paused", "1 while it is paused.", labels=("folder",))
        for folder, reason in status.folders.items():
            paused.add_metric((_label(folder),), bool(reason))
        yield paused
        yield GaugeMetricFamily("watchd_queue_jobs", "Jobs that wait for a worker.", status.queue_depth)
        yield GaugeMetricFamily("watchd_jobs_in_flight", "Jobs that a worker has.", status.in_flight)
        yield GaugeMetricFamily("watchd_workers", "Worker threads.", status.workers)
        yield GaugeMetricFamily(
            "watchd_pixels_in_flight_bytes", "Memory that pictures in work may take.", self._pixel_bytes()
        )


def _label(name: str) -> str:
    return without_surrogates(name)


def _model(model: str) -> str:
    """Of a file of the user's only its name."""
    return _label(os.path.basename(model))
