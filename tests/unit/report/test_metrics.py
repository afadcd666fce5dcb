"""What a scrape finds."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from watchd.domain.events import FolderAdded, HookEnded, JobEnded, StateChanged
from watchd.domain.hook import Told
from watchd.domain.outcome import Deferred, Delivered, Failed, Rejected, Skipped
from watchd.domain.reuse import Reuse, Tier
from watchd.domain.stages import Stage
from watchd.report.metrics import Metrics
from watchd.report.status import Status

DASHBOARD = Path(__file__).parents[3] / "systemd" / "grafana-dashboard.json"
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
STATUS = Status(
    "running",
    1,
    1,
    "nas",
    NOON,
    NOON,
    "builtin, /srv/own.onnx",
    4,
    {"photos": "", "scans": "disk full"},
    7,
    2,
)

Ended = Callable[..., JobEnded]
Samples = dict[tuple[str, frozenset[str]], float]


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(lambda: STATUS, lambda: 4096)


def samples(metrics: Metrics) -> Samples:
    """By name and values of labels."""
    return {
        (sample.name, frozenset(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(generate_latest(metrics.registry).decode())
        for sample in family.samples
    }


def value(metrics: Metrics, name: str, *labels: str) -> float:
    return samples(metrics)[name, frozenset(labels)]


def test_outcomes_are_counted_by_watch_folder(metrics: Metrics, ended: Ended) -> None:
    outcomes = [
        Delivered("a"),
        Delivered("b"),
        Skipped("gone"),
        Deferred("full", 1.0),
        Rejected("bad"),
        Failed("!"),
    ]

    for outcome in outcomes:
        metrics(ended(outcome))

    counted = {word: value(metrics, "watchd_jobs_total", "photos", word) for word in ("delivered", "failed")}
    assert counted == {"delivered": 2, "failed": 1}


def test_cutouts_are_counted_by_what_of_the_cache_they_used(metrics: Metrics, ended: Ended) -> None:
    metrics(ended(Delivered("a", reuse=Reuse(Tier.PERCEPTUAL))))
    metrics(ended(Rejected("bad")))

    assert value(metrics, "watchd_cutouts_total", "photos", "perceptual") == 1
    assert sum(count for (name, _), count in samples(metrics).items() if name == "watchd_cutouts_total") == 1


def test_stages_and_jobs_are_measured(metrics: Metrics, ended: Ended) -> None:
    metrics(ended(Delivered("a"), seconds=2.0, stages={Stage.INFER: 0.2}))
    metrics(ended(Delivered("b"), seconds=3.0, stages={Stage.INFER: 0.3}))

    assert value(metrics, "watchd_stage_seconds_count", "infer") == 2
    assert value(metrics, "watchd_stage_seconds_sum", "infer") == pytest.approx(0.5)
    assert value(metrics, "watchd_stage_seconds_bucket", "infer", "0.25") == 1
    assert value(metrics, "watchd_job_seconds_sum") == pytest.approx(5.0)


def test_hooks_are_counted_by_watch_folder_and_what_came_of_them(metrics: Metrics) -> None:
    metrics(FolderAdded("scans"))
    for told in (Told.TOLD, Told.TOLD, Told.TIMED_OUT):
        metrics(HookEnded("photos", told))

    assert value(metrics, "watchd_hooks_total", "photos", "told") == 2
    assert value(metrics, "watchd_hooks_total", "photos", "timed_out") == 1
    assert value(metrics, "watchd_hooks_total", "scans", "failed") == 0


def test_first_job_of_a_watch_folder_is_seen_as_a_rise_from_nothing(metrics: Metrics) -> None:
    metrics(FolderAdded("photos"))

    assert value(metrics, "watchd_jobs_total", "photos", "rejected") == 0
    assert value(metrics, "watchd_cutouts_total", "photos", "miss") == 0


def test_how_things_stand_is_asked_for_at_each_scrape() -> None:
    moments = iter([STATUS, replace(STATUS, queue_depth=8)])
    metrics = Metrics(lambda: next(moments), lambda: 4096)

    first, second = samples(metrics), samples(metrics)

    assert first["watchd_queue_jobs", frozenset()] == 7
    assert second["watchd_queue_jobs", frozenset()] == 8
    assert first["watchd_jobs_in_flight", frozenset()] == 2
    assert first["watchd_workers", frozenset()] == 4
    assert first["watchd_pixels_in_flight_bytes", frozenset()] == 4096
    assert first["watchd_folder_paused", frozenset({"scans"})] == 1
    assert first["watchd_folder_paused", frozenset({"photos"})] == 0
    assert first["process_resident_memory_bytes", frozenset()] > 1_000_000
    assert first["process_cpu_seconds_total", frozenset()] > 0


def test_networks_are_named_and_of_a_file_only_its_name(metrics: Metrics) -> None:
    models = {labels for name, labels in samples(metrics) if name == "watchd_model"}

    assert models == {frozenset({"builtin"}), frozenset({"own.onnx"})}


def test_ten_thousand_odd_names_make_no_label(metrics: Metrics, ended: Ended) -> None:
    metrics(ended(Rejected("a.jpg: bad"), "a.jpg"))
    before = generate_latest(metrics.registry).count(b"\n")

    for number in range(10_000):
        metrics(ended(Rejected(f"secret {number}"), f'secret-{number}"}}\n\udcff.jpg'))

    text = generate_latest(metrics.registry)
    assert text.count(b"\n") == before
    assert b"secret" not in text


def test_name_of_a_watch_folder_that_is_no_text_is_shown_all_the_same() -> None:
    metrics = Metrics(lambda: replace(STATUS, folders={'a"\n\udcff': ""}), lambda: 0)

    assert value(metrics, "watchd_folder_paused", 'a"\n\\xff') == 0


def test_other_events_are_no_figures(metrics: Metrics) -> None:
    before = samples(metrics).keys()

    metrics(StateChanged("draining"))

    assert samples(metrics).keys() == before


def test_each_query_of_the_dashboard_names_metrics_that_exist(metrics: Metrics, ended: Ended) -> None:
    metrics(ended(Delivered("a"), stages=dict.fromkeys(Stage, 0.1)))
    metrics(HookEnded("photos", Told.FAILED))
    there = {name for name, _ in samples(metrics)}

    dashboard = json.loads(DASHBOARD.read_text())
    queries = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    asked = {name for query in queries for name in re.findall(r"\b(?:watchd|process)_\w+", query)}

    assert len(queries) >= len(dashboard["panels"]) > 10
    assert asked <= there
    assert {name for name in there if name.startswith("watchd_")} - asked <= {
        "watchd_job_seconds_sum",
        "watchd_job_seconds_count",
    }
