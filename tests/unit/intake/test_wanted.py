import pytest

from watchd.intake.wanted import Wanted

PICTURES = [
    "a.jpg",
    "A.JPG",
    "a.JpEg",
    "a.jpe",
    "a.jfif",
    "a.png",
    "a.webp",
    "a.tif",
    "a.TIFF",
    "a.gif",
    "a.bmp",
    "a.avif",
    "sub/deep/a.jpg",
    "a b.jpg",
    "ü.jpg",
    "a.tar.jpg",
    "new\nline.jpg",
    "~a.jpg",
    "@a.jpg",
    "#a.jpg",
    "part.jpg",
    "a.part.jpg",
    "download/a.jpg",
    "recycle/a.jpg",
    "tmp/a.jpg",
    "icon.jpg",
]
LEFTOVERS = {
    "macOS": [
        ".DS_Store",
        "._a.jpg",
        "__MACOSX/a.jpg",
        "__MACOSX/sub/a.jpg",
        ".Trashes/1/a.jpg",
        "Icon\r",
        ".Spotlight-V100/a.jpg",
        ".fseventsd/a.jpg",
        ".TemporaryItems/a.jpg",
    ],
    "Windows": [
        "Thumbs.db",
        "THUMBS.DB",
        "ehthumbs.db",
        "desktop.ini",
        "Desktop.ini",
        "$RECYCLE.BIN/S-1/a.jpg",
        "$Recycle.Bin/a.jpg",
        "System Volume Information/a.jpg",
    ],
    "Office": ["~$a.jpg", "sub/~$report.png"],
    "Synology": [
        "@eaDir/a.jpg",
        "sub/@eaDir/a.jpg/SYNOPHOTO_THUMB_M.jpg",
        "#recycle/a.jpg",
        "#snapshot/x/a.jpg",
    ],
    "QNAP": [".@__thumb/a.jpg", "@Recycle/a.jpg", "@Recently-Snapshot/a.jpg", ".@upload_cache/a.jpg"],
    "Syncthing": [".syncthing.a.jpg.tmp", "~syncthing~a.jpg.tmp", ".stfolder/a.jpg", ".stversions/a.jpg"],
    "Resilio": ["a.jpg.!sync", "a.jpg.!Sync", ".sync/Archive/a.jpg", "a.bts"],
    "browsers": [
        "a.jpg.part",
        "a.jpg.crdownload",
        "a.jpg.download",
        "a.jpg.download/a.jpg",
        "a.jpg.opdownload",
        "Unconfirmed 1234.crdownload",
        "a.jpg.partial",
    ],
    "WinSCP": ["a.jpg.filepart"],
    "rsync": [".a.jpg.a1B2c3", ".~tmp~/a.jpg", ".rsync-partial/a.jpg"],
    "others": [
        "a.jpg.aria2",
        "a.jpg.!ut",
        "a.jpg.tmp",
        "a.jpg.temp",
        "lost+found/a.jpg",
        ".unison.a.jpg.1.unison.tmp",
        "a.jpg.unison.tmp",
        ".watchd-1234.tmp",
        ".watchd/a.jpg",
        ".nfs000000000001.jpg",
        ".git/a.jpg",
    ],
}


@pytest.mark.parametrize("relative", PICTURES)
def test_picture_is_wanted(relative: str) -> None:
    assert Wanted().refusal(relative) == ""


@pytest.mark.parametrize(
    "relative",
    [pytest.param(name, id=f"{who}: {name!r}") for who, names in LEFTOVERS.items() for name in names],
)
def test_what_systems_and_tools_leave_about_is_ignored(relative: str) -> None:
    assert "ignore list" in Wanted().refusal(relative)


@pytest.mark.parametrize("relative", ["a.txt", "a", "a.jpg.txt", "a.heic", "jpg", "a.jpg ", "a."])
def test_other_suffix_is_named_with_those_that_are_wanted(relative: str) -> None:
    refusal = Wanted().refusal(relative)

    assert "suffix" in refusal
    assert ".jpg" in refusal


def test_folder_on_the_ignore_list_is_named() -> None:
    assert "'@eaDir'" in Wanted().refusal("sub/@eaDir/a.jpg")


@pytest.mark.parametrize(
    ("pattern", "relative", "ignored"),
    [
        ("*_draft.*", "a_draft.jpg", True),
        ("*_draft.*", "A_DRAFT.JPG", True),
        ("*_draft.*", "sub/a_draft.jpg", True),
        ("*_draft.*", "a.jpg", False),
        ("raw", "raw/a.jpg", True),
        ("raw", "raw.jpg", False),
        ("2023/*", "2023/a.jpg", True),
        ("2023/*", "2024/a.jpg", False),
        ("2023/*", "old/2023/a.jpg", False),
        ("sub/a.jpg", "sub/a.jpg", True),
        ("IMG_[0-3]*", "IMG_2.jpg", True),
        ("IMG_[0-3]*", "IMG_4.jpg", False),
    ],
)
def test_patterns_of_the_watch_folder_are_heeded(pattern: str, relative: str, ignored: bool) -> None:
    assert bool(Wanted([pattern]).refusal(relative)) == ignored


def test_file_in_a_folder_that_a_scan_does_not_enter_is_refused_when_an_event_tells_of_it() -> None:
    wanted = Wanted(["private/raw"])

    assert not wanted.enters("private/raw")
    assert wanted.refusal("private/raw/a.jpg")
    assert wanted.refusal("private/raw/deep/a.jpg")


@pytest.mark.parametrize("folder", ["sub", "sub/deep", "x.jpg", "2024"])
def test_scan_enters_a_folder(folder: str) -> None:
    assert Wanted().enters(folder)


@pytest.mark.parametrize("folder", ["@eaDir", "sub/@eaDir", ".hidden", "#recycle", "x.download", "__MACOSX"])
def test_scan_does_not_enter_what_is_ignored(folder: str) -> None:
    assert not Wanted().enters(folder)
