from pathlib import Path

import pytest
from fakes import put

from watchd.domain.errors import ConfigError
from watchd.domain.profile import Profile
from watchd.intake.rules import RULE, Rules
from watchd.tree import Tree


class Bench:
    """Rules that say the name of a profile, or "wrong"."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.asked: list[str] = []
        self.shown: list[tuple[str, str]] = []
        self.trouble: OSError | None = None
        self.rules = Rules(Tree(root), self.read, self.show)

    def read(self, text: bytes, where: str) -> Profile:
        self.asked.append(where)
        if text == b"wrong":
            raise ConfigError(f"{where}: wrong")
        return Profile(text.decode())

    def show(self, folder: str, problem: str) -> None:
        if self.trouble:
            raise self.trouble
        self.shown.append((folder, problem))

    def rule(self, folder: str, text: str) -> None:
        put(self.root, f"{folder}/{RULE}" if folder else RULE, text.encode())

    def of(self, relative: str) -> str:
        verdict = self.rules.of(relative)
        return verdict.problem or (verdict.profile.name if verdict.profile else "")


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    (tmp_path / "a" / "b").mkdir(parents=True)
    return Bench(tmp_path)


def test_nearest_rule_holds(bench: Bench) -> None:
    none = bench.of("a/b/x.jpg")
    bench.rule("", "top")
    bench.rule("a/b", "deep")

    assert none == ""
    assert [bench.of(path) for path in ("x.jpg", "a/x.jpg", "a/b/x.jpg")] == ["top", "top", "deep"]


def test_rule_is_read_once_until_it_changes(bench: Bench) -> None:
    bench.rule("a", "one")
    before = [bench.of("a/x.jpg"), bench.of("a/y.jpg")]
    bench.rule("a", "another")

    assert before == ["one", "one"]
    assert bench.of("a/x.jpg") == "another"
    assert bench.asked == [f"a/{RULE}"] * 2


def test_wrong_rule_is_shown_until_it_is_right(bench: Bench) -> None:
    bench.rule("a", "wrong")
    problem = bench.of("a/b/x.jpg")
    wrong, early = bench.rules.wrong, bench.rules.mended()
    bench.rule("a", "right")

    assert problem == f"a/{RULE}: wrong"
    assert (wrong, early) == ({f"a/{RULE}": problem}, [])
    assert bench.rules.mended() == ["a"]
    assert bench.rules.wrong == {}
    assert bench.shown == [("a", problem), ("a", "")]


def test_wrong_rule_that_is_removed_holds_up_nobody(bench: Bench) -> None:
    bench.rule("a", "wrong")
    bench.of("a/x.jpg")
    (bench.root / "a" / RULE).unlink()

    assert bench.rules.mended() == ["a"]
    assert bench.of("a/x.jpg") == ""
    assert bench.shown[-1] == ("a", "")


@pytest.mark.parametrize("text", ["", " \n", "x" * 4097])
def test_rule_that_says_nothing_or_too_much_is_not_read(bench: Bench, text: str) -> None:
    bench.rule("a", text)

    assert bench.of("a/x.jpg").startswith(f"a/{RULE}: it")
    assert bench.asked == []


def test_rule_that_is_a_link_is_not_followed(bench: Bench, tmp_path: Path) -> None:
    put(tmp_path, "elsewhere", b"stolen")
    (tmp_path / "a" / RULE).symlink_to(tmp_path / "elsewhere")

    assert "cannot be read" in bench.of("a/x.jpg")
    assert bench.asked == []


def test_rule_whose_problem_cannot_be_shown_holds_all_the_same(bench: Bench) -> None:
    bench.trouble = OSError(30, "Read-only file system")
    bench.rule("a", "wrong")

    assert bench.of("a/x.jpg") == f"a/{RULE}: wrong"


def test_without_a_reader_there_are_no_rules(bench: Bench) -> None:
    bench.rule("a", "wrong")
    rules = Rules(Tree(bench.root))

    assert rules.of("a/x.jpg").problem == ""
    assert rules.folder_of(f"a/{RULE}") is None
