import os
from dataclasses import replace

import pytest
from fakes import FakeClaims, encoded, os_error, put

from watchd.domain.job import SourceFile, Stamp
from watchd.domain.profile import Ready, WatchFolder
from watchd.intake.admission import Admission, History


class Past:
    """What the receipts say; also counts how often they were asked."""

    def __init__(self) -> None:
        self.answer = History()
        self.asked = 0

    def __call__(self, source: SourceFile) -> History:
        self.asked += 1
        return self.answer


@pytest.fixture
def past() -> Past:
    return Past()


@pytest.fixture
def admission(folder: WatchFolder, claims: FakeClaims, past: Past) -> Admission:
    return Admission(folder, claims, past, lambda relative, stamp: False, lambda: True, set)


def test_settled_file_becomes_a_claimed_job(
    admission: Admission, folder: WatchFolder, claims: FakeClaims
) -> None:
    source = put(folder.inbox, "a.jpg")

    job = admission.admit(source)

    assert job is not None
    assert (job.folder, job.source, job.fault) == (folder, source, "")
    assert claims.held == {source.key: job.token}
    assert source.key.startswith(job.id)


def test_job_carries_the_fault_of_a_file_that_never_became_whole(
    admission: Admission, folder: WatchFolder
) -> None:
    job = admission.admit(put(folder.inbox, "a.jpg"), "the end is missing")

    assert job is not None
    assert job.fault == "the end is missing"


def test_file_that_someone_else_has_is_no_job(
    admission: Admission, folder: WatchFolder, claims: FakeClaims
) -> None:
    source = put(folder.inbox, "a.jpg")
    claims.others.add(source.key)

    assert admission.admit(source) is None


def test_file_that_another_daemon_finished_meanwhile_is_no_job_and_free_again(
    admission: Admission, folder: WatchFolder, claims: FakeClaims, past: Past
) -> None:
    source = put(folder.inbox, "a.jpg")
    past.answer = History(ended="delivered: a.png")

    assert admission.admit(source) is None
    assert claims.held == {}
    assert claims.released == [source.key]


def test_receipt_that_cannot_be_read_leaves_no_claim_behind(folder: WatchFolder, claims: FakeClaims) -> None:
    def trouble(source: SourceFile) -> History:
        raise OSError(5, "Input/output error")

    admission = Admission(folder, claims, trouble, lambda relative, stamp: False, lambda: True, set)

    with os_error():
        admission.admit(put(folder.inbox, "a.jpg"))

    assert claims.held == {}


def test_job_that_was_refused_frees_its_source(
    admission: Admission, folder: WatchFolder, claims: FakeClaims
) -> None:
    job = admission.admit(put(folder.inbox, "a.jpg"))
    assert job is not None

    admission.give_back(job)

    assert claims.held == {}


@pytest.mark.parametrize(
    ("kind", "word"), [("folder", "folder"), ("link", "link"), ("fifo", "FIFO"), ("socket", "socket")]
)
def test_what_is_no_regular_file_is_named(
    admission: Admission, folder: WatchFolder, kind: str, word: str
) -> None:
    path = folder.inbox / "a.jpg"
    match kind:
        case "folder":
            path.mkdir()
        case "link":
            path.symlink_to(__file__)
        case "fifo":
            os.mkfifo(path)
        case _:
            os.mknod(path, 0o140600)

    stamp, what = admission.kind("a.jpg")

    assert stamp is None
    assert word in what


def test_regular_file_is_told_by_its_stamp(admission: Admission, folder: WatchFolder) -> None:
    source = put(folder.inbox, "a.jpg")

    assert admission.kind("a.jpg") == (source.stamp, "")


def test_explanation_of_a_file_that_may_pass(admission: Admission, folder: WatchFolder, past: Past) -> None:
    put(folder.inbox, "a.jpg", encoded())

    gates = admission.explain("a.jpg")

    assert all(gate.passed and gate.answer for gate in gates)
    assert [gate.name for gate in gates][:3] == ["name", "regular file", "whole"]


@pytest.mark.parametrize(
    ("relative", "data", "stopped"),
    [
        ("a.txt", b"text, and enough of it", ("name", "suffix")),
        (".a.jpg", encoded(), ("name", "ignore list")),
        ("a.jpg", encoded()[:-30], ("whole", "end of the JPEG")),
        ("a.jpg", b"", ("whole", "empty")),
    ],
)
def test_explanation_names_the_gate_that_stops_a_file(
    admission: Admission, folder: WatchFolder, relative: str, data: bytes, stopped: tuple[str, str]
) -> None:
    put(folder.inbox, relative, data)

    (gate,) = [gate for gate in admission.explain(relative) if not gate.passed]

    assert gate.name == stopped[0]
    assert stopped[1] in gate.answer


def test_explanation_of_what_is_gone_or_no_file_stops_there(
    admission: Admission, folder: WatchFolder
) -> None:
    (folder.inbox / "folder.jpg").mkdir()

    gone, no_file = admission.explain("gone.jpg")[-1], admission.explain("folder.jpg")[-1]

    assert (gone.name, gone.passed) == ("there", False)
    assert (no_file.name, no_file.passed) == ("regular file", False)


def test_explanation_tells_the_past(admission: Admission, folder: WatchFolder, past: Past) -> None:
    put(folder.inbox, "a.jpg", encoded())
    past.answer = History(ended="rejected: too large")
    done = admission.explain("a.jpg")
    past.answer = History(wait_s=12, wait_reason="disk full")
    waiting = admission.explain("a.jpg")

    assert [gate.answer for gate in done if not gate.passed] == ["rejected: too large"]
    assert [gate.answer for gate in waiting if not gate.passed] == ["disk full; next try in 12 s"]


def test_explaining_claims_nothing(admission: Admission, folder: WatchFolder, claims: FakeClaims) -> None:
    put(folder.inbox, "a.jpg", encoded())

    admission.explain("a.jpg")

    assert claims.held == {}
    assert claims.released == []


def test_patterns_of_the_folder_are_heeded(folder: WatchFolder, claims: FakeClaims, past: Past) -> None:
    folder = replace(folder, ignore=("*_draft.*",))
    admission = Admission(folder, claims, past, lambda relative, stamp: False, lambda: True, set)

    assert admission.wanted.refusal("a_draft.jpg")


def test_known_sources_are_asked_of_the_given_memory(
    folder: WatchFolder, claims: FakeClaims, past: Past
) -> None:
    stamp = Stamp(1, 2, 3, 4)
    admission = Admission(folder, claims, past, lambda relative, found: found == stamp, lambda: True, set)

    assert not admission.open_to("a.jpg", stamp)
    assert admission.open_to("a.jpg", Stamp(1, 2, 3, 5))
    assert past.asked == 0


def test_file_is_open_to_a_look_once_its_marker_is_there(
    folder: WatchFolder, claims: FakeClaims, past: Past
) -> None:
    folder = replace(folder, ready=Ready.MARKER)
    admission = Admission(folder, claims, past, lambda relative, stamp: False, lambda: True, set)
    source = put(folder.inbox, "a.jpg", encoded())

    before = admission.open_to(source.relative, source.stamp)
    waits = [gate for gate in admission.explain("a.jpg") if not gate.passed]
    put(folder.inbox, "a.jpg.ready", b"")

    assert not before
    assert [gate.name for gate in waits] == ["ready"]
    assert "a.jpg.ready" in waits[0].answer
    assert admission.open_to(source.relative, source.stamp)
    assert all(gate.passed for gate in admission.explain("a.jpg"))


def test_file_is_done_if_it_is_no_picture_or_has_its_outcome(
    admission: Admission, folder: WatchFolder, past: Past
) -> None:
    picture, other = put(folder.inbox, "x/a.jpg"), put(folder.inbox, "x/notes.txt")

    assert not admission.done(picture.relative, picture.stamp)
    assert admission.done(other.relative, other.stamp)
    past.answer = History(ended="rejected")
    assert admission.done(picture.relative, picture.stamp)
