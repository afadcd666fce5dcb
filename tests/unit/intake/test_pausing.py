from dataclasses import replace

import pytest
from fakes import put

from watchd.domain.profile import WatchFolder
from watchd.intake.pausing import asked_to_pause


@pytest.mark.parametrize("name", ["PAUSE", "PAUSE.txt"])
def test_folder_is_paused_by_a_file_in_its_root(folder: WatchFolder, name: str) -> None:
    folder = replace(folder, root=folder.inbox.parent)
    before = asked_to_pause(folder)

    put(folder.inbox.parent, name)

    assert before == ""
    assert asked_to_pause(folder) == f"{folder.inbox.parent / name} is there: remove it, or `watchd resume`"


def test_folder_without_a_root_is_paused_by_a_file_in_its_inbox(folder: WatchFolder) -> None:
    put(folder.inbox.parent, "PAUSE")
    before = asked_to_pause(folder)

    put(folder.inbox, "PAUSE")

    assert before == ""
    assert str(folder.inbox / "PAUSE") in asked_to_pause(folder)


def test_link_to_nowhere_pauses_too(folder: WatchFolder) -> None:
    (folder.inbox / "PAUSE").symlink_to("nowhere")

    assert asked_to_pause(folder)
