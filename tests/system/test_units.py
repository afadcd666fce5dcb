"""The unit files, by systemd's own judgement."""

import re
import subprocess
from pathlib import Path

import pytest

SYSTEMD = Path(__file__).parents[2] / "systemd"
UNITS = ("watchd.service", "watchd@.service")

needs_systemd = pytest.mark.skipif(
    subprocess.run(["sh", "-c", "command -v systemd-analyze"], check=False, capture_output=True).returncode
    != 0,
    reason="needs systemd-analyze (Debian: systemd)",
)


def analyze(*words: object) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["systemd-analyze", *map(str, words)], check=False, capture_output=True, text=True, timeout=60
    )


@needs_systemd
@pytest.mark.parametrize("unit", UNITS)
def test_systemd_has_nothing_to_say_against_a_unit(unit: str, tmp_path: Path) -> None:
    """The program is one that is installed here; else that would be what is said."""
    text = (SYSTEMD / unit).read_text().replace("/opt/watchd/bin/watchd", "/bin/true")
    (tmp_path / unit).write_text(text)

    verified = analyze("verify", tmp_path / unit)

    assert "/bin/true" in text
    assert (verified.returncode, verified.stderr) == (0, "")


@needs_systemd
@pytest.mark.parametrize("unit", UNITS)
def test_exposure_is_two_at_most(unit: str) -> None:
    judged = analyze("security", "--offline=yes", "--threshold=20", SYSTEMD / unit)

    level = re.search(r"exposure level for \S+: ([\d.]+)", judged.stdout)
    assert level
    assert float(level[1]) <= 2.0
    assert judged.returncode == 0, judged.stdout


def test_units_differ_in_nothing_but_the_instance() -> None:
    single, template = ((SYSTEMD / unit).read_text().splitlines() for unit in UNITS)

    ours = [line for line in template if not line.startswith("#")]
    theirs = [line for line in single if not line.startswith("#")]
    plain = [line.replace(" %i:", ":").replace("%i.yaml", "config.yaml").replace("-%i", "") for line in ours]
    assert plain == theirs
    assert any("%i" in line for line in ours)
