"""From a folder of drawn photos to the figures of several networks, and the contact sheet."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from fakes import encoded
from PIL import Image
from scenes import scene
from tiny_model import build_tiny_model

from watchd.comparing import Wish, compare
from watchd.config.load import load
from watchd.domain.comparereport import Comparison
from watchd.domain.errors import ModelError, StartupError
from watchd.domain.tunereport import Pace
from watchd.imaging.apart import ProbeError
from watchd.imaging.cpus import ThreadPlan
from watchd.imaging.probe import Load


class FakeMeasure:
    """Says the same of each network; `meanwhile` is told its model."""

    def __init__(self, meanwhile: Callable[[str], None] = lambda _model: None) -> None:
        self.asked: list[tuple[str, ThreadPlan]] = []
        self._meanwhile = meanwhile

    def __call__(self, model: str, plan: ThreadPlan, load: Load, seconds: float) -> tuple[float, Pace]:
        self.asked.append((model, plan))
        self._meanwhile(model)
        return 0.5, Pace(per_second=20.0, cpu_s=0.1, latency_p50_s=0.1, latency_p95_s=0.1, peak_bytes=10**8)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.jpg").write_bytes(encoded(image=scene(number).resize((120, 80))))
    return folder


@pytest.fixture
def wish(tmp_path: Path, photos: Path) -> Wish:
    """Two networks of one kilobyte, which see pictures of different sizes."""
    models = [build_tiny_model(tmp_path / f"{name}.onnx", side) for name, side in (("one", 32), ("two", 48))]
    return Wish(photos, tuple(map(str, models)), tmp_path / "sheet.png", most=12)


def compared(
    wish: Wish,
    measure: FakeMeasure | None = None,
    told: list[str] | None = None,
    environ: Mapping[str, str] | None = None,
    **changes: object,
) -> Comparison:
    overrides = {key.replace("__", "."): value for key, value in changes.items()}
    loaded, said = load(None, wish.photos, overrides, {}), [] if told is None else told
    return compare(loaded, wish, environ or {}, lambda _more: None, said.append, measure or FakeMeasure())


def test_every_network_has_its_figures_and_a_column_of_the_sheet(wish: Wish) -> None:
    found = compared(wish)

    assert [each.label for each in found.contenders] == ["one", "two"]
    assert [each.figures.configured_s for each in found.contenders] == [0.05, 0.05]
    assert all(each.figures.one_core_s > 0 for each in found.contenders)
    assert found.sheets == (str(wish.sheet),)
    with Image.open(wish.sheet) as sheet:
        assert sheet.format == "PNG"


def test_networks_that_say_the_same_agree_although_they_see_pictures_of_other_sizes(wish: Wish) -> None:
    found = compared(wish)

    assert found.agreement[0][0] == found.agreement[1][1] == 1.0
    assert found.agreement[0][1] == found.agreement[1][0] > 0.9
    assert all(photo.agreement > 0.9 for photo in found.photos)


def test_measured_is_with_the_threads_that_the_configuration_gives(wish: Wish) -> None:
    measure = FakeMeasure()

    found = compared(wish, measure, threads__workers=3)

    assert [(model, plan.workers) for model, plan in measure.asked] == [(each, 3) for each in wish.models]
    assert [each.figures.workers for each in found.contenders] == [3, 3]


def test_network_that_needs_much_memory_is_measured_with_as_few_workers_as_it_would_get(
    wish: Wish, tmp_path: Path
) -> None:
    large = build_tiny_model(tmp_path / "birefnet-general.onnx")

    found = compared(replace(wish, models=(str(large),)), limits__memory="6GB")

    assert found.contenders[0].figures.workers == 1


def test_without_names_these_are_builtin_the_configured_and_those_that_are_there(
    wish: Wish, tmp_path: Path
) -> None:
    own, home = wish.models[0], tmp_path / "home"
    home.mkdir()
    build_tiny_model(home / "u2netp.onnx")

    found = compared(
        replace(wish, models=()), environ={"U2NET_HOME": str(home)}, profiles__default__model=own
    )

    assert [each.label for each in found.contenders] == ["builtin", "one", "u2netp"]


def test_network_may_be_given_a_label_and_comes_once(wish: Wish) -> None:
    own = wish.models[0]

    found = compared(replace(wish, models=(f"before={own}", own)))

    assert [each.label for each in found.contenders] == ["before"]
    assert found.agreement == ((1.0,),)


def test_file_with_an_equals_sign_in_its_name_is_no_label(wish: Wish, tmp_path: Path) -> None:
    own = build_tiny_model(tmp_path / "a=b.onnx")

    assert [each.label for each in compared(replace(wish, models=(str(own),))).contenders] == ["a=b"]


def test_networks_of_one_name_are_told_apart_by_their_paths(wish: Wish, tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    old = build_tiny_model(tmp_path / "old" / "one.onnx")

    found = compared(replace(wish, models=(wish.models[0], str(old))))

    assert [each.label for each in found.contenders] == [wish.models[0], str(old)]


def test_of_more_photos_so_many_are_taken_evenly_and_named(wish: Wish) -> None:
    found = compared(replace(wish, most=2))

    assert found.found == 3
    assert [Path(photo.path).name for photo in found.photos] == ["0.jpg", "1.jpg"]


def test_broken_photo_is_skipped_and_named(wish: Wish) -> None:
    (wish.photos / "1.jpg").write_bytes(b"no picture")
    told: list[str] = []

    found = compared(wish, told=told)

    assert len(found.photos) == 2
    assert found.skipped == ("1.jpg: the file is text, not an image",)
    assert "skipped: 1.jpg: the file is text, not an image" in told


def test_photo_that_is_removed_meanwhile_is_skipped(wish: Wish) -> None:
    def remove(model: str) -> None:
        if model == wish.models[1]:
            (wish.photos / "1.jpg").unlink()

    found = compared(wish, FakeMeasure(remove))

    assert [Path(photo.path).name for photo in found.photos] == ["0.jpg", "2.jpg"]
    assert len(found.skipped) == 1


@pytest.mark.parametrize("spoil", [lambda path: path.unlink(), lambda path: path.write_bytes(b"")])
def test_no_photo_that_can_be_read_is_an_error(wish: Wish, spoil: Callable[[Path], None]) -> None:
    for number in range(3):
        spoil(wish.photos / f"{number}.jpg")

    with pytest.raises(StartupError, match=r"there are no photos|none of the photos can be read; 0\.jpg"):
        compared(wish)


def test_network_that_cannot_run_is_left_out_with_the_reason(wish: Wish) -> None:
    def die(model: str) -> None:
        if model == wish.models[0]:
            raise ProbeError("its process died of SIGKILL, often for want of memory")

    found = compared(wish, FakeMeasure(die))

    assert [(each.label, bool(each.figures)) for each in found.contenders] == [("one", False), ("two", True)]
    assert "SIGKILL" in found.contenders[0].left_out
    assert found.agreement == ((1.0,),)


def test_no_network_that_can_run_is_an_error_and_no_sheet(wish: Wish) -> None:
    def die(_model: str) -> None:
        raise ProbeError("it died")

    with pytest.raises(ModelError, match="nothing can be compared: one: it died"):
        compared(wish, FakeMeasure(die))
    assert not wish.sheet.exists()


@pytest.mark.parametrize(
    ("models", "told"),
    [
        (("u2nett",), "did you mean u2net"),
        (("u2net",), "watchd models pull u2net"),
        (("nowhere.onnx",), "no model file at nowhere.onnx"),
    ],
)
def test_model_that_is_not_there_is_told_before_anything_is_measured(
    wish: Wish, models: tuple[str, ...], told: str
) -> None:
    measure = FakeMeasure()

    with pytest.raises(ModelError, match=told):
        compared(replace(wish, models=models), measure)
    assert measure.asked == []


def test_sheet_that_is_there_stays_unless_it_may_be_replaced(wish: Wish) -> None:
    wish.sheet.write_bytes(b"mine")
    measure = FakeMeasure()

    with pytest.raises(StartupError, match=r"sheet\.png is there already: .* --out, or give --overwrite"):
        compared(wish, measure)
    assert measure.asked == []
    assert wish.sheet.read_bytes() == b"mine"
    compared(replace(wish, overwrite=True))
    assert wish.sheet.read_bytes() != b"mine"


def test_further_pages_are_numbered_and_none_is_replaced_either(wish: Wish, tmp_path: Path) -> None:
    for number in range(3, 13):
        (wish.photos / f"{number}.jpg").write_bytes((wish.photos / "0.jpg").read_bytes())
    second = tmp_path / "sheet-2.png"
    second.write_bytes(b"mine")

    with pytest.raises(StartupError, match=r"sheet-2\.png is there already"):
        compared(replace(wish, most=13))
    second.unlink()
    assert compared(replace(wish, most=13)).sheets == (str(wish.sheet), str(second))
    assert second.is_file()
