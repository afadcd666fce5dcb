"""Which file is taken first: in one watch folder, and among several."""

import os
import re
from pathlib import Path

from commands import daemon, watchd
from fakes import draw, encoded, wait_until


def drop(root: Path, name: str, number: int) -> None:
    """A picture that no other is like, last changed at that second."""
    path = root / "inbox" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encoded("JPEG", draw(64 + number, 48)))
    os.utime(path, (number, number))


def configure(root: Path, *folders: str) -> None:
    lines = [f"  - {{root: {folder}}}\n" for folder in folders]
    root.mkdir(exist_ok=True)
    (root / "config.yaml").write_text(f"watch:\n{''.join(lines)}threads: {{workers: 1}}\n")


def delivered(text: str) -> list[str]:
    """The folders and names of the outcomes, in their order."""
    return re.findall(r"^[0-9]+/[0-9]+ delivered (\S+)", text, re.MULTILINE)


def test_newest_file_is_taken_first_where_that_is_asked_for(tmp_path: Path) -> None:
    configure(tmp_path, "photos, order: newest")
    for name, changed in (("a.jpg", 20), ("b.jpg", 40), ("c.jpg", 10), ("d.jpg", 30)):
        drop(tmp_path / "photos", name, changed)

    done = watchd("run", "--once", tmp_path)

    assert done.returncode == 0
    assert delivered(done.stderr) == [f"photos/{name}.jpg" for name in "bdac"]


def test_folder_of_higher_priority_is_done_first(tmp_path: Path) -> None:
    configure(tmp_path, "studio, priority: high", "archive, priority: low")
    for number in range(30):
        drop(tmp_path / "archive", f"{number}.jpg", number)
        drop(tmp_path / "studio", f"{number}.jpg", 100 + number)

    done = watchd("run", "--once", tmp_path)

    folders = [path.partition("/")[0] for path in delivered(done.stderr)]
    last = max(at for at, folder in enumerate(folders) if folder == "studio")
    assert len(folders) == 60
    assert last < 40


def test_single_file_does_not_wait_for_a_folder_of_many(tmp_path: Path) -> None:
    root, one = tmp_path / "many", tmp_path / "many" / "one"
    configure(root, ".", "one")
    for number in range(200):
        drop(root, f"{number}.jpg", number)

    with daemon(root):
        wait_until(lambda: os.listdir(root / "originals"), within_s=30)
        drop(one, "a.jpg", 300)
        wait_until((one / "originals" / "a.jpg").exists, within_s=30)
        left = os.listdir(root / "inbox")

    assert len(left) > 20
