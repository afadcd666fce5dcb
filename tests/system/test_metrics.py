"""Metrics of the installed command, read by a real Prometheus, as the dashboard asks for them."""

import json
import os
import urllib.request
from pathlib import Path

import pytest
from commands import daemon, watchd
from fakes import draw, encoded, free_port, wait_until
from prometheus import prometheus

from watchd.domain.errors import ExitCode

NO_PICTURE = b"\xff\xd8 no picture \xff\xd9"
DASHBOARD = Path(__file__).parents[2] / "systemd" / "grafana-dashboard.json"


@pytest.fixture
def target() -> str:
    return f"127.0.0.1:{free_port()}"


@pytest.fixture
def root(tmp_path: Path, target: str) -> Path:
    root = tmp_path / "photos"
    (root / "inbox").mkdir(parents=True)
    (root / "config.yaml").write_text(f"watch: [root: .]\nmetrics: {target}\n")
    return root


def drop(root: Path, name: str, data: bytes | None = None) -> None:
    (root / "inbox" / os.fsdecode(name.encode())).write_bytes(data or encoded("JPEG", draw(200, 150)))


def scraped(target: str) -> str:
    with urllib.request.urlopen(f"http://{target}/metrics", timeout=10) as answer:
        return str(answer.read().decode())


def queries() -> list[str]:
    panels = json.loads(DASHBOARD.read_text())["panels"]
    texts = [target["expr"] for panel in panels for target in panel["targets"]]
    return [text.replace("$__rate_interval", "1m").replace("$instance", ".*") for text in texts]


def test_prometheus_answers_each_query_of_the_dashboard(root: Path, target: str, tmp_path: Path) -> None:
    place = tmp_path / "prometheus"
    place.mkdir()
    with daemon(root), prometheus(place, target) as reader:
        drop(root, "first.jpg")
        wait_until(lambda: reader.value('watchd_jobs_total{outcome="delivered"}') == 1, within_s=30)
        drop(root, "second.jpg", encoded("JPEG", draw(300, 100)))
        drop(root, "no picture.jpg", NO_PICTURE)
        wait_until(lambda: reader.value('watchd_jobs_total{outcome="delivered"}') == 2, within_s=30)
        wait_until(lambda: (reader.value("rate(watchd_job_seconds_count[1m])") or 0) > 0, within_s=30)

        empty = [query for query in queries() if not reader.ask(query)]

    assert empty == []


def test_no_name_of_a_photo_is_told(root: Path, target: str) -> None:
    with daemon(root):
        drop(root, 'secret"} 1\n.jpg')
        drop(root, "secret café.jpg", NO_PICTURE)
        wait_until(lambda: 'outcome="rejected"} 1.0' in scraped(target), within_s=20)
        wait_until(lambda: 'outcome="delivered"} 1.0' in scraped(target), within_s=20)

        assert "secret" not in scraped(target)


def test_port_that_is_taken_is_told_with_78_and_disturbs_nobody(
    root: Path, target: str, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    with daemon(root):
        result = watchd("run", other, "-c", _config(other, target))
        drop(root, "a.jpg")
        wait_until(lambda: 'outcome="delivered"} 1.0' in scraped(target), within_s=20)

    assert result.returncode == ExitCode.CONFIG
    [line] = [line for line in result.stderr.splitlines() if line.startswith("watchd:")]
    assert line.startswith(f"watchd: metrics: {target} cannot be used: Address already in use")


def test_what_came_of_hooks_is_counted(root: Path, target: str) -> None:
    hooks = "{on_delivered: [{command: ['true']}, {command: [sleep, '600'], timeout: 100ms}]}"
    (root / "config.yaml").write_text(f"watch: [{{root: ., hooks: {hooks}}}]\nmetrics: {target}\n")

    with daemon(root):
        drop(root, "a.jpg")

        wait_until(lambda: 'hooks_total{folder="photos",result="told"} 1.0' in scraped(target), within_s=20)
        wait_until(
            lambda: 'hooks_total{folder="photos",result="timed_out"} 1.0' in scraped(target), within_s=20
        )


def _config(root: Path, target: str) -> Path:
    root.mkdir()
    (root / "config.yaml").write_text(f"watch: [root: .]\nmetrics: {target}\n")
    return root / "config.yaml"
