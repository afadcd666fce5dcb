import os
import subprocess
import sys

from fakes import wait_until

from watchd.process import started_ticks


def test_same_process_gives_the_same_ticks() -> None:
    assert started_ticks(os.getpid()) == started_ticks(os.getpid())


def test_process_that_has_ended_gives_none() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()

    assert started_ticks(child.pid) is None


def test_name_with_brackets_and_spaces_does_not_mislead() -> None:
    command = "import time; open('/proc/self/comm', 'w').write(') 1 2 (x'); print(flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", command], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        own = started_ticks(os.getpid())
        ticks = started_ticks(child.pid)
        child.kill()

    assert own is not None
    assert ticks is not None
    assert own <= ticks < own + 100 * 3600


def test_process_that_has_ended_and_that_nobody_noticed_gives_none() -> None:
    with subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.read()

        wait_until(lambda: started_ticks(child.pid) is None)
