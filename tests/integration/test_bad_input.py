"""Bad input ends in failed/ with a report, or is ignored with a reason, and the daemon goes on."""

import json
import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from fakes import draw, encoded, wait_until
from house import House, running

_PNG_BOMB_SIDE = 60_000


def _bomb() -> bytes:
    """A PNG whose header promises 3.6 gigapixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", _PNG_BOMB_SIDE, _PNG_BOMB_SIDE, 8, 2, 0, 0, 0)
    data = zlib.compress(b"")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (lambda: b"hello, this is no picture\n", "not an image"),
        (lambda: b"", "empty"),
        (lambda: encoded("JPEG", draw(200, 150))[:3000], "end of the JPEG"),
        (lambda: encoded("PNG", draw(200, 150))[:-30], "end of the PNG"),
        (_bomb, "limits.max_pixels"),
    ],
    ids=["text", "empty", "truncated-jpeg", "truncated-png", "bomb"],
)
def test_rejected_file_is_in_failed_with_a_report(
    tmp_path: Path, tiny: Path, content: Callable[[], bytes], words: str
) -> None:
    data = content()
    with running(tmp_path / "root", tiny, {"settle_timeout": "1s"}) as house:
        (house.folder.inbox / "bad.jpg").write_bytes(data)
        wait_until(lambda: house.failed() == {"bad.jpg", "bad.jpg.error.json"}, within_s=20)
        _still_works(house)

    report = json.loads((house.folder.failed / "bad.jpg.error.json").read_text())
    assert words in report["reason"]
    assert report["advice"]
    assert (house.folder.failed / "bad.jpg").read_bytes() == data
    assert house.inbox() == set()


def test_failed_folder_loses_no_file_by_collision(tmp_path: Path, tiny: Path) -> None:
    with running(tmp_path / "root", tiny) as house:
        for text in ("the first bad file", "the second bad file"):
            (house.folder.inbox / "bad.jpg").write_text(text)
            wait_until(lambda: house.inbox() == set(), within_s=20)

    assert house.failed() == {"bad.jpg", "bad.jpg.error.json", "bad-2.jpg", "bad-2.jpg.error.json"}
    assert (house.folder.failed / "bad.jpg").read_text() == "the first bad file"
    assert (house.folder.failed / "bad-2.jpg").read_text() == "the second bad file"


def test_folder_link_and_fifo_with_a_picture_name_are_left_alone(tmp_path: Path, tiny: Path) -> None:
    outside = tmp_path / "secret.jpg"
    outside.write_bytes(encoded("JPEG"))
    with running(tmp_path / "root", tiny) as house:
        (house.folder.inbox / "folder.jpg").mkdir()
        (house.folder.inbox / "link.jpg").symlink_to(outside)
        os.mkfifo(house.folder.inbox / "fifo.jpg")
        _still_works(house)

    assert house.outputs() == {"good.png"}
    assert house.failed() == set()
    assert outside.exists()


def test_animation_is_delivered_by_its_first_frame_with_a_note(tmp_path: Path, tiny: Path) -> None:
    frames = [draw(60, 40), draw(60, 40).transpose(0), draw(60, 40)]
    with running(tmp_path / "root", tiny) as house:
        data = encoded("GIF", frames[0], save_all=True, append_images=frames[1:])
        (house.folder.inbox / "film.gif").write_bytes(data)
        house.wait_for("film.png")
        receipts = house.folder.sidecar / "receipts"
        wait_until(lambda: any("first of 3" in path.read_text() for path in receipts.rglob("*.json")))


def test_file_over_the_byte_limit_is_rejected_with_the_limit_named(tmp_path: Path, tiny: Path) -> None:
    with running(tmp_path / "root", tiny, {"limits.max_bytes": "2kB"}) as house:
        (house.folder.inbox / "big.jpg").write_bytes(encoded("JPEG", draw(300, 300)))
        wait_until(lambda: "big.jpg" in house.failed(), within_s=20)

    report = json.loads((house.folder.failed / "big.jpg.error.json").read_text())
    assert "limits.max_bytes" in report["reason"]


def _still_works(house: House) -> None:
    (house.folder.inbox / "good.jpg").write_bytes(encoded("JPEG", draw(64, 48)))
    house.wait_for("good.png")
