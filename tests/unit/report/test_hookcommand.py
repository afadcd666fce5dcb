"""Real programs of every habit: each ends, and nothing of it is left behind that was not meant to be."""

import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from fakes import wait_until

from watchd.domain.errors import HookFailed
from watchd.domain.hook import CommandHook
from watchd.report.hookcommand import run_command, trouble_with
from watchd.report.notice import Notice, Occasion

NOTICE = Notice("id-1", Occasion.DELIVERED, "photos", "now", {"source": "a.jpg"}, {"source": "/srv/in/a.jpg"})
PATH = {"PATH": os.environ["PATH"]}


def sh(script: str, timeout_s: float = 30.0) -> CommandHook:
    return CommandHook(("/bin/sh", "-c", script), timeout_s)


def python(script: str, timeout_s: float = 30.0) -> CommandHook:
    return CommandHook((sys.executable, "-S", "-c", script), timeout_s)


def run(
    hook: CommandHook, environ: dict[str, str] | None = None, given_up: Callable[[], bool] = lambda: False
) -> None:
    run_command(hook, NOTICE, PATH if environ is None else environ, given_up)


@contextmanager
def failing(words: str, output: str = ""):
    with pytest.raises(HookFailed, match=words) as caught:
        yield
    assert output in caught.value.output
    assert not caught.value.again


def pid_in(file: Path) -> int:
    wait_until(lambda: file.exists() and file.read_text().endswith("\n"), within_s=20)
    return int(file.read_text())


def gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_program_gets_the_event_in_its_environment_and_as_json_on_its_stdin(tmp_path: Path) -> None:
    run(sh(f'cat > {tmp_path}/json; echo "$WATCHD_EVENT $WATCHD_FOLDER $WATCHD_SOURCE" > {tmp_path}/environ'))

    assert (tmp_path / "json").read_bytes() == NOTICE.body(details=True)
    assert (tmp_path / "environ").read_text() == "delivered photos /srv/in/a.jpg\n"


def test_arguments_are_read_by_no_shell(tmp_path: Path) -> None:
    run(CommandHook(("/bin/sh", "-c", f'printf %s "$1" > {tmp_path}/said', "-", "$(id); *")))

    assert (tmp_path / "said").read_text() == "$(id); *"


def test_neither_what_systemd_gave_us_nor_our_own_settings_reach_the_program(tmp_path: Path) -> None:
    ours = {"NOTIFY_SOCKET": "@x", "CREDENTIALS_DIRECTORY": "/run/x", "WATCHD_CACHE_REDIS": "redis://:pw@h"}

    run(sh(f"env > {tmp_path}/environ"), PATH | ours | {"TOKEN": "theirs"})

    environ = (tmp_path / "environ").read_text()
    assert "TOKEN=theirs" in environ
    assert not [key for key in ours if key in environ]


def test_program_inherits_no_descriptor_of_ours(tmp_path: Path) -> None:
    with open(tmp_path / "ours", "w") as ours:
        os.set_inheritable(ours.fileno(), True)

        run(python(f"import os; open('{tmp_path}/seen', 'w').write(' '.join(os.listdir('/proc/self/fd')))"))

        seen = {int(number) for number in (tmp_path / "seen").read_text().split()}
        assert ours.fileno() not in seen or ours.fileno() > max(seen)
    assert len(seen) <= 5  # the three, and the two that looking takes


def test_no_descriptor_is_left_here_whatever_the_program_does() -> None:
    before = len(os.listdir("/proc/self/fd"))

    run(sh("true"))
    for hook in (sh("exit 1"), sh("sleep 60", timeout_s=0.1), CommandHook(("/nowhere",))):
        with pytest.raises(HookFailed):
            run(hook)

    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize(
    ("script", "words"),
    [("echo oops >&2; exit 3", "exit code 3"), ("echo oops; kill -SEGV $$", "died of SIGSEGV")],
)
def test_program_that_fails_or_kills_itself_is_told_with_what_it_said(script: str, words: str) -> None:
    with failing(words, output="oops"):
        run(sh(script))


def test_program_that_is_not_there_cannot_be_run() -> None:
    with failing("cannot be run: No such file"):
        run(CommandHook(("/nowhere/tell",)))


def test_program_that_is_not_executable_cannot_be_run(tmp_path: Path) -> None:
    (tmp_path / "tell").write_text("#!/bin/sh\n")

    with failing("cannot be run: Permission denied"):
        run(CommandHook((str(tmp_path / "tell"),)))


def test_program_of_no_known_kind_cannot_be_run(tmp_path: Path) -> None:
    (tmp_path / "tell").write_bytes(b"\x00\x01")
    (tmp_path / "tell").chmod(0o755)

    with failing("cannot be run: Exec format error"):
        run(CommandHook((str(tmp_path / "tell"),)))


def test_program_that_fills_its_pipe_is_read_and_only_the_end_is_kept() -> None:
    with failing("exit code 1", output="the end") as caught:
        run(python("print('x' * 5_000_000 + 'the end'); raise SystemExit(1)"))

    assert caught is None


def test_program_that_reads_nothing_of_a_long_notice_blocks_nobody() -> None:
    long = replace(NOTICE, details={"traceback": "x" * 1_000_000})

    run_command(sh("exit 0"), long, PATH, lambda: False)


def test_program_that_writes_without_end_is_killed_in_the_end() -> None:
    with failing("took longer than 0.3 s", output="yyy"):
        run(sh("yes yyy", timeout_s=0.3))


def test_program_that_hangs_is_killed_with_all_that_it_has_started(tmp_path: Path) -> None:
    with failing("took longer than 1 s"):
        run(sh(f"sleep 600 & echo $! > {tmp_path}/pid; wait", timeout_s=1.0))

    wait_until(lambda: gone(pid_in(tmp_path / "pid")), within_s=20)


def test_program_that_ignores_sigterm_is_killed_all_the_same(tmp_path: Path) -> None:
    script = f"trap '' TERM; echo $$ > {tmp_path}/pid; while :; do sleep 1; done"

    with failing("took longer than 0.5 s"):
        run(sh(script, timeout_s=0.5))

    assert gone(pid_in(tmp_path / "pid"))


def test_program_that_heeds_sigterm_has_time_to_tidy_up(tmp_path: Path) -> None:
    script = f"trap 'echo tidy > {tmp_path}/tidy; exit' TERM; echo ready; while :; do sleep 0.05; done"

    with failing("took longer than 0.5 s", output="ready"):
        run(sh(script, timeout_s=0.5))

    assert (tmp_path / "tidy").read_text() == "tidy\n"


def test_child_that_holds_the_pipe_open_does_not_hold_us_and_lives_on(tmp_path: Path) -> None:
    run(sh(f"(sleep 600) & echo $! > {tmp_path}/pid", timeout_s=60.0))

    pid = pid_in(tmp_path / "pid")
    assert not gone(pid)
    os.kill(pid, signal.SIGKILL)


def test_program_that_closes_its_pipe_and_goes_on_is_waited_for(tmp_path: Path) -> None:
    run(sh(f"exec >&- 2>&-; sleep 0.2; echo done > {tmp_path}/done"))

    assert (tmp_path / "done").exists()


def test_program_is_killed_when_it_is_given_up(tmp_path: Path) -> None:
    given_up = threading.Event()

    def when_started() -> bool:
        if (tmp_path / "pid").exists():
            given_up.set()
        return given_up.is_set()

    with failing("the daemon ends"):
        run(sh(f"echo $$ > {tmp_path}/pid; sleep 600"), given_up=when_started)

    assert gone(pid_in(tmp_path / "pid"))


def test_program_that_can_be_run_is_no_trouble(tmp_path: Path) -> None:
    assert trouble_with(sh("true"), PATH) == ""
    assert trouble_with(CommandHook(("sh",)), PATH) == ""


def test_program_that_cannot_be_run_is_named_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "tell").write_text("#!/bin/sh\n")

    assert "chmod +x" in trouble_with(CommandHook((str(tmp_path / "tell"),)), PATH)
    assert trouble_with(CommandHook((str(tmp_path),)), PATH) == "is no program"
    assert trouble_with(CommandHook(("/nowhere/tell",)), PATH) == "is not there"
    assert "PATH" in trouble_with(CommandHook(("no-such-program",)), PATH)
