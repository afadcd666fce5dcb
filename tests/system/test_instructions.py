"""What one job costs beside its network, in instructions: a number that a busy machine does not change.

It guards the line against creep. Times are for scripts/bench.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import counted_jobs
import pytest

_JOBS = 20
# 10.4 million on 2026-11-28, and half as much again: other versions of Python and of libraries differ, too.
_MOST_A_JOB = 15_500_000


@pytest.mark.alone
@pytest.mark.timeout(300)
def test_job_costs_no_more_instructions_than_it_did(tmp_path: Path) -> None:
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        pytest.skip("valgrind is not installed; scripts/test installs it where it may")
    counts = tmp_path / "counts"
    callgrind = (
        valgrind,
        "--tool=callgrind",
        f"--dump-before={counted_jobs.MARK}",
        f"--callgrind-out-file={counts}",
    )
    program = (sys.executable, counted_jobs.__file__, tmp_path / "photos", str(_JOBS))

    subprocess.run([*callgrind, *program], check=True, env=os.environ | {"PYTHONHASHSEED": "0"})

    between_the_marks = Path(f"{counts}.2").read_text()  # each dump counts from the one before
    totals = re.search(r"^totals: (\d+)", between_the_marks, re.MULTILINE)
    assert totals is not None
    assert len(list((tmp_path / "photos/outbox").iterdir())) == counted_jobs.WARM_UP_JOBS + _JOBS
    assert int(totals[1]) / _JOBS < _MOST_A_JOB
