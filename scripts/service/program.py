"""The watchd that the service runs: in an environment of its own, where any user can reach it."""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from steps import Steps

PREFIX = Path("/opt/watchd")
_OURS = PREFIX / "made-by-install-service"
_CHECKOUT = Path(__file__).resolve().parents[2]


class Unreachable(Exception):
    """The service cannot run it; the message says what to do."""


def install(steps: Steps, extras: Sequence[str]) -> None:
    """Makes the environment, or brings it up to date. Unreachable: no Python that the service can run."""
    pip: list[str | Path] = [
        PREFIX / "bin/python",
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-input",
    ]
    if not steps.at(PREFIX / "bin/pip").exists():
        steps.run(_python(), "-m", "venv", "--clear", PREFIX)
    steps.write(_OURS, "scripts/install-service --uninstall removes this folder.\n")
    steps.run(*pip, "--require-hashes", "--requirement", _CHECKOUT / "requirements.lock")
    steps.run(*pip, "--no-deps", "--no-build-isolation", "--force-reinstall", _CHECKOUT)
    if extras:
        steps.run(*pip, "--no-build-isolation", f"{_CHECKOUT}[{','.join(extras)}]")


def uninstall(steps: Steps) -> None:
    """Removes the environment, if it is one that `install` has made."""
    if steps.at(_OURS).exists():
        steps.remove(PREFIX)


def given(program: Path) -> Path:
    """A watchd that is there already. Unreachable if it is none, or the service could not run it."""
    if not os.access(program, os.X_OK) or program.is_dir():
        raise Unreachable(f"--watchd {program}: there is no such program")
    for path in (program.absolute(), program.resolve()):
        if (reason := _hidden(path)) is not None:
            raise Unreachable(f"--watchd {program}: {reason}; install it elsewhere, or leave --watchd out")
    return program.absolute()


def _python() -> Path:
    """One that is new enough and that every user may run: that of the system, if possible."""
    reasons = []
    for python in _candidates():
        reason = _hidden(python.resolve()) or _too_old(python)
        if reason is None:
            return python
        reasons.append(f"{python}: {reason}")
    raise Unreachable(
        "; ".join(reasons) + ". Install a Python for all users (Debian: apt install python3-venv), "
        "or say where one is: PYTHON=/path/to/python3 scripts/install-service"
    )


def _candidates() -> Iterator[Path]:
    if "PYTHON" in os.environ:
        yield Path(os.environ["PYTHON"])
        return
    yield Path("/usr/bin/python3")
    yield Path(os.path.realpath(sys.executable))


def _hidden(path: Path) -> str | None:
    """Why the user of the service cannot reach it."""
    if any(path.is_relative_to(home) for home in ("/home", "/root", "/tmp", "/run/user")):
        return f"{path} is hidden from the service (ProtectHome, PrivateTmp)"
    closed = [above for above in path.parents if above.exists() and not above.stat().st_mode & 0o001]
    return f"{closed[-1]} is closed to other users" if closed else None


def _too_old(python: Path) -> str | None:
    """Unless it can make an environment, too."""
    try:
        needed = "import sys, ensurepip; sys.exit(sys.version_info < (3, 11))"
        subprocess.run([python, "-c", needed], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        return "no Python 3.11 or newer with its venv part"
    return None
