"""A daemon on a folder of its own, started, waited for until it is ready, and stopped."""

import json
import signal
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import measure
from place import WATCHD, BenchError, environment


class Daemon:
    """`watchd run ROOT`; entering returns when its status file says running.

    `settings` are variables of its environment, such as WATCHD_THREADS_WORKERS.
    """

    def __init__(self, root: Path, model: Path | str, **settings: str) -> None:
        self.root = root
        self.ready_s = 0.0
        self._command = [str(part) for part in (WATCHD, "run", root, "--model", model)]
        self._environment = environment(**settings)
        self._log = root.with_suffix(".log")
        self._status = root / ".watchd/status.json"

    def __enter__(self) -> Self:
        self.root.mkdir(parents=True, exist_ok=True)
        begun = time.perf_counter()
        with self._log.open("wb") as output:
            self.process = subprocess.Popen(
                self._command, env=self._environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
        try:
            while not self._running():
                self._must_live(begun)
                time.sleep(0.001)
        except BaseException:
            self.process.kill()
            self.process.wait()
            raise
        self.ready_s = time.perf_counter() - begun
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.send_signal(signal.SIGTERM)
        if self.process.wait(timeout=60) != 0 and error is None:
            raise BenchError(f"the daemon ended with {self.process.returncode}\n{measure.ending(self._log)}")

    def _running(self) -> bool:
        try:
            status = json.loads(self._status.read_text())
        except FileNotFoundError:
            return False
        return (status["state"], status["pid"]) == ("running", self.process.pid)

    def _must_live(self, begun: float) -> None:
        if self.process.poll() is not None:
            raise BenchError(f"the daemon ended with {self.process.returncode}\n{measure.ending(self._log)}")
        if time.perf_counter() - begun > 60:
            raise BenchError(f"the daemon is not ready after 60 s\n{measure.ending(self._log)}")
