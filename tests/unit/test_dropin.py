"""What scripts/install-service writes for a configuration."""

from pathlib import Path

import pytest
from dropin import needs_of, render

from watchd.config.load import load
from watchd.config.schema import Config
from watchd.domain.errors import ConfigError


def config(tmp_path: Path, text: str) -> Config:
    (tmp_path / "config.yaml").write_text(text)
    return load(tmp_path / "config.yaml", None, {}, {}).config


def lines(tmp_path: Path, text: str, key: str, **options: object) -> list[str]:
    """The values of that key."""
    needs = needs_of(config(tmp_path, text))
    written = render(needs, Path("/etc/watchd/config.yaml"), **options)  # type: ignore[arg-type]
    return [line.partition("=")[2] for line in written.splitlines() if line.startswith(f"{key}=")]


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("photos", "photos"),
        ("new photos", "new photos"),
        ("50%", "50%%"),
        ('the "best"', 'the \\"best\\"'),
        ("it's", "it's"),
        ("a\\b", "a\\\\b"),
        ("$HOME", "$HOME"),
        ("Fürth 写真 no\u00a0break", "Fürth 写真 no\u00a0break"),
    ],
)
def test_name_is_escaped_as_systemd_wants(tmp_path: Path, name: str, written: str) -> None:
    text = f"watch:\n  - root: '/srv/{name.replace(chr(39), chr(39) * 2)}'\n"

    assert lines(tmp_path, text, "ReadWritePaths") == [f'"/srv/{written}"']
    assert f'"/srv/{written}/inbox"' in lines(tmp_path, text, "RequiresMountsFor")


@pytest.mark.parametrize("name", ["two\\nlines", "bell\\a"])
def test_name_that_a_unit_file_cannot_hold_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="give the folder another one"):
        lines(tmp_path, f'watch:\n  - root: "/srv/{name}"\n', "ReadWritePaths")


def test_each_watch_folder_and_each_place_elsewhere_is_writable(tmp_path: Path) -> None:
    text = """
watch:
  - {root: /srv/a, outbox: /mnt/nas/cutouts}
  - root: /srv/b
cache: {dir: /ssd/cache}
"""

    assert lines(tmp_path, text, "ReadWritePaths") == [
        '"/mnt/nas/cutouts"',
        '"/srv/a"',
        '"/srv/b"',
        '"/ssd/cache"',
    ]


def test_folders_between_which_originals_move_are_one_mount(tmp_path: Path) -> None:
    text = """
watch:
  - inbox: /srv/studio/in
    originals: /srv/studio/done
    failed: /srv/studio/bad
    sidecar: /ssd/state
    outbox: /mnt/nas/out
"""

    assert set(lines(tmp_path, text, "ReadWritePaths")) == {'"/srv/studio"', '"/ssd/state"', '"/mnt/nas/out"'}


@pytest.mark.parametrize("above", ["/srv", "/home/alice", "/var/lib", "/mnt"])
def test_what_is_everybodys_is_not_given_as_a_whole(tmp_path: Path, above: str) -> None:
    places = {key: f"{above}/{key}" for key in ("inbox", "outbox", "originals", "failed", "sidecar")}
    text = "watch:\n  -\n" + "".join(f"    {key}: {place}\n" for key, place in places.items())

    assert set(lines(tmp_path, text, "ReadWritePaths")) == {f'"{place}"' for place in places.values()}


def test_of_the_home_folders_only_what_is_watched_is_there(tmp_path: Path) -> None:
    text = "watch: [{root: /home/alice/photos}, {root: /srv/b}]\n"

    assert lines(tmp_path, text, "ProtectHome") == ["tmpfs"]
    assert lines(tmp_path, text, "BindPaths") == ['"/home/alice/photos"']
    assert lines(tmp_path, "watch: [{root: /srv/b}]\n", "ProtectHome") == []


def test_network_in_a_home_folder_is_there_to_be_read(tmp_path: Path) -> None:
    text = "watch: [{root: /srv/b}]\nprofiles: {default: {model: /home/alice/own.onnx}}\n"

    assert lines(tmp_path, text, "BindReadOnlyPaths") == ['"/home/alice/own.onnx"']
    assert '"/home/alice/own.onnx"' in lines(tmp_path, text, "RequiresMountsFor")


def test_program_groups_and_the_home_of_the_networks_are_written(tmp_path: Path) -> None:
    text = "watch: [{root: /srv/b}]\n"
    options = {
        "program": Path("/opt/a $b/watchd"),
        "groups": ["users", "scanner"],
        "model_home": Path("/data/u2 net"),
    }

    assert lines(tmp_path, text, "ExecStart", **options) == [
        "",
        '"/opt/a $$b/watchd" run -c /etc/watchd/config.yaml',
    ]
    assert lines(tmp_path, text, "SupplementaryGroups", **options) == ["users", "scanner"]
    assert lines(tmp_path, text, "Environment", **options) == ['"U2NET_HOME=/data/u2 net"']
    assert needs_of(config(tmp_path, text), Path("/data/u2 net")).writable == (
        Path("/data/u2 net"),
        Path("/srv/b"),
    )


def test_group_that_cutouts_are_given_to_is_one_of_the_service(tmp_path: Path) -> None:
    text = (
        "watch: [{root: /srv/a, group: photos}, {root: /srv/b, group: 100}, {root: /srv/c, group: photos}]\n"
    )

    assert lines(tmp_path, text, "SupplementaryGroups") == ["100", "photos"]
    assert lines(tmp_path, text, "SupplementaryGroups", groups=["photos", "users"]) == [
        "photos",
        "users",
        "100",
    ]


@pytest.mark.parametrize("name", ["domain users", "two\\nlines"])
def test_group_that_a_unit_file_cannot_hold_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="name of a group"):
        lines(tmp_path, f'watch: [{{root: /srv/a, group: "{name}"}}]\n', "SupplementaryGroups")


def test_systemd_that_waits_for_reloads_is_told_to(tmp_path: Path) -> None:
    text = "watch: [{root: /srv/b}]\n"

    assert lines(tmp_path, text, "Type", waits_for_reloads=True) == ["notify-reload"]
    assert lines(tmp_path, text, "Type") == []
