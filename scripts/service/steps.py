"""What an installation does, one step after the other: done and told, or with a dry run told only."""

import os
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from watchd.store.atomic import replace_quickly
from watchd.tree import Tree


class Steps:
    """Paths are those of the installed system, which may lie below another `root`."""

    def __init__(self, root: Path, dry: bool) -> None:
        self._root = root
        self._dry = dry

    def at(self, path: Path) -> Path:
        """Where it lies now."""
        return self._root / path.relative_to("/")

    def write(self, path: Path, text: str) -> None:
        """Nothing where it is so already."""
        target = self.at(path)
        if target.is_file() and target.read_text(encoding="utf-8") == text:
            print(f"unchanged {path}")
        elif self._dry:
            print(f"would write {path}:")
            print("".join(f"    {line}\n" for line in text.splitlines()))
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            replace_quickly(Tree(target.parent), target.name, text.encode(), f"install-{os.getpid()}")
            target.chmod(0o644)
            print(f"wrote {path}")

    def remove(self, path: Path) -> None:
        """A file, or a folder with all that is in it; nothing where there is none."""
        target = self.at(path)
        if not os.path.lexists(target):
            return
        if not self._dry:
            shutil.rmtree(target) if target.is_dir() and not target.is_symlink() else target.unlink()
        print(f"{'would remove' if self._dry else 'removed'} {path}")

    def remove_if_empty(self, folder: Path) -> None:
        target = self.at(folder)
        if not self._dry and target.is_dir() and not any(target.iterdir()):
            target.rmdir()

    def run(self, *words: str | Path) -> None:
        """CalledProcessError if it fails; what it says is seen."""
        print(f"{'would run' if self._dry else 'run'}: {shlex.join(map(str, words))}", flush=True)
        if not self._dry:
            subprocess.run(words, check=True, stdin=subprocess.DEVNULL)


def succeeds(words: Sequence[str | Path]) -> bool:
    return subprocess.run(words, check=False, capture_output=True).returncode == 0


def says(words: Sequence[str]) -> str:
    """What a command prints; nothing where there is no such command, or it fails."""
    try:
        return subprocess.run(words, check=True, capture_output=True, text=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return ""
