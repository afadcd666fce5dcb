import os
from pathlib import Path

import pytest
from fakes import FakeClaims, names, put

from watchd.domain.job import SourceFile
from watchd.store.asides import Asides
from watchd.store.atomic import temp_name
from watchd.store.receipts import Receipts
from watchd.tree import Tree

TOKEN = "t0ken-1"
ASIDE = temp_name(TOKEN)


class Bench:
    """An inbox in which a kill has left `a.jpg` aside."""

    def __init__(self, root: Path, claims: FakeClaims) -> None:
        self.inbox, self.claims = root / "inbox", claims
        self.receipts = Receipts(Tree(root / "sidecar"))
        (root / "sidecar").mkdir()
        self.source = put(self.inbox, "sub/a.jpg", b"first")
        self.receipts.begin(self.source, TOKEN)
        (self.inbox / "sub/a.jpg").rename(self.inbox / "sub" / ASIDE)

    def recover(self) -> None:
        Asides(Tree(self.inbox), self.receipts, self.claims).put_back()


@pytest.fixture
def bench(tmp_path: Path, claims: FakeClaims) -> Bench:
    return Bench(tmp_path, claims)


def test_original_that_was_left_aside_gets_its_name_back(bench: Bench) -> None:
    bench.recover()

    assert names(bench.inbox) == ["sub/a.jpg"]
    assert (bench.inbox / "sub/a.jpg").read_bytes() == b"first"


def test_new_version_that_was_caught_gets_the_name(bench: Bench) -> None:
    aside = bench.inbox / "sub" / ASIDE
    aside.unlink()
    aside.write_bytes(b"second")

    bench.recover()

    assert (bench.inbox / "sub/a.jpg").read_bytes() == b"second"


def test_newer_version_keeps_the_name_and_what_was_removed_goes(bench: Bench) -> None:
    put(bench.inbox, "sub/a.jpg", b"second")

    bench.recover()

    assert names(bench.inbox) == ["sub/a.jpg"]
    assert (bench.inbox / "sub/a.jpg").read_bytes() == b"second"


def test_of_two_newer_versions_both_stay(bench: Bench) -> None:
    aside = bench.inbox / "sub" / ASIDE
    aside.unlink()
    aside.write_bytes(b"second")
    put(bench.inbox, "sub/a.jpg", b"third")

    bench.recover()

    assert names(bench.inbox) == ["sub/a-2.jpg", "sub/a.jpg"]
    assert (bench.inbox / "sub/a-2.jpg").read_bytes() == b"second"
    assert (bench.inbox / "sub/a.jpg").read_bytes() == b"third"


def test_what_somebody_works_on_is_left_alone(bench: Bench) -> None:
    bench.claims.held[SourceFile("sub/a.jpg", bench.source.stamp).key] = TOKEN

    bench.recover()

    assert names(bench.inbox) == [f"sub/{ASIDE}"]


def test_what_no_receipt_knows_is_left_alone(bench: Bench) -> None:
    os.rename(bench.inbox / "sub" / ASIDE, bench.inbox / "sub" / temp_name("stranger"))

    bench.recover()

    assert names(bench.inbox) == [f"sub/{temp_name('stranger')}"]


def test_inbox_that_is_away_stops_nobody(bench: Bench) -> None:
    bench.inbox.rename(bench.inbox.parent / "away")

    bench.recover()

    assert names(bench.inbox.parent / "away") == [f"sub/{ASIDE}"]
