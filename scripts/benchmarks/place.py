"""Where a benchmark works, with which model file, and on what machine."""

import contextlib
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp

import psutil

REPO = Path(__file__).resolve().parents[2]
BENCH = REPO / ".bench"
WATCHD = REPO / ".venv/bin/watchd"
SHARED = REPO.parent / "shared"

# Settings that would change what is measured.
_SETTINGS = ("WATCHD_", "OMP_", "INTRA_OP_", "INTER_OP_", "CPU_BINDING", "U2NET_HOME", "REMBG_HOME")


class BenchError(Exception):
    """The figure cannot be had; one line says why."""


def environment(**more: str) -> dict[str, str]:
    """Ours, without the settings of either program, so that both run with their defaults."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_SETTINGS)} | more


@contextlib.contextmanager
def scratch(name: str) -> Iterator[Path]:
    """A new folder on the repository's own disk, so that renames and fsyncs cost what they cost there."""
    BENCH.mkdir(exist_ok=True)
    folder = Path(mkdtemp(prefix=f"{name}-", dir=BENCH))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def model_file(name: str) -> Path:
    """`builtin`, a model that lies where rembg keeps them or in ../shared, or the path of an .onnx file."""
    if name == "builtin":
        return REPO / "watchd/imaging/builtin.onnx"
    home = Path(os.environ.get("U2NET_HOME") or Path.home() / ".u2net")
    for path in (Path(name), SHARED / f"models/{name}.onnx", home / f"{name}.onnx"):
        if path.suffix == ".onnx" and path.is_file():
            return path.resolve()
    raise BenchError(f"no model {name!r}: fetch it with `watchd models pull {name}`, or give an .onnx file")


def machine() -> str:
    memory = psutil.virtual_memory().total / 2**30
    return (
        f"{_cpu()}, {len(psutil.Process().cpu_affinity() or [])} CPUs, {memory:.0f} GB, "
        f"{platform.system()} {platform.release().split('-')[0]}, Python {platform.python_version()}, "
        f"{time.strftime('%Y-%m-%d')}"
    )


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def versions(python: Path, *packages: str) -> str:
    """`rembg 2.0.86, onnxruntime 1.31.1` as that interpreter would import them."""
    ask = "import sys; from importlib.metadata import version as v; print(*[v(p) for p in sys.argv[1:]])"
    said = subprocess.run([python, "-c", ask, *packages], capture_output=True, text=True, check=True).stdout
    return ", ".join(f"{package} {version}" for package, version in zip(packages, said.split(), strict=True))


def warn_if_busy() -> None:
    load = os.getloadavg()[0]
    if load > 0.3:
        print(f"bench: the machine is busy (load {load:.1f}): not figures to publish", file=sys.stderr)
