"""The script for administrators, below a folder that stands for the root; `test_booted.py` has a real one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from house import files

SCRIPT = Path(__file__).parents[2] / "scripts/service/install.py"
UNITS = "etc/systemd/system"
ALL = {
    f"{UNITS}/watchd.service",
    f"{UNITS}/watchd@.service",
    "etc/sysusers.d/watchd.conf",
    "etc/tmpfiles.d/watchd.conf",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """With two configurations."""
    configs = tmp_path / "root/etc/watchd"
    configs.mkdir(parents=True)
    (configs / "config.yaml").write_text("watch: [{root: /srv/photos}]\n")
    (configs / "studio.yaml").write_text("watch: [{root: /srv/studio}]\n")
    return tmp_path / "root"


def install(*words: object, **environ: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, SCRIPT, *map(str, words)],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        env=os.environ | environ,
    )


def installed(root: Path) -> set[str]:
    return files(root) - {"etc/watchd/config.yaml", "etc/watchd/studio.yaml"}


def test_single_service_and_instances_are_installed(root: Path) -> None:
    single, instance = install("--root", root), install("--root", root, "studio", "--group", "users")

    assert (single.returncode, instance.returncode) == (0, 0), single.stderr + instance.stderr
    dropins = {f"{UNITS}/{unit}.service.d/10-folders.conf" for unit in ("watchd", "watchd@studio")}
    assert installed(root) == ALL | dropins
    text = (root / UNITS / "watchd@studio.service.d/10-folders.conf").read_text()
    assert 'ReadWritePaths="/srv/studio"' in text
    assert "SupplementaryGroups=users" in text


def test_second_run_changes_nothing(root: Path) -> None:
    install("--root", root)

    again = install("--root", root)

    assert "wrote" not in again.stdout
    assert again.stdout.count("unchanged") == 5


def test_folder_that_is_new_in_the_configuration_is_written(root: Path) -> None:
    install("--root", root)
    (root / "etc/watchd/config.yaml").write_text("watch: [{root: /srv/photos}, {root: /srv/more}]\n")

    again = install("--root", root)

    assert again.stdout.count("wrote") == 1
    assert '"/srv/more"' in (root / UNITS / "watchd.service.d/10-folders.conf").read_text()


def test_dry_run_shows_all_and_does_nothing(root: Path) -> None:
    said = install("--root", root, "--dry-run")

    assert said.returncode == 0
    assert 'ReadWritePaths="/srv/photos"' in said.stdout
    assert installed(root) == set()


def test_uninstall_removes_what_was_installed_and_leaves_the_rest(root: Path) -> None:
    install("--root", root)
    install("--root", root, "studio")
    own = root / UNITS / "watchd.service.d/own.conf"
    own.write_text("[Service]\nNice=10\n")

    dry = install("--root", root, "--uninstall", "--dry-run")
    before = installed(root)
    said = install("--root", root, "--uninstall")

    assert "would remove" in dry.stdout
    assert before > ALL
    assert installed(root) == {f"{UNITS}/watchd.service.d/own.conf"}
    assert (root / "etc/watchd/config.yaml").exists()
    assert "Left as they are: /etc/watchd" in said.stdout


def test_uninstalled_instance_leaves_the_others(root: Path) -> None:
    install("--root", root)
    install("--root", root, "studio")

    install("--root", root, "--uninstall", "studio")

    assert installed(root) == ALL | {f"{UNITS}/watchd.service.d/10-folders.conf"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("watch: [{root: /srv/a, sette: 3s}]\n", "did you mean settle"),
        ('watch: [{root: "/srv/two\\nlines"}]\n', "a unit file cannot hold this name"),
    ],
)
def test_configuration_that_is_wrong_changes_nothing(root: Path, text: str, told: str) -> None:
    (root / "etc/watchd/config.yaml").write_text(text)

    said = install("--root", root)

    assert said.returncode == 78
    assert told in said.stderr
    assert installed(root) == set()


def test_configuration_that_is_missing_is_asked_for(root: Path) -> None:
    said = install("--root", root, "attic")

    assert said.returncode == 78
    assert "/etc/watchd/attic.yaml is not there. Write it first" in said.stderr
    assert installed(root) == set()


@pytest.mark.parametrize("name", ["../evil", "a b", "-x%", "a/b"])
def test_name_that_no_unit_may_bear_is_refused(root: Path, name: str) -> None:
    said = install("--root", root, "--", name)

    assert said.returncode == 2
    assert installed(root) == set()


def test_program_that_the_service_cannot_reach_is_refused(root: Path, tmp_path: Path) -> None:
    hidden = tmp_path / "watchd"
    hidden.write_text("#!/bin/sh\n")
    hidden.chmod(0o755)

    missing = install("--root", root, "--watchd", "/no/such/watchd")
    unseen = install("--root", root, "--watchd", hidden)

    assert (missing.returncode, unseen.returncode) == (1, 1)
    assert "there is no such program" in missing.stderr
    assert "hidden from the service" in unseen.stderr or "is closed to other users" in unseen.stderr
    assert installed(root) == set()


def test_home_of_the_networks_comes_from_the_environment(root: Path) -> None:
    install("--root", root, U2NET_HOME="/data/networks")

    text = (root / UNITS / "watchd.service.d/10-folders.conf").read_text()
    assert 'Environment="U2NET_HOME=/data/networks"' in text
    assert 'ReadWritePaths="/data/networks"' in text


def test_others_than_root_may_only_look() -> None:
    nobody = ["setpriv", "--reuid=65534", "--clear-groups"] if os.geteuid() == 0 else []
    if subprocess.run([*nobody, sys.executable, "-c", ""], check=False, capture_output=True).returncode:
        pytest.skip("nobody else may run this Python")
    said = subprocess.run(
        [*nobody, sys.executable, SCRIPT], check=False, capture_output=True, text=True, timeout=60
    )

    assert said.returncode == 1
    assert "needs root: use sudo, or look first with --dry-run" in said.stderr
