"""The container image: its entrypoint for real, and what its Dockerfile does, in a root of our own."""

import fnmatch
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from booted import PYTHON_THERE
from fakes import draw, encoded

CHECKOUT = Path(__file__).parents[2]
DOCKER = CHECKOUT / "scripts" / "docker"
DOCKERFILE = DOCKER / "Dockerfile"
_TELL = """#!/bin/sh
rights=$(grep -e CapEff -e NoNewPrivs /proc/self/status | cut -f2 | xargs)
echo "$(id -u):$(id -g):$(id -G) $(umask) $rights $*"
"""
_PUT_IN = "install -m 755 /srv/checkout/scripts/docker/entrypoint /usr/local/bin/entrypoint\n"

pytestmark = pytest.mark.xdist_group("mounts")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    (tmp_path / "photos").mkdir()
    return tmp_path / "photos"


def inside(
    photos: Path, script: str, within_s: float = 60, **environ: str
) -> "subprocess.CompletedProcess[str]":
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip("needs root and util-linux")
    place = photos.parent / "container"
    place.mkdir(exist_ok=True)
    prefix = [CHECKOUT / "tests" / "container.sh", place, CHECKOUT, sys.base_prefix, photos]
    done = subprocess.run(
        ["unshare", "--mount", *map(str, prefix), script],
        check=False,
        capture_output=True,
        text=True,
        timeout=within_s,
        env={
            **os.environ,
            "PATH": "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "LD_LIBRARY_PATH": "/srv/python/lib",
        }
        | environ,
    )
    if "mount: " in done.stderr:
        pytest.skip(f"no file system can be mounted here: {done.stderr}")
    return done


def told(photos: Path, script: str = "", **environ: str) -> "subprocess.CompletedProcess[str]":
    """The entrypoint with a command in the place of watchd that tells who it is, and what it was given."""
    put_in = f"{_PUT_IN}cat >/usr/local/bin/watchd <<'END'\n{_TELL}END\nchmod 755 /usr/local/bin/watchd\n"
    return inside(photos, f"{put_in}umask 0022\n{script} entrypoint run /photos", **environ)


def test_root_becomes_the_user_and_group_that_are_asked_for_and_nothing_else_stays(photos: Path) -> None:
    done = told(photos, "setpriv --groups=4,24", PUID="1026", PGID="100", UMASK="0007")

    assert done.stdout == "1026:100:100 0007 0000000000000000 1 run /photos\n", done.stderr


def test_root_becomes_the_user_of_the_image_where_none_is_asked_for(photos: Path) -> None:
    done = told(photos)

    assert done.stdout.startswith("1000:1000:1000 0022 0000000000000000 1 "), done.stderr


def test_who_is_no_root_stays_who_he_is(photos: Path) -> None:
    done = told(photos, "setpriv --reuid=1234 --regid=1234 --clear-groups", PUID="1234")

    assert done.stdout.startswith("1234:1234:1234 "), done.stderr


@pytest.mark.parametrize(
    ("as_user", "environ", "says"),
    [
        ("", {"PUID": "anna"}, "PUID=anna is not allowed"),
        ("", {"PGID": "-1"}, "PGID=-1 is not allowed"),
        ("", {"UMASK": "2"}, "UMASK=2 is not allowed: octal digits from 0000 to 0077"),
        ("", {"UMASK": "0777"}, "UMASK=0777 is not allowed"),
        (
            "setpriv --reuid=1234 --regid=1234 --clear-groups",
            {"PUID": "1026"},
            "or without them by --user 1026:1234",
        ),
    ],
)
def test_what_cannot_be_obeyed_is_named_and_nothing_is_begun(
    photos: Path, as_user: str, environ: dict[str, str], says: str
) -> None:
    done = told(photos, as_user, **environ)

    assert (done.returncode, done.stdout) == (78, "")
    assert says in done.stderr


def test_empty_volume_of_root_is_given_to_the_user(photos: Path) -> None:
    told(photos, PUID="1026", PGID="100")

    assert (photos.stat().st_uid, photos.stat().st_gid) == (1026, 100)


def test_volume_that_holds_anything_is_left_to_its_owner(photos: Path) -> None:
    (photos / "inbox").mkdir()

    told(photos, PUID="1026", PGID="100")

    assert (photos.stat().st_uid, (photos / "inbox").stat().st_uid) == (0, 0)


def test_watchd_delivers_as_the_user_with_the_umask_and_its_health_can_be_asked(photos: Path) -> None:
    (photos / "inbox").mkdir()
    (photos / "inbox" / "a.jpg").write_bytes(encoded("JPEG", draw(200, 150)))
    for path in (photos, photos / "inbox", photos / "inbox" / "a.jpg"):
        os.chown(path, 1026, 100)
    python = f"cat >/usr/local/bin/python <<'END'\n{PYTHON_THERE}END\nchmod 755 /usr/local/bin/python\n"
    command = "printf '#!/bin/sh\\nexec python -m watchd \"$@\"\\n' >/usr/local/bin/watchd\n"
    script = f"{_PUT_IN}{python}{command}chmod 755 /usr/local/bin/watchd\n{_LIVE}"

    done = inside(photos, script, PUID="1026", PGID="100", UMASK="0027")

    assert done.returncode == 0, done.stderr
    cutout = (photos / "outbox" / "a.png").stat()
    assert (cutout.st_uid, cutout.st_gid, cutout.st_mode & 0o777) == (1026, 100, 0o640)


# What docker does: begin, ask for the health until it is good, stop, and look at the exit code.
_LIVE = """
entrypoint run /photos & daemon=$!
for _ in $(seq 100); do [ ! -e /photos/outbox/a.png ] || break; sleep 0.2; done
watchd status --check /photos
kill -TERM "$daemon"
wait "$daemon"
! watchd status --check /photos
"""


def instructions() -> list[tuple[str, str]]:
    """Of the Dockerfile, in order: its word and the rest of its line."""
    text = re.sub(r"(?m)^#.*\n", "", DOCKERFILE.read_text()).replace("\\\n", " ")
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in text.splitlines()) if word]


def copied() -> list[str]:
    """What the Dockerfile takes from the checkout."""
    rests = [rest.split() for word, rest in instructions() if word == "COPY" and "--from" not in rest]
    return [name for words in rests for name in words[:-1] if not name.startswith("--")]


def test_whatever_the_image_is_made_of_is_there_and_is_sent_to_the_builder() -> None:
    lines = (DOCKER / "Dockerfile.dockerignore").read_text().splitlines()
    sent = [line[1:] for line in lines if line.startswith("!")]

    assert lines[1] == "*"
    assert sorted(copied()) == sorted(sent)
    assert [name for name in sent if not (CHECKOUT / name).exists()] == []
    assert not any(fnmatch.fnmatch(name, "*.yaml") for name in sent)


def test_image_runs_as_a_user_stops_by_a_signal_and_tells_its_health() -> None:
    said = dict(instructions())

    assert said["USER"] == "1000:1000"
    assert said["VOLUME"] == "/photos"
    assert said["STOPSIGNAL"] == "SIGTERM"
    health = json.loads(said["HEALTHCHECK"].partition("CMD ")[2])
    assert health == ["watchd", "status", "--check", "/photos"]
    assert json.loads(said["ENTRYPOINT"]) == ["entrypoint"]
    assert all(
        "--require-hashes" in rest or "--no-deps" in rest
        for _, rest in instructions()
        if "install --no" in rest
    )


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_what_the_dockerfile_runs_makes_a_watchd_that_delivers(photos: Path) -> None:
    """Its instructions, one after the other, in an overlay of this machine instead of in the base image."""
    (photos / "inbox").mkdir()
    (photos / "inbox" / "a.jpg").write_bytes(encoded("JPEG", draw(200, 150)))
    for path in (photos, photos / "inbox", photos / "inbox" / "a.jpg"):
        os.chown(path, 1000, 1000)
    ready = (
        "sed -i '/:1000:/d' /etc/passwd /etc/group\nexport PATH=/srv/python/bin:$PATH\nmkdir /src; cd /src\n"
    )
    script = f"{ready}{''.join(map(_in_shell, instructions()))}{_LIVE}"

    done = inside(photos, script, within_s=600)

    assert done.returncode == 0, done.stdout + done.stderr
    assert (photos / "outbox" / "a.png").stat().st_uid == 1000


def _in_shell(instruction: tuple[str, str]) -> str:
    match instruction:
        case "RUN", command:
            return f"{command}\n"
        case "ENV", assignments:
            return f"export {assignments}\n"
        case "COPY", rest if "--from" not in rest:
            *names, target = (word for word in rest.split() if not word.startswith("--"))
            return "".join(f"cp -r '/srv/checkout/{name}' '{target}'\n" for name in names)
        case _:
            return ""
