"""The lifecycle root: in which order everything starts, what it obeys, and how it stops."""

import faulthandler
import logging
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from types import FrameType, TracebackType
from typing import Self, TextIO, assert_never

from watchd.assembly import Line, Mailbox, assemble
from watchd.config.schema import Config
from watchd.config.source import Source
from watchd.domain.commands import Command, Crashed, Ending, Exhausted, Reload, Reread, Stop
from watchd.domain.errors import ExitCode
from watchd.domain.events import StateChanged
from watchd.imaging.memory import give_back_what_is_freed
from watchd.imaging.models import KNOWN
from watchd.provision import Networks, load_patiently, thread_plan
from watchd.reloading import Reloading
from watchd.report import logs
from watchd.report.escape import escape
from watchd.report.progress import Progress
from watchd.store.places import prepare

log = logging.getLogger(__name__)

_LONGEST_WAIT_S = 1.0
# By default 5 ms: a job gives the interpreter away at each of its system calls, and while very many events
# come in it waited that long to have it back.
_TURN_S = 0.0005
_ASK_TO_STOP = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def watch(config: Config, environ: Mapping[str, str], source: Source) -> ExitCode:
    """Runs until a signal or a crash; blocks. StartupError if it cannot run.

    `source` is where the configuration was read, and is read again.
    """
    logs.set_up(config.log.level, config.log.format, None, environ)
    faulthandler.enable()  # when the watchdog of systemd ends us, the journal shows which thread hangs where
    mailbox = Mailbox()
    with Signals(mailbox, reload=True):
        line, networks = _build(config, mailbox, environ, None)
        reloading = Reloading(
            config, source=source, line=line, networks=networks, mailbox=mailbox, environ=environ
        )
        return _ended(_code(live(line, mailbox, reloading)))


def once(config: Config, environ: Mapping[str, str], stream: TextIO) -> ExitCode:
    """Processes what is there, telling its progress on `stream`; blocks. StartupError if it cannot run."""
    # Off a terminal the progress lines name every file already, also the rejected ones.
    logs.set_up("warning" if stream.isatty() else "error", config.log.format, None, environ)
    mailbox = Mailbox()
    with Signals(mailbox), Progress(stream) as progress:
        line, _ = _build(config, mailbox, environ, progress)
        command = live(line, mailbox)
    left = command.left if isinstance(command, Exhausted) else {}
    for name, reason in left.items():
        print(f"left in the inbox: {escape(name)}: {escape(reason)}", file=stream)
    print(progress.summary(), file=stream)
    code = _code(command)
    return _ended(ExitCode.SOME_FAILED if progress.failed and code is ExitCode.OK else code)


def live(line: Line, mailbox: Mailbox, reloading: Reloading | None = None) -> Ending:
    """Starts every part, waits for a reason to end, and lets what has begun finish; returns the reason."""
    with ExitStack() as life:
        for part in (*line.parts, *([reloading] if reloading else [])):
            life.enter_context(part)
        _enter_state(line, "running")
        ending = _obey(line, mailbox, reloading)
        _enter_state(line, "draining")
    _enter_state(line, "stopped")
    return ending


def _obey(line: Line, mailbox: Mailbox, reloading: Reloading | None) -> Ending:
    while True:
        match _next(mailbox, line.supervision.turn):
            case Reload():
                if reloading is not None:
                    _enter_state(line, "reloading")
                    reloading.ask()
            case Reread(adopt):
                adopt()
                if reloading is not None and not reloading.under_way:
                    _enter_state(line, "running")
            case ending:
                return ending


def _next(mailbox: Mailbox, turn: Callable[[], None]) -> Command:
    """Of many wishes to reload only the last counts, and none before an end; `turn` is called meanwhile.

    Waits, but not in one piece: where many signals come at once Python may notice them and sleep on.
    """
    while True:
        turn()
        with suppress(queue.Empty):
            command = mailbox.get(timeout=_LONGEST_WAIT_S)
            while isinstance(command, Reload) and not mailbox.empty():
                command = mailbox.get()
            return command


class Signals:
    """While entered, the first signal asks to drain and a second one ends the process at once.

    Ending at once is safe: whatever had begun is begun again at the next start, as after a kill -9. With
    `reload` SIGHUP asks for that instead, unless it says that our terminal has been closed.
    """

    def __init__(self, mailbox: Mailbox, reload: bool = False) -> None:
        self._mailbox = mailbox
        self._reload = reload
        self._had_terminal = os.isatty(0)
        self._asked = False
        self._before: dict[int, object] = {}

    def __enter__(self) -> Self:
        self._before = {number: signal.signal(number, self._heed) for number in _ASK_TO_STOP}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]  # what signal() gave, it takes

    def _heed(self, number: int, _: FrameType | None) -> None:
        if number == signal.SIGHUP and self._reload and os.isatty(0) == self._had_terminal:
            self._mailbox.put(Reload())
            return
        if self._asked:
            with suppress(OSError):  # whoever read it may be gone
                os.write(2, b"watchd: stopped at once by a second signal\n")
            os._exit(128 + number)
        self._asked = True
        self._mailbox.put(Stop(signal.Signals(number).name))


def _build(
    config: Config, mailbox: Mailbox, environ: Mapping[str, str], progress: Progress | None
) -> tuple[Line, Networks]:
    give_back_what_is_freed()
    sys.setswitchinterval(_TURN_S)
    if config.umask is not None:
        os.umask(config.umask)
    for folder in config.watch_folders():
        prepare(folder)
    plan = thread_plan(config)
    for note in plan.notes:
        log.info("threads", extra={"note": note})
    models = sorted({model for folder in config.watch_folders() for model in folder.models})
    networks = Networks(plan, environ, config.models, warm="NOTIFY_SOCKET" in environ)
    segmenters = load_patiently(networks, models, environ)
    for model in models:
        log.info("model", extra={"network": model} | _hint(model))
    line = assemble(
        config, segmenters=segmenters, plan=plan, mailbox=mailbox, environ=environ, progress=progress
    )
    return line, networks


def _hint(model: str) -> dict[str, str]:
    if model != "builtin":
        return {}
    size = f"{KNOWN['u2net'].megabytes:g} MB"
    return {"hint": f"--model u2net gives finer edges for a one-time download of {size}"}


def _enter_state(line: Line, state: str) -> None:
    """Known on disk at once: who waits for the daemon looks there."""
    line.announce(StateChanged(state))
    line.write_status()


def _ended(code: ExitCode) -> ExitCode:
    """Ends the process itself where a job was not done within the grace (`drain`): its thread, deep in
    native code, would not survive the end of the interpreter, and the process would end as crashed.
    """
    if threading.active_count() > 1:
        logging.shutdown()
        os._exit(code)
    return code


def _code(command: Ending) -> ExitCode:
    match command:
        case Stop(cause):
            log.info("stopped", extra={"cause": cause})
            return ExitCode.OK
        case Exhausted(left):
            return ExitCode.SOME_FAILED if left else ExitCode.OK
        case Crashed(thread, error):
            log.critical("a thread died", extra={"who": thread}, exc_info=error)
            return ExitCode.CRASHED
        case _:
            assert_never(command)
