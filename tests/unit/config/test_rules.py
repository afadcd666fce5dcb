from pathlib import Path

import pytest
from fakes import watch_folder

from watchd.config.rules import read_rule
from watchd.domain.errors import ConfigError
from watchd.domain.profile import Encode, Precision, Profile, Refine, WatchFolder
from watchd.domain.reuse import CachePolicy

DEFAULT = Profile()
PORTRAIT = Profile("portrait", model="u2net_human_seg", encode=Encode.SMALL)
QUICK = Profile("quick", model=Precision.INT8.of("u2netp"))


@pytest.fixture
def folder(tmp_path: Path) -> WatchFolder:
    return watch_folder(tmp_path, choices=(DEFAULT, PORTRAIT, QUICK))


def read(folder: WatchFolder, text: str) -> Profile:
    return read_rule(text.encode(), "sub/.watchd.yml", folder)


def refusal(folder: WatchFolder, text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        read(folder, text)
    return str(caught.value)


def test_rule_names_another_profile(folder: WatchFolder) -> None:
    assert read(folder, "profile: portrait") == PORTRAIT


def test_rule_changes_some_keys_of_a_profile(folder: WatchFolder) -> None:
    keys = "encode: fast\nrefine: none\ndecontaminate: true\ncache: {outputs: false}"

    made = read(folder, f"profile: portrait\n{keys}")

    assert made.model == "u2net_human_seg"
    assert made.encode is Encode.FAST
    assert made.refine is Refine.NONE
    assert made.decontaminate
    assert made.cache == CachePolicy(outputs=False)


def test_rule_names_a_network_that_a_profile_has(folder: WatchFolder) -> None:
    assert read(folder, "model: u2net_human_seg").model == "u2net_human_seg"
    assert read(folder, "model: u2netp\nprecision: int8").model == QUICK.model
    assert read(folder, "model: u2net_human_seg").encode is Encode.FAST


def test_rule_switches_nothing_on_that_is_off(tmp_path: Path) -> None:
    off = Profile(cache=CachePolicy(enabled=False, perceptual=False))
    folder = watch_folder(tmp_path, profile=off, choices=(off,))

    made = read(folder, "cache: {enabled: true, perceptual: true, strict: true}")

    assert made.cache == CachePolicy(enabled=False, perceptual=False, max_distance=8, min_edge_agreement=0.8)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            "profile: landscape",
            "1: profile: no profile 'landscape': the configuration has default, portrait, quick",
        ),
        (
            "encode: fast\nmodel: birefnet-general",
            "2: model: no profile has 'birefnet-general': there are builtin",
        ),
        ("model: ../../etc/passwd.onnx", "model: no profile has"),
        ("precision: int8", "1: precision: give model, too"),
        ("encode: tiny", "1: encode: 'tiny' is not allowed: fast or small"),
        (
            "after: delete",
            "1: after: unknown key: a rule may have profile, model, precision, encode, refine, decontaminate",
        ),
        ("cache: {dir: /etc}", "1: cache.dir: unknown key"),
        ("[a, b]", "keys with their values are expected"),
        ("profile: [", "not valid YAML"),
        ("encode: !!python/object/apply:os.system [true]", "encode: a list is not allowed"),
        ("a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]", "aliases"),
        ("[" * 2000, "nested too deeply"),
        ("encode: fast\nencode: small", "2: encode: given twice"),
    ],
)
def test_rule_that_is_wrong_is_refused_with_its_line(folder: WatchFolder, text: str, reason: str) -> None:
    found = refusal(folder, text)

    assert found.startswith("sub/.watchd.yml")
    assert reason in found


def test_rule_that_is_no_text_is_refused(folder: WatchFolder) -> None:
    with pytest.raises(ConfigError, match="not UTF-8"):
        read_rule(b"\xff\xfe", "a/.watchd.yml", folder)
