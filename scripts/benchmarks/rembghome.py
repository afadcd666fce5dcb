"""The peer: rembg's current release, in an environment of its own."""

import json
import subprocess
import sys
from pathlib import Path

from place import BENCH, BenchError

REMBG = BENCH / "rembg"


def ready_rembg() -> None:
    """Brings .bench/rembg to the release that is current in the package index."""
    python = REMBG / "bin/python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", REMBG], check=True)
    current, installed = _current_rembg(python), _installed_rembg(python)
    if current is None and installed is None:
        raise BenchError("rembg is not installed and the package index does not answer")
    if current is not None and current != installed:
        print(f"bench: installing rembg {current} into {REMBG.name}", file=sys.stderr)
        if _pip(python, "install", "--quiet", f"rembg[cpu,cli]=={current}").returncode != 0:
            raise BenchError(f"rembg {current} could not be installed; what pip says stands above")


def _current_rembg(python: Path) -> str | None:
    answer = _pip(python, "index", "versions", "rembg", stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    first = answer.stdout.splitlines()[:1] if answer.returncode == 0 else []  # rembg (2.0.86)
    return first[0].partition("(")[2].rstrip(")") if first else None


def _installed_rembg(python: Path) -> str | None:
    answer = _pip(python, "list", "--format=json", stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    found = {package["name"]: package["version"] for package in json.loads(answer.stdout)}
    return found.get("rembg")


def _pip(python: Path, *command: str, **streams: int) -> subprocess.CompletedProcess[str]:
    pip = [python, "-m", "pip", "--disable-pip-version-check", *command]
    return subprocess.run(pip, text=True, check=False, **streams)  # type: ignore[call-overload,no-any-return]  # streams
