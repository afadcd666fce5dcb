"""Installs watchd as a service of systemd, or takes it away again."""

import argparse
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import program
from dropin import needs_of, render
from steps import Steps, says, succeeds

from watchd.config.load import load
from watchd.config.schema import Config
from watchd.domain.errors import ConfigError

_SOURCES = Path(__file__).resolve().parents[2] / "systemd"
_UNITS = Path("/etc/systemd/system")
_CONFIGS = Path("/etc/watchd")
_INSTALLED = {
    "watchd.service": _UNITS / "watchd.service",
    "watchd@.service": _UNITS / "watchd@.service",
    "sysusers.conf": Path("/etc/sysusers.d/watchd.conf"),
    "tmpfiles.conf": Path("/etc/tmpfiles.d/watchd.conf"),
}
_DROPIN = "10-folders.conf"
_NOTIFY_RELOAD_SINCE = 253


def main(words: Sequence[str]) -> int:
    asked = _parser().parse_args(words)
    if os.geteuid() != 0 and not asked.dry_run and asked.root == Path("/"):
        print("install-service: needs root: use sudo, or look first with --dry-run", file=sys.stderr)
        return 1
    os.umask(0o022)  # others are to read what is installed
    steps = Steps(asked.root, asked.dry_run)
    try:
        uninstall(asked, steps) if asked.uninstall else install(asked, steps)
    except ConfigError as error:
        print(f"install-service: nothing was changed:\n{error}", file=sys.stderr)
        return error.exit_code
    except (program.Unreachable, OSError) as error:
        print(f"install-service: {error}", file=sys.stderr)
        return 1
    except subprocess.CalledProcessError as error:
        print("install-service: that failed; mend it and run this again", file=sys.stderr)
        return error.returncode
    return 0


def install(asked: argparse.Namespace, steps: Steps) -> None:
    """Reads every configuration before anything is changed."""
    chosen = program.given(asked.watchd) if asked.watchd else None
    configs = {name: _config(name, steps) for name in asked.names or [""]}
    dropins = {name: _dropin(name, config, chosen, asked) for name, config in configs.items()}
    for source, target in _INSTALLED.items():
        steps.write(target, (_SOURCES / source).read_text(encoding="utf-8"))
    for name, text in dropins.items():
        steps.write(_dropin_of(name), text)
    if asked.root != Path("/"):
        print(f"below {asked.root} nothing is run: there, do systemd-sysusers and systemd-tmpfiles --create")
        return
    if chosen is None:
        program.install(steps, asked.extras)
    steps.run("systemd-sysusers", _INSTALLED["sysusers.conf"])
    steps.run("systemd-tmpfiles", "--create", _INSTALLED["tmpfiles.conf"])
    _systemctl(steps, "daemon-reload")
    _next_steps(configs, asked)


def uninstall(asked: argparse.Namespace, steps: Steps) -> None:
    """Of the named instances, or of all that `install` has ever made."""
    names = asked.names or ["", *_instances(steps)]
    if asked.root == Path("/"):
        for name in names:
            if steps.at(_dropin_of(name)).exists():
                _systemctl(steps, "disable", "--now", _unit(name))
            elif name:
                print(f"{_unit(name)} is not installed")
    for name in names:
        steps.remove(_dropin_of(name))
        steps.remove_if_empty(_dropin_of(name).parent)
    if not asked.names:
        for target in _INSTALLED.values():
            steps.remove(target)
        program.uninstall(steps)
    if asked.root == Path("/"):
        _systemctl(steps, "daemon-reload")
    print(
        f"Left as they are: {_CONFIGS}, /var/lib/watchd (networks), /var/cache/watchd*, the user watchd, "
        "and every watch folder with its sidecar. Who wants these gone, too, removes them by hand."
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="install-service",
        description=f"{__doc__} Without NAME: watchd.service for /etc/watchd/config.yaml; with it: "
        "watchd@NAME for /etc/watchd/NAME.yaml. May be run again at any time, and is to be when the folders "
        "of a configuration have changed. U2NET_HOME, if it is set, is where the service keeps its networks.",
    )
    parser.add_argument("names", nargs="*", metavar="NAME", type=_name, help="an instance")
    parser.add_argument("--dry-run", action="store_true", help="only say what would be done; needs no root")
    parser.add_argument("--uninstall", action="store_true", help="take it away; data and configuration stay")
    parser.add_argument(
        "--watchd",
        type=Path,
        metavar="FILE",
        help=f"the program to run; by default one is put into {program.PREFIX}",
    )
    parser.add_argument(
        "--with",
        dest="extras",
        action="append",
        default=[],
        type=_name,
        metavar="EXTRA",
        help="what the configuration needs beside watchd itself, such as redis; repeatable",
    )
    parser.add_argument(
        "--group",
        action="append",
        default=[],
        type=_name,
        help="a group whose files it may move, too; repeatable",
    )
    parser.add_argument(
        "--root",
        type=Path,
        default=Path("/"),
        metavar="DIR",
        help="write files below DIR, for packages and tests",
    )
    return parser


def _name(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9:_.-]*", text):
        raise argparse.ArgumentTypeError(f"{text!r}: letters, digits and :_.- are allowed")
    return text


def _config_file(name: str) -> Path:
    return _CONFIGS / f"{name or 'config'}.yaml"


def _unit(name: str) -> str:
    return f"watchd@{name}.service" if name else "watchd.service"


def _dropin_of(name: str) -> Path:
    return _UNITS / f"{_unit(name)}.d" / _DROPIN


def _instances(steps: Steps) -> list[str]:
    found = steps.at(_UNITS).glob(f"watchd@?*.service.d/{_DROPIN}")
    return sorted(path.parent.name.removeprefix("watchd@").removesuffix(".service.d") for path in found)


def _config(name: str, steps: Steps) -> Config:
    """With no environment but the service's own, which is none of ours."""
    file = steps.at(_config_file(name))
    if not file.is_file():
        raise ConfigError(
            f"{_config_file(name)} is not there. Write it first: config.example.yaml names every key; "
            "the folders to watch are enough"
        )
    return load(file, None, {}, {}).config


def _dropin(name: str, config: Config, chosen: Path | None, asked: argparse.Namespace) -> str:
    home = Path(os.environ["U2NET_HOME"]).absolute() if os.environ.get("U2NET_HOME") else None
    return render(
        needs_of(config, home),
        _config_file(name),
        program=chosen,
        model_home=home,
        groups=asked.group,
        waits_for_reloads=_systemd_version() >= _NOTIFY_RELOAD_SINCE,
    )


def _systemd_version() -> int:
    """0 where there is none."""
    found = re.match(r"systemd (\d+)", says(["systemctl", "--version"]))
    return int(found[1]) if found else 0


def _systemctl(steps: Steps, *words: str) -> None:
    if Path("/run/systemd/system").is_dir():
        steps.run("systemctl", *words)
    else:
        print(f"systemd does not run here, so nothing was told to it: systemctl {' '.join(words)}")


def _next_steps(configs: dict[str, Config], asked: argparse.Namespace) -> None:
    for name, config in configs.items():
        needs = needs_of(config)
        for path in needs.writable:
            _look_at(path, (*asked.group, *needs.groups), asked.dry_run)
        unit = _unit(name).removesuffix(".service")
        print(f"""
Next:
  systemctl enable --now {unit}     starts it, now and at each boot
  systemctl status {unit}           what it is doing; journalctl -u {unit} has its log
  systemctl reload {unit}           after a change of {_config_file(name)}; if folders have changed,
                                    run this again and restart it instead""")


def _look_at(path: Path, groups: Sequence[str], dry_run: bool) -> None:
    """Tells what would keep the service from its folders."""
    them = ["setpriv", "--reuid=watchd", "--regid=watchd", f"--groups={','.join(['watchd', *groups])}"]
    if not path.is_dir():
        print(f"note: {path} is not there: make it, or mount it, before the service starts")
    elif not dry_run and not succeeds([*them, "test", "-w", path]):
        print(
            f"note: the user watchd may not write to {path}: chown it, or name a group that may "
            "(--group GROUP; chgrp, chmod g+rwxs)"
        )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
