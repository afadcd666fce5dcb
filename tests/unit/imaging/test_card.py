"""What is told of a network before it is chosen."""

import pytest

from watchd.imaging.card import card
from watchd.imaging.models import KNOWN


def test_card_of_builtin_tells_what_it_was_trained_on_its_scores_limits_and_licence() -> None:
    text = card(KNOWN["builtin"])

    for told in ("Trained on: DUTS-TR", "max F-beta", "Limits:", f"Licence: {KNOWN['builtin'].licence}"):
        assert told in text
    assert f"Size: {KNOWN['builtin'].megabytes:g} MB" in text


@pytest.mark.parametrize("spec", [spec for spec in KNOWN.values() if spec.url], ids=lambda spec: spec.name)
def test_card_of_a_network_of_others_is_its_row_of_the_table(spec) -> None:
    text = card(spec)

    for told in (spec.good_for, spec.url, spec.checksum, spec.licence, f"{spec.megabytes:g} MB"):
        assert told in text
