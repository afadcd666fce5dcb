"""The house itself: imports point down, and README and code tell the same story."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from watchd.cli import main
from watchd.domain.errors import ExitCode
from watchd.domain.profile import SUFFIXES
from watchd.imaging.card import card
from watchd.imaging.models import KNOWN

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_imports_point_down() -> None:
    linter = Path(sys.executable).with_name("lint-imports")

    result = subprocess.run([linter, "--no-cache"], cwd=ROOT, check=False, capture_output=True, text=True)

    assert result.returncode == 0, result.stdout


def test_readme_tells_of_every_command() -> None:
    table = README.partition("## Commands")[2].partition("\n## ")[0]

    told = set(re.findall(r"^\| `watchd (\w+)", table, re.MULTILINE))

    assert told == set(main.commands)


def test_readme_tells_every_exit_code() -> None:
    [line] = re.findall(r"^Exit codes: (.*?)\n\n?[^·]*?\.", README, re.MULTILINE | re.DOTALL) or [""]
    told = {int(number) for number in re.findall(r"(?:^|· |\n)(\d+) ", line)}

    assert told == {int(code) for code in ExitCode}


def test_files_that_the_readme_names_are_there() -> None:
    table = README.partition("| step | file |")[2].partition("\n\n")[0]
    named = set(re.findall(r"`((?:intake|imaging|store|work|report)/\w+)`", table))

    assert len(named) > 10
    assert {name for name in named if not (ROOT / "watchd" / f"{name}.py").is_file()} == set()


def test_floors_of_the_readme_are_those_of_the_contract() -> None:
    block = README.partition("```\nfloor 7")[2].partition("```")[0]
    told = set(
        re.findall(r"[a-z]+", re.sub(r" {6,}[a-z].*$|   {2,}values.*$", "", block, flags=re.MULTILINE))
    )
    rooms = {path.stem for path in (ROOT / "watchd").iterdir() if path.suffix in ("", ".py")}

    assert {room for room in rooms if not room.startswith("__") and room not in told} == set()


def test_readme_holds_the_model_card_of_builtin() -> None:
    assert card(KNOWN["builtin"]) in README


def test_readme_names_every_kind_of_file_that_is_of_interest() -> None:
    kinds = {"jpg": "JPEG", "jpeg": "JPEG", "jpe": "JPEG", "jfif": "JPEG", "tif": "TIFF", "tiff": "TIFF"}
    names = {kinds.get(suffix[1:], suffix[1:].upper()) for suffix in SUFFIXES}

    assert {name for name in names if name not in README.replace("WebP", "WEBP")} == set()


def commands(group: click.Group = main, above: str = "watchd") -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, f"{above} {name}")
        else:
            yield f"{above} {name}", command


@pytest.mark.parametrize(("name", "command"), [pytest.param(*each, id=each[0]) for each in commands()])
def test_help_of_a_command_is_whole(name: str, command: click.Command) -> None:
    text = command.get_help(click.Context(command, info_name=name))

    assert not command.get_short_help_str(60).endswith("..."), "the list of commands would cut it short"
    assert re.search(rf"Examples:\n    (source <\()?{name}\b", text)
    assert "Exit codes:" in text
    options = [param for param in command.params if isinstance(param, click.Option)]
    assert [option.name for option in options if not (option.help or "").endswith(".")] == []
    assert [option.name for option in options if "RANGE" in option.make_metavar(click.Context(command))] == []
