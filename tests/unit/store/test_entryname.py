import pytest

from watchd.store.entryname import EntryName

PHASH, SHA16 = "9f" * 32, "0123456789abcdef"
NAME = f"{PHASH}_6000x4000_{SHA16}.png"


def test_name_is_read_back_from_its_text() -> None:
    entry = EntryName(PHASH, 6000, 4000, SHA16)

    assert str(entry) == NAME
    assert EntryName.parse(NAME) == entry


def test_longest_name_fits_into_any_file_system() -> None:
    assert len(str(EntryName(PHASH, 999_999, 999_999, SHA16))) == 99


def test_shard_is_that_of_the_digest() -> None:
    assert EntryName(PHASH, 1, 1, "7c" + SHA16[2:]).shard == "7c"


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".DS_Store",
        f".{NAME}",
        f"{NAME}~",
        f"{NAME}\n",
        NAME.upper(),
        NAME.replace(".png", ".jpg"),
        NAME.replace("9f", "9g", 1),
        NAME.replace("9f", "f", 1),
        NAME.replace("6000", "0600"),
        NAME.replace("6000", "0"),
        NAME.replace("6000", "1000000"),
        NAME.replace("6000", "٦٠٠"),
        NAME.replace(SHA16, SHA16[1:]),
        NAME.replace(SHA16, SHA16 + "0"),
        f"../{NAME}",
    ],
)
def test_any_other_name_is_not_ours(name: str) -> None:
    assert EntryName.parse(name) is None
