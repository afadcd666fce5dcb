"""From a configuration to the layout that is recommended, and written."""

import os
import socket
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fakes import FakeMeasure
from PIL import Image
from tiny_model import build_tiny_model

from watchd.config.load import load
from watchd.config.schema import Config
from watchd.domain.errors import ConfigError, ModelError
from watchd.domain.tunereport import Tuning
from watchd.imaging.apart import ProbeError
from watchd.imaging.probe import Probe
from watchd.process import started_ticks
from watchd.provision import thread_plan
from watchd.report.status import Status
from watchd.report.statusfile import StatusFile, as_json
from watchd.tuning import Wish, tune

WORKERS = 2 * (os.cpu_count() or 1) + 1
"""More than any layout has that is tried anyway."""

AUTO = thread_plan(Config()).workers


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Of a watch folder with so many workers, in whose place auto would be tried as well."""
    build_tiny_model(tmp_path / "tiny.onnx")
    file = tmp_path / "config.yaml"
    file.write_text(
        "watch:\n- root: .  # here\nprofiles:\n  default:\n    model: tiny.onnx\n"
        f"threads:\n  workers: {WORKERS}  # many\n"
    )
    return file


def tuned(
    file: Path,
    measure: FakeMeasure,
    *,
    write: bool = False,
    chart: Path | None = None,
    model: str | None = None,
) -> Tuning:
    wish = Wish(None, model, 600, chart, write)
    return tune(load(file, None, {}, {}), wish, {}, lambda _more: None, lambda _line: None, measure)


def faster(many: float, auto: float) -> FakeMeasure:
    """Speeds of the configured workers and of auto; all else is slow."""
    return FakeMeasure(lambda probe, _turn: {WORKERS: many, AUTO: auto}.get(probe.plan.workers, 1.0))


def test_fastest_is_recommended_with_how_much_faster_it_is_than_the_default(file: Path) -> None:
    found = tuned(file, faster(many=11.0, auto=10.0))

    assert found.best.workers == WORKERS
    assert "is 10% faster than auto" in found.choice
    assert "11.00 pictures/s, not 10.00" in found.choice


def test_lead_of_less_than_three_per_cent_does_not_beat_the_default(file: Path) -> None:
    found = tuned(file, faster(many=10.2, auto=10.0))

    assert found.best is found.rows[0]
    assert "ahead by 2.0%, which may be chance" in found.choice


def test_layout_whose_slowest_round_is_not_ahead_does_not_beat_the_default(file: Path) -> None:
    measure = FakeMeasure(
        lambda probe, turn: (12.0, 12.0, 9.0)[turn] if probe.plan.workers == WORKERS else 10.0
    )

    assert tuned(file, measure).best.workers != WORKERS


def test_lower_precision_is_told_of_and_never_recommended(file: Path) -> None:
    build_tiny_model(file.with_name("tiny.int8.onnx"))

    found = tuned(file, FakeMeasure(lambda probe, _turn: 20.0 if "int8" in probe.model else 5.0))

    assert found.best.precision == "fp32"
    assert any("int8 would be 4.00 times as fast" in remark for remark in found.remarks)


def test_best_is_written_and_the_rest_of_the_file_stays(file: Path) -> None:
    found = tuned(file, faster(many=5.0, auto=10.0), write=True)

    assert found.written == str(file)
    assert "\n  workers: auto  # many\n" in file.read_text()
    assert file.read_text().count("\n") == 7


def test_nothing_is_written_unless_asked_for(file: Path) -> None:
    before = file.read_text()

    assert tuned(file, faster(many=5.0, auto=10.0)).written == ""
    assert file.read_text() == before


def test_what_the_file_has_already_is_not_written(file: Path) -> None:
    before = file.stat()

    found = tuned(file, faster(many=20.0, auto=10.0), write=True)

    assert found.written == ""
    assert f"nothing to write: {file} has it already" in found.remarks
    assert file.stat().st_mtime_ns == before.st_mtime_ns


def test_no_file_to_write_into_is_told_before_anything_is_measured(file: Path) -> None:
    measure, loaded = FakeMeasure(), load(None, file.parent / "other", {}, {})

    with pytest.raises(ConfigError, match="no config file to write into: make one with `watchd init ROOT`"):
        tune(loaded, Wish(None, None, 60, None, True), {}, lambda _: None, lambda _: None, measure)
    assert measure.asked == []


def test_file_that_cannot_be_edited_is_told_before_anything_is_measured(file: Path) -> None:
    file.write_text("watch:\n- root: .\nthreads: {workers: 2}\n")
    measure = FakeMeasure()

    with pytest.raises(ConfigError, match=r"config.yaml:3: in a form that only a person should edit"):
        tuned(file, measure, write=True)
    assert measure.asked == []


def test_cpu_that_we_may_not_use_is_told_before_anything_is_measured(file: Path) -> None:
    file.write_text("watch:\n- root: .\nbinding: '8191'\n")
    measure = FakeMeasure()

    with pytest.raises(ConfigError, match="we may not use CPU 8191"):
        tuned(file, measure)
    assert measure.asked == []


def test_unknown_model_is_told(file: Path) -> None:
    with pytest.raises(ModelError, match="did you mean u2net"):
        tuned(file, FakeMeasure(), model="u2nte")


def test_another_model_is_measured_in_every_profile(file: Path) -> None:
    build_tiny_model(file.with_name("other.onnx"))
    measure = FakeMeasure()

    found = tuned(file, measure, model=str(file.with_name("other.onnx")))

    assert found.model == "other"
    assert {os.path.basename(probe.model) for probe in measure.asked} == {"other.onnx"}


def test_nothing_that_can_be_measured_is_an_error_with_the_reason(file: Path) -> None:
    def die(_probe: Probe, _turn: int) -> float:
        raise ProbeError("its process died of SIGILL")

    with pytest.raises(ModelError, match="nothing could be measured: its process died of SIGILL"):
        tuned(file, FakeMeasure(die))


def test_chart_is_drawn_where_it_is_wanted(file: Path, tmp_path: Path) -> None:
    found = tuned(file, FakeMeasure(), chart=tmp_path / "charts" / "tune.png")

    assert found.chart == str(tmp_path / "charts" / "tune.png")
    with Image.open(found.chart) as chart:
        assert chart.format == "PNG"


def test_daemon_that_runs_on_the_folder_is_told(file: Path) -> None:
    (file.parent / ".watchd").mkdir()
    now, me = datetime.now(UTC), os.getpid()
    ticks = started_ticks(me)
    assert ticks is not None
    status = Status("running", me, ticks, socket.gethostname(), now, now, "builtin", 2, {})
    StatusFile(
        file.parent / ".watchd/status.json", lambda: status, as_json, Path.write_bytes
    ).write_if_changed()

    found = tuned(file, FakeMeasure())

    assert any("its daemon was running: these figures may be off" in remark for remark in found.remarks)
