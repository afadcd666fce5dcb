"""The table of what was tried."""

from dataclasses import replace

from watchd.domain.quantreport import Accuracy, Trial, Verdict
from watchd.report.quantview import judged

ALL = Trial("least error", (), iou_mean=0.844, iou_worst=0.6, speedup=2.74)
BEST = Trial("least error", ("conv96", "conv97"), iou_mean=0.994, iou_worst=0.98, speedup=2.38)
VERDICT = Verdict("u2netp", 48, 24, 119, (ALL, BEST), replace(BEST, iou_mean=0.98), None, None, "int8.png")


def test_every_try_has_a_row_and_the_verdict_another() -> None:
    text = judged(replace(VERDICT, installed="/m/u2netp.int8.onnx"))

    assert "0 of 119      0.844   0.600   2.74×" in text
    assert "2 of 119      0.994   0.980   2.38×" in text
    assert "2 of 119      0.980   0.980   2.38×" in text
    assert "fp32 stay: conv96, conv97" in text
    assert "installed: /m/u2netp.int8.onnx" in text


def test_refusal_is_told_in_place_of_the_file() -> None:
    text = judged(replace(VERDICT, refusals=("it is too slow",)))

    assert "not installed: it is too slow" in text
    assert "`precision: int8`" not in text


def test_accuracy_is_told_where_human_masks_were_given() -> None:
    text = judged(replace(VERDICT, fp32=Accuracy(0.0362, 0.9452), int8=Accuracy(0.0364, 0.9437)))

    assert "mean absolute error 0.0362 → 0.0364, maximum F-beta 0.9452 → 0.9437" in text


def test_many_layers_are_counted_not_listed() -> None:
    kept = tuple(f"conv{number}" for number in range(20))

    assert "conv5 and 14 more" in judged(replace(VERDICT, judged=replace(BEST, kept=kept)))
