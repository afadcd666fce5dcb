"""Words completed by the real shells, with the script that watchd prints for each."""

import os
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from commands import WATCHD, watchd

BASH = """
source <(watchd completion bash)
compopt() {{ echo "$2"; }}
complete -p watchd >/dev/null
COMP_WORDS=({words})
COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
_watchd_completion watchd
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
ZSH = """
compdef() {{ }}
_describe() {{ print -l -- ${{(P)3%%:*}} }}
compadd() {{ print -l -- ${{(P)@[-1]}} }}
_path_files() {{ print compopt }}
source <(watchd completion zsh)
words=({words})
CURRENT=${{#words}}
_watchd_completion watchd
"""
FISH = 'watchd completion fish | source; complete --do-complete "{line}"'


def completed(shell: str, *words: str, cwd: Path) -> list[str]:
    """What the shell offers for the last of the words."""
    if not shutil.which(shell):
        pytest.skip(f"needs {shell}")
    line = " ".join(map(shlex.quote, words[:-1])) + f" {words[-1]}"
    quoted = " ".join(map(shlex.quote, words))
    script = {"bash": BASH, "zsh": ZSH, "fish": FISH}[shell].format(words=quoted, line=line)
    done = subprocess.run(
        [shell, *(["--norc"] if shell == "bash" else []), "-c", script],
        check=True,
        capture_output=True,
        text=True,
        cwd=cwd,
        timeout=60,
        env=os.environ | {"PATH": f"{WATCHD.parent}:{os.environ['PATH']}", "HOME": str(cwd)},
    )
    assert done.stderr == ""
    return sorted(offer.partition("\t")[0] for offer in done.stdout.split("\n") if offer)


shells = pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])


@shells
def test_commands_are_completed(tmp_path: Path, shell: str) -> None:
    assert completed(shell, "watchd", "re", cwd=tmp_path) == ["resume", "retry"]


@shells
def test_options_of_a_command_are_completed(tmp_path: Path, shell: str) -> None:
    assert completed(shell, "watchd", "status", "--w", cwd=tmp_path) == ["--watch"]


@shells
def test_names_of_networks_are_completed(tmp_path: Path, shell: str) -> None:
    assert completed(shell, "watchd", "run", "--model", "isnet-", cwd=tmp_path) == [
        "isnet-anime",
        "isnet-general-use",
    ]
    assert completed(shell, "watchd", "models", "pull", "bui", cwd=tmp_path) == []


@shells
def test_names_of_networks_are_completed_behind_each_comma(tmp_path: Path, shell: str) -> None:
    words = ("watchd", "models", "compare", "photos", "--models", "builtin,isnet-")

    assert completed(shell, *words, cwd=tmp_path) == ["builtin,isnet-anime", "builtin,isnet-general-use"]


def test_model_that_is_no_name_is_completed_as_a_file(tmp_path: Path) -> None:
    assert completed("bash", "watchd", "run", "--model", "./", cwd=tmp_path) == ["default"]


def test_folders_and_files_are_left_to_the_shell(tmp_path: Path) -> None:
    assert completed("bash", "watchd", "run", "ph", cwd=tmp_path) == ["dirnames"]
    assert completed("bash", "watchd", "explain", "ph", cwd=tmp_path) == ["default"]


@shells
def test_names_of_watch_folders_are_those_of_the_configuration(tmp_path: Path, shell: str) -> None:
    (tmp_path / "own.yaml").write_text("watch: [{root: studio}, {root: archive}]\n")
    words = ("watchd", "cache", "warm", "-c", "own.yaml", "--folder", "st")

    assert completed(shell, *words, cwd=tmp_path) == ["studio"]


def test_configuration_that_is_wrong_offers_nothing_and_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text("watch: 5\n")
    words = ("watchd", "cache", "warm", "-c", "own.yaml", "--folder", "")

    assert completed("bash", *words, cwd=tmp_path) == []


def test_a_shell_that_is_not_known_is_named_with_those_that_are() -> None:
    result = watchd("completion", "csh")

    assert result.returncode == 2
    assert "'csh' is not one of 'bash', 'zsh', 'fish'" in result.stderr
