"""The status as a page that a browser opens from the share."""

import re
from dataclasses import replace
from html.parser import HTMLParser

from statuses import AT_WORK, NOON, written_everywhere

from watchd.report.status import Recent, Trouble
from watchd.report.statuspage import page

STATUS = replace(
    AT_WORK,
    counts={"delivered": 5, "rejected": 2},
    cache={"miss": 5},
    stages={"decode": 0.014, "infer": 2.0},
    recent=(Recent(NOON, "photos", "b.jpg", "delivered", 0.25, "miss"),),
    errors=(Trouble(NOON, "photos", "a.jpg", "rejected", "truncated"),),
)
EVIL = "<script>alert(1)</script>\"'&<img src=x onerror=alert(1)>{0}\x1b[31m"


class Reader(HTMLParser):
    """What a browser would see: elements with their attributes, and text."""

    def __init__(self, html: bytes) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(html.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data


def test_page_tells_what_the_status_tells() -> None:
    text = Reader(page(STATUS)).text

    for words in (
        "watchd is running",
        "3 waiting, 2 in work, 1.5/s",
        "5 delivered, 2 rejected",
        "5 miss",
        "decode 14 ms, infer 2.0 s",
        "scans  paused: disk full",
        "photos/b.jpg",
        "photos/a.jpg",
        "truncated",
    ):
        assert words in text


def test_names_are_text_and_nothing_more() -> None:
    evil, plain = Reader(page(written_everywhere(EVIL))), Reader(page(STATUS))

    assert set(evil.tags) == set(plain.tags)
    assert "script" not in evil.tags
    assert evil.attributes == plain.attributes
    assert evil.text.count("<script>alert(1)</script>") >= 14
    assert "\x1b" not in evil.text


def test_page_refreshes_itself_and_fetches_nothing() -> None:
    html = page(STATUS).decode()

    assert '<meta http-equiv="refresh" content="5">' in html
    assert "default-src 'none'" in html
    assert not re.search(r"(?:src|href)=|https?:|url\(", html)


def test_name_that_is_no_text_is_shown_all_the_same() -> None:
    assert "caf\\xe9.onnx" in page(replace(STATUS, model="caf\udce9.onnx")).decode()


def test_daemon_that_has_done_nothing_yet_has_a_page() -> None:
    young = replace(STATUS, counts={}, cache={}, stages={}, recent=(), errors=())

    html = page(young).decode()

    assert "nothing" in html
    assert "Last" not in html
