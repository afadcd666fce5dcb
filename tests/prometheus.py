"""A real Prometheus of a test's own, which reads from one place each second."""

import json
import shutil
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from fakes import free_port


class Prometheus:
    def __init__(self, port: int) -> None:
        self._port = port

    def ask(self, query: str) -> list[dict[str, Any]]:
        """The series that are the answer now; AssertionError if that is no query."""
        words = urllib.parse.urlencode({"query": query})
        with urllib.request.urlopen(
            f"http://127.0.0.1:{self._port}/api/v1/query?{words}", timeout=10
        ) as answer:
            found = json.load(answer)
        assert found["status"] == "success", f"{query}: {found}"
        series: list[dict[str, Any]] = found["data"]["result"]
        return series

    def value(self, query: str) -> float | None:
        """Of the only series that is the answer."""
        try:
            series = self.ask(query)
        except OSError:  # it is starting
            return None
        return float(series[0]["value"][1]) if series else None


@contextmanager
def prometheus(place: Path, target: str) -> Iterator[Prometheus]:
    """Skips the test where there is no such program."""
    if shutil.which("prometheus") is None:
        pytest.skip("prometheus is not installed")
    config = place / "prometheus.yml"
    config.write_text(
        "global: {scrape_interval: 1s}\n"
        f"scrape_configs: [{{job_name: watchd, static_configs: [{{targets: ['{target}']}}]}}]\n"
    )
    port = free_port()
    words = [
        f"--config.file={config}",
        f"--storage.tsdb.path={place}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with open(place / "log", "wb") as log:
        process = subprocess.Popen(["prometheus", *words], stdout=log, stderr=log)
    try:
        yield Prometheus(port)
    finally:
        process.kill()
        process.wait()
