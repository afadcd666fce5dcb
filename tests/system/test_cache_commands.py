"""`watchd cache` as a user meets it: real files, the network that comes with watchd, messages, exit codes."""

import json
import os
import shutil
import signal
import subprocess
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest
from commands import WATCHD, watchd
from fakes import encoded, wait_until
from PIL import Image
from scenes import scene

ENTRIES = "v1/builtin-*/*/*.png"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "photos"


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """Two photos, a copy of the first, and what is none."""
    library = tmp_path / "library"
    library.mkdir()
    for name, data in {
        "a.png": encoded("PNG", scene(1)),
        "b.png": encoded("PNG", scene(2)),
        "bad.jpg": b"this is no picture at all",
        "copy.jpg": encoded("JPEG", scene(1), quality=90),
    }.items():
        (library / name).write_bytes(data)
    return library


@pytest.fixture
def used(root: Path, library: Path) -> Path:
    """A watch folder that has made two cutouts."""
    (root / "inbox").mkdir(parents=True)
    for name in ("a.png", "b.png"):
        shutil.copy(library / name, root / "inbox")
    assert watchd("run", "--once", root).returncode == 0
    return root


def entries(root: Path) -> list[Path]:
    return sorted((root / ".watchd" / "cache").glob(ENTRIES))


def outputs(root: Path) -> list[Path]:
    return sorted((root / ".watchd" / "cache").glob("v1/outputs/*/*"))


def json_of(*words: object) -> dict[str, Any]:
    result = watchd(*words, "--json")
    assert result.returncode == 0, result.stderr
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_help_names_every_command() -> None:
    result = watchd("cache", "--help")

    assert result.returncode == 0
    for command in ("stats", "explain", "purge", "verify", "warm"):
        assert f"\n  {command} " in result.stdout


@pytest.mark.parametrize("command", ["stats", "verify", "purge --all", "purge --stale-spaces"])
def test_cache_that_is_not_there_is_one_line_and_73(root: Path, command: str) -> None:
    root.mkdir()

    result = watchd("cache", *command.split(), root)

    assert result.returncode == 73
    assert result.stderr.startswith(f"watchd: {root}/.watchd/cache: there is no cache yet")
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "words",
    [
        ("purge",),
        ("purge", "--all", "--older-than", "7d"),
        ("purge", "--older-than", "soon"),
        ("purge", "--stale-spaces", "--outputs-only"),
        ("purge", "--entry", "foo"),
        ("purge", "--image", "nowhere.jpg"),
        ("stats", "--space", "u2net"),
        ("verify", "--recompute", "3"),
    ],
    ids=" ".join,
)
def test_wrong_usage_is_2_and_no_traceback(used: Path, words: tuple[str, ...]) -> None:
    result = watchd("cache", *words, used)

    assert result.returncode == 2
    assert result.stderr
    assert "Traceback" not in result.stderr
    assert len(entries(used)) == 2


def test_warm_needs_photos() -> None:
    assert watchd("cache", "warm").returncode == 2


def test_stats_tell_what_is_there_and_what_was_done(used: Path, library: Path) -> None:
    for name in ("a.png", "copy.jpg"):
        shutil.copy(library / name, used / "inbox" / f"again-{name}")
    watchd("run", "--once", used)

    text, found = watchd("cache", "stats", used).stdout, json_of("cache", "stats", used)

    [cache] = found["caches"]
    assert [space["entries"] for space in cache["spaces"]] == [2]
    assert cache["outputs"]["entries"] == 3
    counts = {name: count for name, count in cache["counts"].items() if count}
    assert counts["lookups"] == 4
    assert (counts["miss"], counts["hit_output"], counts["hit_perceptual"]) == (2, 1, 1)
    assert "hits: 1 output, 0 exact, 1 perceptual" in text
    assert "error rate: not known" in text


def test_explain_tells_the_finished_cutout_the_like_picture_and_the_miss(used: Path, library: Path) -> None:
    (library / "c.png").write_bytes(encoded("PNG", scene(3)))

    tiers = {
        name: json_of("cache", "explain", library / name, "--root", used)["folders"][0]["decision"]
        for name in ("a.png", "copy.jpg", "c.png")
    }
    text = watchd("cache", "explain", used / "originals" / "a.png").stdout

    assert tiers == {"a.png": "output", "copy.jpg": "perceptual", "c.png": "miss"}
    assert "decision: output: the finished cutout would be copied" in text
    [stats] = json_of("cache", "stats", used)["caches"]
    assert stats["counts"]["lookups"] == 2


def test_explain_of_what_is_no_picture_is_one_line(used: Path, library: Path) -> None:
    result = watchd("cache", "explain", library / "bad.jpg", "--root", used)

    assert result.returncode == 2
    assert result.stderr == "watchd: bad.jpg: the file is text, not an image\n"


def test_purge_of_an_image_takes_what_a_copy_of_it_would_be_given(used: Path, library: Path) -> None:
    told = watchd("cache", "purge", "--image", library / "copy.jpg", "--dry-run", used)
    assert (len(entries(used)), len(outputs(used))) == (2, 2)

    [done] = json_of("cache", "purge", "--image", library / "copy.jpg", used)["caches"]

    assert (len(done["masks"]), len(done["outputs"])) == (1, 1)
    for name in (*done["masks"], *done["outputs"]):
        assert f"would remove {name}" in told.stdout
    assert (len(entries(used)), len(outputs(used))) == (1, 1)


def test_purge_of_stale_spaces_leaves_that_of_the_network_in_use(used: Path) -> None:
    [space] = {entry.parent.parent for entry in entries(used)}
    shutil.copytree(space, space.with_name("u2net-000000000000"))

    result = watchd("cache", "purge", "--stale-spaces", used)

    assert "2 masks and 0 cutouts removed" in result.stdout
    assert not space.with_name("u2net-000000000000").exists()
    assert len(entries(used)) == 2


def test_purge_of_all_leaves_a_cache_that_works_again(used: Path, library: Path) -> None:
    assert "2 masks and 2 cutouts removed" in watchd("cache", "purge", "--all", used).stdout
    shutil.copy(library / "a.png", used / "inbox" / "again.png")

    assert watchd("run", "--once", used).returncode == 0

    assert (len(entries(used)), len(outputs(used))) == (1, 1)


def test_verify_names_what_is_wrong_and_with_fix_mends_it(used: Path) -> None:
    assert watchd("cache", "verify", used).returncode == 0
    torn, spoilt = entries(used)[0], outputs(used)[0]
    os.truncate(torn, 100)
    spoilt.write_bytes(b"x")

    told, fixed, after = (watchd("cache", "verify", *words, used) for words in ((), ("--fix",), ()))

    assert (told.returncode, fixed.returncode, after.returncode) == (1, 0, 0)
    assert f"{torn.name}: " in told.stdout
    assert f"{spoilt.name}: its content is not that of the digest in its name" in told.stdout
    assert not torn.exists()
    assert not spoilt.exists()
    assert "1 mask and 1 cutout read, none wrong" in after.stdout


def test_recomputed_masks_are_those_that_are_remembered(used: Path, library: Path) -> None:
    found = json_of("cache", "verify", "--recompute", 5, "--source", library, used)

    assert sorted(Path(each["source"]).name for each in found["recomputed"]) == ["a.png", "b.png"]
    assert {each["overlap"] for each in found["recomputed"]} == {1.0}


def test_warmed_photos_need_no_network_later(root: Path, library: Path) -> None:
    (root / "inbox").mkdir(parents=True)

    first = watchd("cache", "warm", library, "--root", root)
    again = watchd("cache", "warm", library, "--root", root, "--json")

    assert first.returncode == again.returncode == 1
    assert "failed " in first.stderr
    assert "bad.jpg: the file is text, not an image" in first.stderr
    assert first.stderr.splitlines()[-1] == "2 made, 1 like, 1 failed"
    states = {Path(line["path"]).name: line["state"] for line in map(json.loads, again.stdout.splitlines())}
    assert states == {"a.png": "known", "b.png": "known", "bad.jpg": "failed", "copy.jpg": "like"}
    shutil.copy(library / "a.png", root / "inbox")
    assert watchd("run", "--once", root).returncode == 0
    [stats] = json_of("cache", "stats", root)["caches"]
    assert (stats["counts"]["hit_exact"], stats["counts"]["miss"]) == (1, 0)


def test_masks_of_pairs_give_the_same_cutouts_again(root: Path, library: Path, tmp_path: Path) -> None:
    (library / "bad.jpg").unlink()
    alpha = Image.new("L", (600, 400), 255)
    alpha.paste(0, (0, 0, 300, 400))
    out = tmp_path / "out"
    out.mkdir()
    cutout = scene(1)
    cutout.putalpha(alpha)
    cutout.save(out / "a.png")
    scene(2).save(out / "b.png")
    (root / "inbox").mkdir(parents=True)

    result = watchd("cache", "warm", "--from-pairs", library, out, "--root", root)

    assert result.returncode == 0, result.stderr
    assert "b.png: the cutout has no transparency" in result.stderr
    assert result.stderr.splitlines()[-1] == "1 taken, 2 skipped"
    shutil.copy(library / "a.png", root / "inbox")
    assert watchd("run", "--once", root).returncode == 0
    made = Image.open(root / "outbox" / "a.png").getchannel("A")
    assert made.crop((0, 0, 280, 400)).getextrema() == (0, 0)
    assert made.crop((320, 0, 600, 400)).getextrema() == (255, 255)


def test_ctrl_c_ends_warming_with_what_was_done_and_the_next_call_goes_on(root: Path, tmp_path: Path) -> None:
    library = tmp_path / "library"
    library.mkdir()
    for seed in range(200):
        (library / f"{seed:03}.png").write_bytes(encoded("PNG", scene(seed)))
    root.mkdir()
    log = tmp_path / "log"
    with open(log, "w", encoding="utf-8") as stream:
        process = subprocess.Popen(
            [WATCHD, "cache", "warm", library, "--root", root],
            stderr=stream,
            # A shell that has put the tests into the background has them, and all below, ignore it.
            preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - no threads
        )
        wait_until(lambda: "made" in log.read_text(), within_s=30)
        assert psutil.Process(process.pid).nice() == 19
        assert psutil.Process(process.pid).ionice().ioclass == psutil.IOPRIO_CLASS_IDLE

        process.send_signal(signal.SIGINT)

        assert process.wait(20) == 130
    done = len(entries(root))
    assert 0 < done < 200
    assert log.read_text().splitlines()[-1].startswith(f"{done} made")
    assert "Traceback" not in log.read_text()
    for photo in sorted(library.iterdir())[done + 1 :]:
        photo.unlink()
    again = watchd("cache", "warm", library, "--root", root)
    assert again.stderr.splitlines()[-1] == f"1 made, {done} known"
