"""What commands are given: their options and arguments, and the configuration that these name."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from watchd.cli.told import shown
from watchd.domain.errors import ConfigError

if TYPE_CHECKING:
    from watchd.config.load import Loaded
    from watchd.domain.profile import WatchFolder

Config = click.option(
    "-c",
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The config file; default ROOT/config.yaml.",
)
Root = click.argument("root", required=False, type=click.Path(path_type=Path, file_okay=False))
Json = click.option("--json", "as_json", is_flag=True, help="For machines, on stdout.")
RootOption = click.option(
    "--root",
    type=click.Path(path_type=Path, file_okay=False),
    help="The watch folder; default: the one around the pictures.",
)
Photo = click.Path(path_type=Path, exists=True, dir_okay=False)
PhotoFolder = click.Path(path_type=Path, exists=True, file_okay=False)


def age_s(_ctx: click.Context, _param: click.Parameter, written: str | None) -> float | None:
    """A time as the config writes it, in seconds."""
    from watchd.config.units import seconds

    try:
        return None if written is None else float(seconds("0s", "3650d").parse(written))
    except ValueError as error:
        raise click.BadParameter(f"{written} is no time: write it like 90m, 12h or 7d") from error


def load(root: Path | None, config: Path | None, overrides: Mapping[str, object]) -> "Loaded":
    """The configuration, with its umask taken."""
    from watchd.config.load import load as load_config

    loaded = load_config(config, root, overrides, os.environ)
    if loaded.config.umask is not None:
        os.umask(loaded.config.umask)  # what a command makes is like what the daemon makes
    return loaded


def folders_of(root: Path | None, config: Path | None) -> "tuple[WatchFolder, ...]":
    return load(root, config, {}).config.watch_folders()


def root_above(path: Path | None, config: Path | None) -> Path | None:
    """As `root_around`; none where a config is named. ConfigError: there is none."""
    if path is None or config is not None:
        return None
    found = root_around(path)
    if found is None:
        raise ConfigError(
            f"{shown(path)} lies in no watch folder: nothing above it holds config.yaml or .watchd; "
            "name the config file that watches it by -c"
        )
    return found


def root_around(path: Path) -> Path | None:
    """The nearest folder at or above a path that looks like a root."""
    absolute = Path(os.path.abspath(path))
    for folder in (absolute, *absolute.parents):
        if (folder / ".watchd").is_dir() or (folder / "config.yaml").is_file():
            return folder
    return None
