"""The installed command as a user meets it: folders, pictures, messages and exit codes."""

import json
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from commands import daemon, start, watchd
from fakes import draw, encoded, wait_until
from PIL import Image

from watchd.cli import main
from watchd.imaging.models import KNOWN


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "photos"


def drop(root: Path, name: str, data: bytes | None = None) -> None:
    path = root / "inbox" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encoded("JPEG", draw(200, 150)) if data is None else data)


def test_help_names_every_command() -> None:
    result = watchd("--help")

    assert result.returncode == 0
    for command in ("run", "init", "check", "status", "pause", "resume", "retry", "explain", "models"):
        assert f"\n  {command} " in result.stdout


def leaves(group: click.Group, *above: str) -> Iterator[tuple[str, ...]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from leaves(command, *above, name)
        else:
            yield (*above, name)


@pytest.mark.parametrize("words", [(), *leaves(main)], ids=" ".join)
def test_help_of_each_command_has_examples_and_exit_codes_and_fits_a_terminal(words: tuple[str, ...]) -> None:
    told = watchd(*words, "--help", COLUMNS="80").stdout

    assert [line for line in told.splitlines() if len(line) > 80] == []
    assert "\n  Examples:\n" in told
    assert "\n  Exit codes" in told


def test_help_imports_nothing_heavy() -> None:
    result = watchd("--help", PYTHONPROFILEIMPORTTIME="1")

    imported = {line.rpartition("|")[2].strip() for line in result.stderr.splitlines()}
    assert "click" in imported
    assert not imported & {"numpy", "PIL", "onnxruntime", "watchdog", "pydantic", "rich", "yaml"}


def test_once_delivers_what_is_there_and_ends_with_0(root: Path) -> None:
    drop(root, "a.jpg")
    drop(root, "sub/b.JPG")

    result = watchd("run", "--once", root)

    assert result.returncode == 0, result.stderr
    assert result.stderr.splitlines()[-1].startswith("2 files in ")
    with Image.open(root / "outbox" / "sub" / "b.png") as cutout:
        assert (cutout.mode, cutout.size) == ("RGBA", (200, 150))
    assert (root / "originals" / "a.jpg").exists()


def test_nothing_is_written_into_the_home_folder(root: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    drop(root, "a.jpg")

    watchd("run", "--once", root, HOME=str(home), XDG_CACHE_HOME=str(home / "cache"))

    assert list(home.rglob("*")) == []


def test_once_with_a_file_that_fails_ends_with_1_and_names_it(root: Path) -> None:
    drop(root, "a.jpg")
    drop(root, "bad.jpg", b"this is no picture at all")

    result = watchd("run", "--once", root)

    assert result.returncode == 1
    assert "rejected photos/bad.jpg" in result.stderr
    assert (root / "failed" / "bad.jpg.error.json").exists()
    assert (root / "outbox" / "a.png").exists()


def test_once_leaves_an_unfinished_upload_in_the_inbox_and_says_so(root: Path) -> None:
    drop(root, "half.jpg", encoded("JPEG", draw(200, 150))[:3000])

    result = watchd("run", "--once", root)

    assert result.returncode == 1
    assert "left in the inbox: half.jpg" in result.stderr
    assert (root / "inbox" / "half.jpg").exists()


def test_once_on_an_empty_inbox_ends_with_0(root: Path) -> None:
    result = watchd("run", "--once", root)

    assert (result.returncode, result.stderr) == (0, "no files to process\n")


def test_daemon_delivers_and_drains_on_sigterm_with_0(root: Path) -> None:
    with daemon(root) as process:
        drop(root, "a.jpg")
        wait_until((root / "outbox" / "a.png").exists, within_s=20)

        process.send_signal(signal.SIGTERM)

        assert process.wait(20) == 0
    assert json.loads((root / ".watchd" / "status.json").read_text())["state"] == "stopped"


def test_sigterm_under_load_leaves_the_unbegun_in_the_inbox_and_loses_nothing(root: Path) -> None:
    data = encoded("JPEG", draw(2000, 1500))
    names = {f"{number}.jpg" for number in range(30)}
    with daemon(root) as process:
        for name in names:
            drop(root, name, data)
        wait_until(lambda: any((root / "outbox").iterdir()), within_s=20)

        process.send_signal(signal.SIGINT)

        assert process.wait(30) == 0
    left = set(os.listdir(root / "inbox"))
    done = set(os.listdir(root / "originals"))
    assert left | done == names
    assert not left & done
    assert set(os.listdir(root / "outbox")) == {name.replace(".jpg", ".png") for name in done}
    assert left, "the load was too light to show anything"


def test_second_signal_ends_at_once_and_the_next_start_finishes(root: Path) -> None:
    data = encoded("JPEG", Image.new("RGB", (13000, 13000), "firebrick"))  # seconds of work
    with daemon(root) as process:
        drop(root, "a.jpg", data)
        wait_until(lambda: '"in_flight": 1' in (root / ".watchd" / "status.json").read_text(), within_s=20)

        process.send_signal(signal.SIGTERM)
        threading.Event().wait(0.05)
        process.send_signal(signal.SIGTERM)
        code = process.wait(10)
    assert code == 128 + signal.SIGTERM
    assert (root / "inbox" / "a.jpg").exists()

    assert watchd("run", "--once", root).returncode == 0
    assert os.listdir(root / "outbox") == ["a.png"]


@pytest.mark.parametrize("words", [("explain", "{}/x.jpg"), ("retry", "{}/x.jpg"), ("cache", "warm", "{}")])
def test_path_outside_of_every_watch_folder_is_told_what_to_name(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    result = watchd(*(word.format(tmp_path) for word in words))

    assert result.returncode == 78
    assert "lies in no watch folder" in result.stderr
    assert result.stderr.endswith("by -c\n")


def test_check_of_the_status_says_nothing_of_a_daemon_that_is_well_and_else_why(root: Path) -> None:
    assert watchd("status", "--check", root).returncode == 1
    with daemon(root) as process:
        well = watchd("status", "--check", root)
        process.kill()
        process.wait()
        gone = watchd("status", "--check", root)

    assert (well.returncode, well.stdout, well.stderr) == (0, "", "")
    assert (gone.returncode, gone.stdout) == (1, "")
    assert gone.stderr.startswith("watchd is gone: ")
    assert gone.stderr.count("\n") == 1


def test_check_of_the_status_finds_a_folder_that_is_paused(root: Path) -> None:
    with daemon(root):
        (root / "inbox").rmdir()
        wait_until(lambda: watchd("status", "--check", root).returncode == 1, within_s=20)

        assert "photos is paused: " in watchd("status", "--check", root).stderr


def test_check_of_the_status_has_nothing_against_a_pause_that_was_asked_for(root: Path) -> None:
    with daemon(root):
        watchd("pause", root)
        wait_until(lambda: "paused" in watchd("status", root).stdout, within_s=20)

        assert watchd("status", "--check", root).returncode == 0


def test_status_tells_running_stopped_and_gone(root: Path) -> None:
    with daemon(root) as process:
        assert "watchd is running" in watchd("status", root).stdout
        process.kill()
        process.wait()

        assert "watchd is gone" in watchd("status", root).stdout

    watchd("run", "--once", root)
    assert "watchd is stopped" in watchd("status", root).stdout
    assert json.loads(watchd("status", "--json", root).stdout)["state"] == "stopped"


def test_init_writes_a_config_that_check_accepts_and_run_uses(root: Path) -> None:
    assert watchd("init", root).returncode == 0
    assert {"inbox", "outbox", "originals", "failed", ".watchd", "config.yaml"} == set(os.listdir(root))
    assert watchd("check", root).returncode == 0
    drop(root, "a.jpg")
    assert watchd("run", "--once", "-c", root / "config.yaml").returncode == 0
    assert (root / "outbox" / "a.png").exists()

    again = watchd("init", root)

    assert again.returncode != 0
    assert "stays as it is" in again.stderr


def test_config_error_is_one_message_with_every_line_and_78(root: Path) -> None:
    root.mkdir()
    (root / "config.yaml").write_text("watch:\n  - root: .\nthread:\n  workers: 2\nattempts: 0\n")

    result = watchd("run", root)

    assert result.returncode == 78
    assert "config.yaml:3: thread: unknown key, did you mean threads?" in result.stderr
    assert "config.yaml:5: attempts:" in result.stderr
    assert "Traceback" not in result.stderr


def test_cpu_outside_the_mask_is_named_with_the_usable_ones(root: Path) -> None:
    result = watchd("run", "--once", root, WATCHD_BINDING="4095")

    assert result.returncode == 78
    assert "4095" in result.stderr
    assert "usable are" in result.stderr


def test_model_that_cannot_be_had_is_69_with_three_ways(root: Path, tmp_path: Path) -> None:
    nowhere = {
        "HOME": str(tmp_path),
        "https_proxy": "http://127.0.0.1:9",
        "U2NET_HOME": str(tmp_path / "home"),
    }

    result = watchd("run", "--once", root, "--model", "u2net", **nowhere)

    assert result.returncode == 69
    for way in ("watchd models pull u2net", str(tmp_path / "home" / "u2net.onnx"), "--model"):
        assert way in result.stderr


def test_unusable_folder_is_73(root: Path) -> None:
    root.mkdir()
    (root / "outbox").write_text("a file where a folder should be")

    result = watchd("run", "--once", root)

    assert result.returncode == 73
    assert str(root / "outbox") in result.stderr


def test_wrong_usage_is_2() -> None:
    assert watchd("run", "--no-such-option").returncode == 2


def test_retry_puts_failed_files_back_and_explain_tells_why(root: Path) -> None:
    drop(root, "bad.jpg", b"this is no picture at all")
    watchd("run", "--once", root)

    back = watchd("retry", root)

    assert back.returncode == 0
    assert "bad.jpg is back in the inbox" in back.stdout
    assert os.listdir(root / "failed") == []
    drop(root, "notes.txt", b"x")
    explained = watchd("explain", root / "inbox" / "notes.txt")
    assert "NO  name: the suffix '.txt'" in explained.stdout


def test_models_list_show_and_verify_know_builtin() -> None:
    listed = watchd("models", "list")
    shown = watchd("models", "show", "builtin")
    verified = watchd("models", "verify", "builtin")

    assert "builtin" in listed.stdout
    assert "birefnet-general-lite" in listed.stdout
    assert "Trained on: DUTS-TR" in shown.stdout
    assert verified.stdout.startswith(f"ok   builtin {KNOWN['builtin'].checksum}")


def test_check_prints_the_schema() -> None:
    schema = json.loads(watchd("check", "--schema").stdout)

    assert schema["$schema"].endswith("2020-12/schema")
    assert "watch" in schema["properties"]


def test_two_daemons_on_one_folder_share_the_work_without_doubles(root: Path) -> None:
    names = {f"{number}.jpg" for number in range(40)}
    with daemon(root):
        second = start(root)
        try:
            for name in names:
                drop(root, name)
            wait_until(lambda: set(os.listdir(root / "originals")) == names, within_s=40)
        finally:
            second.kill()
            second.wait()

    assert len(os.listdir(root / "outbox")) == 40
    assert os.listdir(root / "failed") == []


def test_umask_of_the_config_holds_for_all_that_is_made(root: Path) -> None:
    drop(root, "a.jpg")
    (root / "config.yaml").write_text('watch:\n  - root: .\numask: "0007"\n')

    assert watchd("run", "--once", root).returncode == 0

    assert (root / "outbox" / "a.png").stat().st_mode & 0o777 == 0o660
    assert (root / "outbox").stat().st_mode & 0o777 == 0o770


@pytest.mark.parametrize(
    ("line", "says"),
    [("umask: 0002", "2 is not allowed: octal digits in quotes"), ('umask: "0777"', "from 0000 to 0077")],
)
def test_umask_without_quotes_or_against_watchd_itself_is_a_config_error(
    root: Path, line: str, says: str
) -> None:
    root.mkdir()
    (root / "config.yaml").write_text(f"watch:\n  - root: .\n{line}\n")

    result = watchd("run", root)

    assert result.returncode == 78
    assert "config.yaml:3: umask: " in result.stderr
    assert says in result.stderr


def test_group_that_does_not_exist_ends_the_start_and_a_check_with_78(root: Path) -> None:
    root.mkdir()
    (root / "config.yaml").write_text("watch:\n  - root: .\n    group: nobody-has-this\n")

    started, checked = watchd("run", root), watchd("check", root)

    assert (started.returncode, checked.returncode) == (78, 78)
    assert started.stderr.startswith("watchd: watch[].group: there is no group 'nobody-has-this' here; ")
    assert "BAD  photos: watch[].group: there is no group" in checked.stdout
