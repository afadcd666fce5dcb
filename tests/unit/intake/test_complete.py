import errno
import os
import random
import struct
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from fakes import draw, encoded, os_error
from PIL import Image, features

from watchd.intake.complete import Wholeness, inspect
from watchd.tree import Tree

ENDED = (Wholeness.PROVEN, Wholeness.ENDED)


def tiff(order: str, tiled: bool, directories: int = 1, last_first: bool = False) -> bytes:
    """A TIFF written by hand: two parts of 300 bytes in each directory."""
    parts, count = b"\x81" * 300, 2
    kind = {"<": b"II*\0", ">": b"MM\0*"}[order]
    tags = (324, 325) if tiled else (273, 279)
    entries = 5
    length = 2 + 12 * entries + 4 + 4 * count * 2 + len(parts) * count
    body, start = b"", 8
    for number in range(directories):
        at = start + number * length
        after = at + 2 + 12 * entries + 4
        offsets, counts, pixels = after, after + 4 * count, after + 8 * count
        if last_first:  # the table of offsets behind the pixels
            pixels, offsets, counts = after, after + 600, after + 600 + 4 * count
        following = at + length if number + 1 < directories else 0
        fields = [(256, 4, 1, 20), (257, 4, 1, 30), (258, 3, 1, 8), (tags[0], 4, count, offsets)]
        fields.append((tags[1], 4, count, counts))
        body += struct.pack(order + "H", entries)
        body += b"".join(_entry(order, *field) for field in fields) + struct.pack(order + "I", following)
        tables = struct.pack(order + "II", pixels, pixels + 300) + struct.pack(order + "II", 300, 300)
        body += parts * count + tables if last_first else tables + parts * count
    return kind + struct.pack(order + "I", 8) + body


def _entry(order: str, tag: int, kind: int, count: int, value: int) -> bytes:
    if kind == 3:
        return struct.pack(order + "HHIHH", tag, kind, count, value, 0)
    return struct.pack(order + "HHII", tag, kind, count, value)


def gif_of_two_frames() -> bytes:
    frames = [draw(40, 30, "P"), draw(40, 30, "L").convert("P")]
    return encoded("GIF", frames[0], save_all=True, append_images=frames[1:], comment=b"two; frames")


def two_pages() -> bytes:
    """Without the zeros by which Pillow fills the file up to a multiple of 16; its last value ends in one."""
    pages = [draw(20, 20), draw(24, 24)]
    data = encoded("TIFF", pages[0], save_all=True, append_images=pages[1:], compression="tiff_lzw")
    return data.rstrip(b"\0") + b"\0"


def with_thumbnail() -> bytes:
    """A JPEG that carries another JPEG, with its own end, in its EXIF."""
    return encoded("JPEG", exif=b"Exif\0\0" + encoded("JPEG", draw(16, 12)))


FILES = {
    "jpeg": lambda: encoded("JPEG"),
    "jpeg progressive": lambda: encoded("JPEG", progressive=True),
    "jpeg grey": lambda: encoded("JPEG", draw(mode="L")),
    "jpeg cmyk": lambda: encoded("JPEG", draw(mode="CMYK")),
    "jpeg with restart markers": lambda: encoded("JPEG", restart_marker_blocks=2),
    "jpeg with a thumbnail": with_thumbnail,
    "png": lambda: encoded("PNG", draw(40, 30)),
    "png palette": lambda: encoded("PNG", draw(40, 30, "P")),
    "webp lossy": lambda: encoded("WEBP"),
    "webp lossless": lambda: encoded("WEBP", draw(40, 30), lossless=True),
    "webp with exif": lambda: encoded("WEBP", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0"),
    "tiff": lambda: encoded("TIFF", draw(40, 30)),
    "tiff lzw": lambda: encoded("TIFF", draw(40, 30), compression="tiff_lzw"),
    "tiff deflate": lambda: encoded("TIFF", draw(40, 30), compression="tiff_adobe_deflate"),
    "tiff of two pages": two_pages,
    "tiff strips, little": lambda: tiff("<", tiled=False),
    "tiff strips, big": lambda: tiff(">", tiled=False),
    "tiff tiles, little": lambda: tiff("<", tiled=True),
    "tiff tiles, big, three pages": lambda: tiff(">", tiled=True, directories=3),
    "tiff tables last": lambda: tiff("<", tiled=False, last_first=True),
    "gif": lambda: encoded("GIF", draw(40, 30, "P")),
    "gif of two frames": gif_of_two_frames,
    "bmp": lambda: encoded("BMP", draw(24, 20)),
}
if features.check("avif"):
    FILES["avif"] = lambda: encoded("AVIF")


@pytest.mark.parametrize("local", [True, False])
@pytest.mark.parametrize("kind", FILES)
def test_whole_file_is_whole(tmp_path: Path, kind: str, local: bool) -> None:
    (tmp_path / "x").write_bytes(FILES[kind]())

    finding = inspect(Tree(tmp_path), "x", local)

    assert finding.wholeness is (Wholeness.PROVEN if local else Wholeness.ENDED), finding.reason


@pytest.mark.parametrize("kind", FILES)
def test_no_prefix_of_a_file_is_taken_for_the_whole(tmp_path: Path, kind: str) -> None:
    data, tree, path = FILES[kind](), Tree(tmp_path), tmp_path / "x"
    path.write_bytes(data)
    taken = []

    for length in range(len(data) - 1, -1, -1):
        os.truncate(path, length)
        if inspect(tree, "x", local=False).wholeness in ENDED:
            taken.append(length)

    assert taken == [], f"of {len(data)} bytes"


@pytest.mark.parametrize("kind", FILES)
def test_prefix_that_ends_anywhere_is_unfinished_once_its_signature_is_there(
    tmp_path: Path, kind: str
) -> None:
    data, tree = FILES[kind](), Tree(tmp_path)
    (tmp_path / "x").write_bytes(data[: len(data) // 2])

    finding = inspect(tree, "x", local=True)

    assert finding.wholeness is Wholeness.UNFINISHED
    assert finding.reason


def test_empty_file_is_unfinished(tmp_path: Path) -> None:
    (tmp_path / "x").touch()

    finding = inspect(Tree(tmp_path), "x", local=True)

    assert finding.wholeness is Wholeness.UNFINISHED
    assert "empty" in finding.reason


def test_film_behind_a_jpeg_does_not_make_it_unfinished(tmp_path: Path) -> None:
    film = random.Random(3).randbytes(3_000_000).replace(b"\xff\xd9", b"\xff\xd8")
    (tmp_path / "x").write_bytes(encoded("JPEG") + b"MotionPhoto_Data" + film)

    assert inspect(Tree(tmp_path), "x", local=False).wholeness is Wholeness.ENDED


def test_end_of_a_jpeg_is_found_across_two_chunks_of_reading(tmp_path: Path) -> None:
    data = encoded("JPEG")
    scan = data.index(b"\xff\xda")
    filler = b"\x55" * ((1 << 20) - (len(data) - 2 - scan) - 1)  # FF is the last byte of the first chunk
    (tmp_path / "x").write_bytes(data[:-2] + filler + b"\xff\xd9" + b"tail" * 20)

    assert inspect(Tree(tmp_path), "x", local=False).wholeness is Wholeness.ENDED


def test_mpo_of_two_pictures_is_whole_and_its_first_picture_alone_must_be(tmp_path: Path) -> None:
    first = encoded("JPEG")
    data = encoded("MPO", draw(), save_all=True, append_images=[draw(48, 64)])
    end_of_first = data.index(b"\xff\xd9", len(first) // 2) + 2
    path = tmp_path / "x"

    path.write_bytes(data)
    whole = inspect(Tree(tmp_path), "x", local=False).wholeness
    path.write_bytes(data[: end_of_first - 2])
    cut = inspect(Tree(tmp_path), "x", local=False).wholeness

    assert (whole, cut) == (Wholeness.ENDED, Wholeness.UNFINISHED)


def test_data_behind_the_end_of_a_png_does_not_make_it_unfinished(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(encoded("PNG") + b"\0" * 9000)

    assert inspect(Tree(tmp_path), "x", local=False).wholeness is Wholeness.ENDED


def test_gif_padded_behind_its_trailer_is_whole(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(encoded("GIF", draw(mode="P")) + b"\0" * 3)

    assert inspect(Tree(tmp_path), "x", local=False).wholeness is Wholeness.ENDED


def test_big_tiff_is_taken_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"II+\0\x08\0\0\0" + struct.pack("<Q", 16) + b"\0" * 200)

    assert inspect(Tree(tmp_path), "x", local=True).wholeness is Wholeness.PLAIN


def test_tiff_whose_writer_has_not_set_the_first_directory_yet_is_unfinished(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"II*\0\0\0\0\0" + b"\x77" * 3000)

    assert inspect(Tree(tmp_path), "x", local=True).wholeness is Wholeness.UNFINISHED


def test_tiff_whose_directories_go_round_in_a_circle_ends(tmp_path: Path) -> None:
    data = bytearray(tiff("<", tiled=False))
    data[8 + 2 + 60 : 8 + 2 + 64] = struct.pack("<I", 8)
    (tmp_path / "x").write_bytes(data)

    assert inspect(Tree(tmp_path), "x", local=False).wholeness is Wholeness.ENDED


def test_tiff_that_promises_billions_of_strips_costs_no_memory(tmp_path: Path) -> None:
    strips = struct.pack("<HHII", 273, 4, 0xFFFFFFFF, 8)
    (tmp_path / "x").write_bytes(b"II*\0" + struct.pack("<IH", 8, 1) + strips + b"\0\0\0\0")

    tracemalloc.start()
    finding = inspect(Tree(tmp_path), "x", local=True)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert finding.wholeness is Wholeness.UNFINISHED
    assert peak < 1 << 20


def test_text_under_a_picture_name_is_plain(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"this is no picture")

    assert inspect(Tree(tmp_path), "x", local=True).wholeness is Wholeness.PLAIN


def test_webp_with_a_tail_of_zeros_is_unfinished(tmp_path: Path) -> None:
    data = encoded("WEBP", draw(400, 300), quality=95)
    (tmp_path / "x").write_bytes(data[:-5000] + b"\0" * 5000)

    assert inspect(Tree(tmp_path), "x", local=True).wholeness is Wholeness.UNFINISHED


@pytest.mark.parametrize("kind", ["BMP", "TIFF"])
def test_tail_of_zeros_is_doubtful_where_it_may_be_black_pixels(tmp_path: Path, kind: str) -> None:
    (tmp_path / "x").write_bytes(encoded(kind, Image.new("RGB", (80, 80))))

    assert inspect(Tree(tmp_path), "x", local=True).wholeness is Wholeness.DOUBTFUL


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF"])
def test_size_that_was_set_before_the_content_is_unfinished(tmp_path: Path, kind: str) -> None:
    data = encoded(kind, draw(300, 200))
    with open(tmp_path / "x", "wb") as file:
        file.write(data[:4096])
        file.truncate(len(data) + 65536)

    assert inspect(Tree(tmp_path), "x", local=True).wholeness is Wholeness.UNFINISHED


@pytest.mark.parametrize(("kind", "verdict"), [("PNG", Wholeness.UNFINISHED), ("BMP", Wholeness.DOUBTFUL)])
def test_hole_in_the_middle_is_found_though_the_end_is_there(
    tmp_path: Path, kind: str, verdict: Wholeness
) -> None:
    data = encoded(kind, draw(300, 200))
    with open(tmp_path / "x", "wb") as file:
        file.write(data[:4096])
        file.seek(4096 + 65536)
        file.write(data[4096 + 65536 :])

    finding = inspect(Tree(tmp_path), "x", local=True)

    assert finding.wholeness is verdict
    assert "never written" in finding.reason


def test_file_that_a_program_has_open_for_writing_is_busy_until_it_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(encoded("JPEG"))

    with open(path, "ab"):
        meanwhile = inspect(Tree(tmp_path), "x", local=True).wholeness
    afterwards = inspect(Tree(tmp_path), "x", local=True).wholeness

    assert (meanwhile, afterwards) == (Wholeness.BUSY, Wholeness.PROVEN)


def test_file_that_a_program_reads_is_not_busy(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(encoded("JPEG"))

    with open(path, "rb"):
        finding = inspect(Tree(tmp_path), "x", local=True)

    assert finding.wholeness is Wholeness.PROVEN


def test_looking_at_a_file_does_not_keep_its_writer_out(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(encoded("JPEG"))

    inspect(Tree(tmp_path), "x", local=True)

    os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))  # would give EWOULDBLOCK under a lease


def test_writers_are_not_asked_for_where_they_may_be_on_another_host(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(encoded("JPEG"))

    with open(path, "ab"):
        finding = inspect(Tree(tmp_path), "x", local=False)

    assert finding.wholeness is Wholeness.ENDED


def test_file_that_may_not_be_read_is_not_ready() -> None:
    with unprivileged_folder() as folder:
        (folder / "x").write_bytes(encoded("JPEG"))
        (folder / "x").chmod(0)

        with without_privileges():
            finding = inspect(Tree(folder), "x", local=True)

    assert finding.wholeness is Wholeness.BUSY
    assert os.strerror(errno.EACCES) in finding.reason


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a file of somebody else's")
def test_file_of_somebody_else_is_never_proven() -> None:
    with unprivileged_folder() as folder:
        (folder / "x").write_bytes(encoded("JPEG"))

        with without_privileges():
            finding = inspect(Tree(folder), "x", local=True)

    assert finding.wholeness is Wholeness.ENDED


def test_file_that_is_gone_raises(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        inspect(Tree(tmp_path), "x", local=True)


def test_link_is_not_looked_through(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(encoded("JPEG"))
    (tmp_path / "x").symlink_to("real")

    with os_error(errno.ELOOP):
        inspect(Tree(tmp_path), "x", local=True)


@pytest.mark.parametrize("kind", ["jpeg", "png", "tiff lzw", "gif", "avif"])
def test_file_cut_short_while_it_is_looked_at_is_no_crash(tmp_path: Path, kind: str) -> None:
    """Another process cuts the file and fills it again, as fast as it can."""
    if kind not in FILES:
        pytest.skip(f"this Pillow writes no {kind}")
    data, tree, path = FILES[kind](), Tree(tmp_path), tmp_path / "x"
    path.write_bytes(data)
    script = (
        "import os, sys\npath = sys.argv[1]\ndata = open(path, 'rb').read()\nprint('ready', flush=True)\n"
        "while True:\n os.truncate(path, 12)\n"
        " with open(path, 'r+b', buffering=0) as file:\n  file.write(data)\n"
    )
    child = subprocess.Popen([sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE)

    with child:
        try:
            assert child.stdout is not None
            child.stdout.readline()
            verdicts = {inspect(tree, "x", local=False).wholeness for _ in range(4000)}
        finally:
            child.kill()

    assert Wholeness.BUSY not in verdicts


@pytest.mark.parametrize("kind", FILES)
def test_damaged_headers_are_no_crash(tmp_path: Path, kind: str) -> None:
    data, dice, path, tree = FILES[kind](), random.Random(11), tmp_path / "x", Tree(tmp_path)

    for _ in range(150):
        damaged = bytearray(data)
        for _ in range(dice.randint(1, 4)):
            damaged[dice.randrange(4, min(120, len(data)))] = dice.choice((0, 1, 0x7F, 0x80, 0xFF))
        path.write_bytes(damaged)
        inspect(tree, "x", local=False)


@contextmanager
def unprivileged_folder() -> Iterator[Path]:
    """A folder that every user reaches, which pytest's own are not."""
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o755)
        yield Path(name)


@contextmanager
def without_privileges() -> Iterator[None]:
    """For root: for a while somebody else."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_file_of_zeros_has_not_been_begun(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(bytes(5000))

    assert inspect(Tree(tmp_path), "x", True).wholeness is Wholeness.UNFINISHED


def test_file_shorter_than_any_picture_is_not_yet_one_of_another_kind(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(encoded()[:11])

    assert inspect(Tree(tmp_path), "x", True).wholeness is Wholeness.UNFINISHED


def test_reserved_file_stays_unfinished_however_often_it_is_looked_at(tmp_path: Path) -> None:
    data = encoded("BMP", draw(300, 200))
    handle = os.open(tmp_path / "x", os.O_WRONLY | os.O_CREAT)
    try:
        os.posix_fallocate(handle, 0, len(data))
    except OSError:
        pytest.skip("this file system does not reserve")
    os.pwrite(handle, data[:4096], 0)
    os.pwrite(handle, data[-4096:], len(data) - 4096)
    os.close(handle)

    for _ in range(3):
        found = inspect(Tree(tmp_path), "x", True)
        assert found.wholeness is Wholeness.DOUBTFUL


def test_small_tiff_that_tells_of_endless_tables_is_answered_soon(tmp_path: Path) -> None:
    # 65,535 tables of 600 kB, each of which lies upon the others: 39 GB to read in a file of 800 kB.
    entry = struct.pack("<HHII", 273, 4, 150_000, 8)
    data = b"II*\0" + struct.pack("<IH", 8, 65_535) + entry * 65_535 + bytes(4)
    (tmp_path / "x").write_bytes(data)

    begun = time.process_time()
    assert inspect(Tree(tmp_path), "x", True).wholeness is Wholeness.UNFINISHED
    assert time.process_time() - begun < 10
