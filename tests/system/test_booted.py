"""The service under systemd itself: installed, started, reloaded, hung, stopped in the middle of its work."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from booted import PYTHON_THERE, Machine, booted
from fakes import draw, encoded, wait_until
from house import files
from PIL import Image

# Names that a unit file must escape, and a home folder, which the service sees this much of.
ROOT = "/srv/Café 50% \"new\" \\ $HOME 'x'"
HOME = "/home/alice/photos"
UNIT = "watchd@studio.service"
CONFIG = f"""
watch:
  - root: {json.dumps(ROOT)}
    settle: 300ms
    group: photos
  - root: {HOME}
    permissions: inherit
drain: 20s
isolation: process
"""
PROGRAM = '#!/bin/sh\nexec /usr/local/bin/our-python -m watchd "$@"\n'
QUICK = "[Service]\nWatchdogSec=3\nRestartSec=200ms\nTimeoutStopSec=1\n"

pytestmark = pytest.mark.xdist_group("mounts")


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """With watchd@studio installed by the script, and started."""
    place = tmp_path_factory.mktemp("machine")
    with booted(place, place.with_suffix(".log")) as machine:
        for name, text in (("our-python", PYTHON_THERE), ("watchd", PROGRAM)):
            write(machine, f"/usr/local/bin/{name}", text)
            machine.path(f"/usr/local/bin/{name}").chmod(0o755)
        write(machine, "/etc/watchd/studio.yaml", CONFIG)
        write(machine, f"/etc/systemd/system/{UNIT}.d/90-quick.conf", QUICK)
        write(machine, "/etc/sysusers.d/photos.conf", "g photos -\n")
        machine.do("systemd-sysusers")
        for root in (ROOT, HOME):
            machine.path(root).mkdir(parents=True)
        install(machine, "studio", "--watchd", "/usr/local/bin/watchd")
        for root in (ROOT, HOME):
            machine.do("chown", "watchd:watchd", root)
        machine.do("systemctl", "start", UNIT)
        yield machine


def install(machine: Machine, *words: str) -> str:
    script = "/srv/checkout/scripts/service/install.py"
    return machine.do("/usr/local/bin/our-python", script, *words)


def write(machine: Machine, inside: str, text: str) -> None:
    machine.path(inside).parent.mkdir(parents=True, exist_ok=True)
    machine.path(inside).write_text(text)


def drop(machine: Machine, root: str, name: str, shade: int = 0) -> None:
    """Owned by somebody else, as a file server's users do it."""
    data = encoded("JPEG", draw(300 + shade, 200))
    new = machine.path(f"{root}/inbox/.{name}.part")
    new.write_bytes(data)
    new.rename(new.with_name(name))


def wait_for(machine: Machine, inside: str, within_s: float = 30) -> None:
    wait_until(machine.path(inside).exists, within_s)


def test_started_service_delivers_from_each_folder(machine: Machine) -> None:
    for root in (ROOT, HOME):
        drop(machine, root, "a.jpg")
        wait_for(machine, f"{root}/outbox/a.png")
        wait_for(machine, f"{root}/originals/a.jpg")

    wait_until(lambda: "done 2, failed 0" in machine.shows(UNIT, "StatusText"))
    assert machine.shows(UNIT, "ActiveState") == "active"
    assert machine.shows(UNIT, "User") == "watchd"


def test_cutouts_have_the_group_that_the_configuration_gives_them(machine: Machine) -> None:
    drop(machine, ROOT, "group.jpg", shade=9)
    wait_for(machine, f"{ROOT}/outbox/group.png")

    assert machine.do("stat", "--format=%U:%G", f"{ROOT}/outbox/group.png").strip() == "watchd:photos"


def test_service_sees_nothing_that_it_does_not_need(machine: Machine) -> None:
    machine.path("/home/alice/diary").write_text("private")
    inside = ["nsenter", "--mount", "--target", machine.shows(UNIT, "MainPID")]

    assert machine.do(*inside, "ls", "/home/alice").split() == ["photos"]
    assert machine.run(*inside, "touch", "/srv/other").returncode != 0


def test_reload_holds_and_the_process_stays(machine: Machine) -> None:
    before = machine.shows(UNIT, "MainPID")
    write(machine, "/etc/watchd/studio.yaml", CONFIG + "cache: {enabled: false}\n")

    machine.do("systemctl", "reload", UNIT)

    wait_until(lambda: "configuration reloaded changed=cache.enabled" in machine.journal(), within_s=20)
    wait_until(lambda: machine.shows(UNIT, "ActiveState") == "active")
    assert machine.shows(UNIT, "MainPID") == before


def test_daemon_that_hangs_is_ended_and_started_again(machine: Machine) -> None:
    before = machine.shows(UNIT, "MainPID")
    machine.do("kill", "-STOP", before)
    drop(machine, ROOT, "while-hanging.jpg")

    wait_for(machine, f"{ROOT}/outbox/while-hanging.png", within_s=45)

    assert machine.shows(UNIT, "MainPID") != before
    assert machine.shows(UNIT, "NRestarts") == "1"
    assert "Watchdog timeout" in machine.journal()


def test_stop_under_load_finishes_what_has_begun_and_loses_nothing(machine: Machine) -> None:
    names = {f"load-{number}" for number in range(60)}
    for number, name in enumerate(sorted(names)):
        drop(machine, ROOT, f"{name}.jpg", shade=number)
    wait_until(lambda: len(delivered(machine) & names) >= 3, within_s=30)

    machine.do("systemctl", "stop", UNIT)

    assert machine.shows(UNIT, "Result") == "success"
    assert machine.shows(UNIT, "ExecMainStatus") == "0"
    done, waiting = delivered(machine) & names, at(machine, "inbox") & names
    assert done | waiting == names
    assert done & waiting == set()
    assert at(machine, "originals") & names == done
    machine.do("systemctl", "start", UNIT)
    wait_until(lambda: names <= delivered(machine), within_s=60)


def test_job_that_has_begun_gets_more_time_than_systemd_grants_by_itself(machine: Machine) -> None:
    large = encoded("JPEG", Image.effect_noise((9000, 6000), 50).convert("RGB"))
    machine.path(f"{ROOT}/inbox/large.jpg").write_bytes(large)
    wait_until(lambda: "in work 1" in machine.shows(UNIT, "StatusText"), within_s=30)

    machine.do("systemctl", "stop", UNIT)

    assert machine.shows(UNIT, "Result") == "success"
    assert "large" in delivered(machine)
    machine.do("systemctl", "start", UNIT)


def test_configuration_that_is_wrong_is_not_tried_again(machine: Machine) -> None:
    write(machine, "/etc/watchd/broken.yaml", "watch: []\n")
    ours = "[Service]\nExecStart=\nExecStart=/usr/local/bin/watchd run -c /etc/watchd/broken.yaml\n"
    write(machine, "/etc/systemd/system/watchd@broken.service.d/90-ours.conf", ours)
    machine.do("systemctl", "daemon-reload")

    machine.run("systemctl", "start", "watchd@broken.service")

    wait_until(lambda: machine.shows("watchd@broken.service", "ActiveState") == "failed")
    assert machine.shows("watchd@broken.service", "ExecMainStatus") == "78"
    assert machine.shows("watchd@broken.service", "NRestarts") == "0"


def test_uninstalled_service_leaves_data_and_configuration(machine: Machine) -> None:
    drop(machine, ROOT, "last.jpg")
    wait_for(machine, f"{ROOT}/outbox/last.png")

    said = install(machine, "--uninstall")

    assert "Left as they are: /etc/watchd" in said
    assert machine.shows(UNIT, "ActiveState") in ("inactive", "failed")
    assert not machine.path("/etc/systemd/system/watchd@.service").exists()
    assert machine.path("/etc/watchd/studio.yaml").exists()
    assert "last" in delivered(machine)


def delivered(machine: Machine) -> set[str]:
    return at(machine, "outbox")


def at(machine: Machine, place: str) -> set[str]:
    """Names without their suffix."""
    return {Path(name).stem for name in files(machine.path(f"{ROOT}/{place}"))}
