"""From files, variables and options to a config or to one readable error."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from watchd.config.load import Loaded, load
from watchd.domain.errors import ConfigError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "config.yaml"


def loaded(file: Path, text: str, **rest: Mapping[str, object]) -> Loaded:
    file.write_text(text, encoding="utf-8")
    return load(file, None, rest.get("overrides", {}), rest.get("environ", {}))


def complaint(file: Path, text: str | bytes, **rest: Mapping[str, object]) -> list[str]:
    """The lines of the ConfigError, without the folder of the file."""
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigError) as caught:
        load(file, None, rest.get("overrides", {}), rest.get("environ", {}))
    return str(caught.value).replace(f"{file.parent}/", "").splitlines()


WATCH = "watch: [{root: .}]\n"


def test_the_command_line_beats_the_file_the_file_the_environment_the_environment_the_default(file):
    environ = {f"WATCHD_THREADS_{key}": "2" for key in ("WORKERS", "INTRA_OP", "INTER_OP")}

    it = loaded(
        file,
        WATCH + "threads:\n  workers: 3\n  intra_op: 3\n",
        overrides={"threads.workers": 4},
        environ=environ,
    )

    threads = it.config.threads
    assert (threads.workers, threads.intra_op, threads.inter_op, it.config.attempts) == (4, 3, 2, 3)
    assert it.origins["threads.workers"] == "command line"
    assert it.origins["threads.intra_op"] == f"{file}:4"
    assert it.origins["threads.inter_op"] == "environment WATCHD_THREADS_INTER_OP"
    assert it.origins["attempts"] == "default"


def test_every_effective_value_is_told_as_people_write_it_with_its_origin(file):
    it = loaded(file, WATCH + "lease: 90\n")

    effective = {key: (value, origin) for key, value, origin in it.effective()}

    assert effective["lease"] == ("90s", f"{file}:2")
    assert effective["limits.max_bytes"] == ("500MB", "default")
    assert effective["watch[0].recursive"] == ("true", "default")
    assert effective["watch[0].root"] == (str(file.parent), f"{file}:1")
    assert "watch[0].inbox" not in effective


def test_paths_in_the_file_start_at_its_folder(file):
    it = loaded(
        file, "watch:\n- root: photos\n  outbox: ../out\nprofiles: {default: {model: nets/my.onnx}}\n"
    )

    (folder,) = it.config.watch_folders()
    assert folder.inbox == file.parent / "photos" / "inbox"
    assert folder.outbox == file.parent.parent / "out"
    assert folder.profile.model == str(file.parent / "nets/my.onnx")


def test_a_root_alone_needs_no_file(tmp_path):
    it = load(None, tmp_path / "photos", {"profiles.default.model": "u2net"}, {})

    (folder,) = it.config.watch_folders()
    assert folder.inbox == tmp_path / "photos" / "inbox"
    assert folder.profile.model == "u2net"
    assert it.origins["watch[0].root"] == "command line"


def test_the_file_in_the_root_is_read_by_itself(file):
    file.write_text("watch:\n- root: .\n  settle: 9s\nattempts: 7\n")

    it = load(None, file.parent, {}, {})

    assert it.config.attempts == 7
    assert it.config.watch_folders()[0].settle_s == 9.0


def test_a_file_without_watch_folders_serves_a_root(file, tmp_path):
    file.write_text("attempts: 7\n")

    it = load(file, tmp_path / "photos", {}, {})

    assert it.config.attempts == 7
    assert [folder.name for folder in it.config.watch_folders()] == ["photos"]


def test_a_root_and_a_list_of_watch_folders_elsewhere_contradict_each_other(file, tmp_path):
    file.write_text(WATCH)

    with pytest.raises(ConfigError, match=r"config.yaml:1: watch: this list and ROOT .*photos"):
        load(file, tmp_path / "photos", {}, {})


def test_an_empty_file_has_every_default_but_needs_a_root(file, tmp_path):
    assert complaint(file, "# nothing\n") == [
        "config.yaml: watch: nothing to watch: list a folder here, or name one (watchd run ROOT)"
    ]
    assert load(file, tmp_path / "photos", {}, {}).config.attempts == 3


def test_neither_a_root_nor_a_file_is_an_error():
    with pytest.raises(
        ConfigError, match=r"nothing to watch: name a watch folder .* with -c the config file"
    ):
        load(None, None, {}, {})


def test_all_problems_are_told_at_once_in_the_order_of_the_lines(file):
    text = "thread:\n  workers: 1\nthreads:\n  workers: 0\nwatch:\n- root: .\n  recursive: perhaps\n"

    lines = complaint(file, text, environ={"WATCHD_LOG_LEVEL": "loud"}, overrides={"queue.size": 0})

    assert lines == [
        "command line: queue.size: 0 is not allowed: a whole number from 1 to 100000",
        "environment WATCHD_LOG_LEVEL: log.level: 'loud' is not allowed: debug, info, warning or error",
        "config.yaml:1: thread: unknown key, did you mean threads?",
        "config.yaml:4: threads.workers: 0 is not allowed: a whole number from 1 to 1024, or auto",
        "config.yaml:7: watch[0].recursive: 'perhaps' is not allowed: true or false",
    ]


def test_a_wrong_variable_that_the_file_overrules_harms_nobody(file):
    assert loaded(file, WATCH + "attempts: 5\n", environ={"WATCHD_ATTEMPTS": "x"}).config.attempts == 5


def test_folders_that_feed_each_other_are_told_with_the_line_of_the_entry(file):
    (line,) = complaint(file, "attempts: 2\nwatch:\n- root: .\n  outbox: inbox/out\n")

    assert line.startswith("config.yaml:4: watch[0].outbox: ")
    assert "watch[0].inbox" in line


def test_a_key_given_twice_is_told_with_both_lines(file):
    assert complaint(file, WATCH + "log:\n  level: info\n  level: debug\n") == [
        "config.yaml:4: log.level: given twice, first in line 3"
    ]


def test_broken_yaml_is_told_with_its_line(file):
    (line,) = complaint(file, WATCH + "threads:\n\tworkers: 1\n")

    assert line.startswith("config.yaml:3: not valid YAML: ")


@pytest.mark.parametrize("text", ["- a\n- b\n", "just a text\n", "5\n"])
def test_a_file_that_is_no_mapping_is_refused(file, text):
    assert complaint(file, text) == [
        "config.yaml: keys with their values are expected at the top, not a list or a text"
    ]


def test_a_file_in_another_encoding_is_refused_with_its_line(file):
    assert complaint(file, "attempts: 3\nname: Fürth\n".encode("latin-1")) == [
        "config.yaml:2: not UTF-8: save the file in that encoding"
    ]


def test_a_byte_order_mark_does_no_harm(file):
    assert loaded(file, "\ufeff" + WATCH).config.watch


def test_control_characters_are_refused(file):
    (line,) = complaint(file, b"attempts: 3\nname: a\x07b\n")

    assert line.startswith("config.yaml:2: not valid YAML: ")


def test_a_tag_that_would_build_an_object_is_refused(file):
    (line,) = complaint(file, WATCH + "attempts: !!python/name:os.getcwd x\n")

    assert line.startswith("config.yaml:2: not valid YAML: could not determine a constructor")


@pytest.mark.parametrize("text", ["watch: &a [*a]\n", "watch: " + "[" * 1500])
def test_bottomless_nesting_is_refused(file, text):
    assert "nested too deeply" in complaint(file, text)[0]


def test_a_key_that_is_no_word_is_refused(file):
    lines = complaint(file, WATCH + "[1, 2]: 3\n")

    assert lines == ["config.yaml:2: ?: unknown key"]


def test_what_yaml_takes_for_a_date_or_a_huge_number_stays_text(file):
    it = loaded(file, "watch: [{root: 2024-05-06, name: 2024-13-45}]\n")

    (folder,) = it.config.watch_folders()
    assert folder.inbox == file.parent / "2024-05-06" / "inbox"
    assert folder.name == "2024-13-45"
    assert complaint(file, WATCH + f"attempts: {'9' * 5000}\n")[0].startswith("config.yaml:2: attempts: ")


def test_a_file_that_cannot_be_read_is_named_with_the_reason(tmp_path):
    with pytest.raises(ConfigError, match=r"absent.yaml: cannot be read: No such file"):
        load(tmp_path / "absent.yaml", None, {}, {})
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        load(tmp_path, None, {}, {})


def test_an_unknown_override_is_an_error_that_names_it(file):
    assert complaint(file, WATCH, overrides={"threads.wrokers": 1}) == [
        "command line: threads.wrokers: unknown key, did you mean workers?"
    ]


def test_an_anchor_may_be_used_again(file):
    text = "watch:\n- {root: a, ignore: &names ['*.x']}\n- {root: b, ignore: *names}\n"

    assert [watch.ignore for watch in loaded(file, text).config.watch] == [("*.x",), ("*.x",)]
