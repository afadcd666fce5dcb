import os
import subprocess
import sys

from fakes import wait_until

from watchd.process import started_ticks


def test_process_keeps_its_start() -> None:
    assert started_ticks(os.getpid()) == started_ticks(os.getpid()) is not None


def test_process_that_does_not_exist_has_no_start() -> None:
    assert started_ticks(2**22 + 1) is None


def test_child_has_begun_after_its_parent_whatever_its_name() -> None:
    script = "open('/proc/self/comm', 'w').write('a) b (c 1 2'); print('ready', flush=True); input()"
    child = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    assert child.stdout is not None
    child.stdout.readline()
    began = started_ticks(child.pid)
    child.communicate()

    assert began is not None
    assert began >= (started_ticks(os.getpid()) or 0)
    wait_until(lambda: started_ticks(child.pid) is None)
