"""What `watchd models quantize` reports, as text for a terminal."""

from watchd.domain.quantreport import Trial, Verdict
from watchd.report.escape import escape

_SHOWN = 6


def judged(verdict: Verdict) -> str:
    photos = f"calibrated on {verdict.calibrated_on} photos, judged on {verdict.judged_on} others"
    lines = [
        f"{escape(verdict.model)}: {photos}",
        "  ranges         fp32 layers   IoU mean   worst   speed",
        *(f"  {_row(trial, verdict.convolutions)}" for trial in verdict.trials),
        "  the best of these on the photos that were held back:",
        f"  {_row(verdict.judged, verdict.convolutions)}",
        f"  fp32 stay: {_kept(verdict.judged)}",
    ]
    if verdict.fp32 and verdict.int8:
        lines.append(
            f"  against human masks: mean absolute error {verdict.fp32.mae:.4f} → {verdict.int8.mae:.4f}, "
            f"maximum F-beta {verdict.fp32.f_beta:.4f} → {verdict.int8.f_beta:.4f}"
        )
    lines.append(f"  to look at: {escape(verdict.sheet)}")
    lines += [f"  not installed: {reason}" for reason in verdict.refusals]
    if verdict.installed:
        lines.append(f"  installed: {escape(verdict.installed)}; a profile uses it with `precision: int8`")
    return "\n".join(lines)


def _row(trial: Trial, convolutions: int) -> str:
    layers = f"{len(trial.kept)} of {convolutions}"
    return f"{trial.rule:14} {layers:>11} {trial.iou_mean:10.3f} {trial.iou_worst:7.3f} {trial.speedup:6.2f}×"


def _kept(trial: Trial) -> str:
    if not trial.kept:
        return "none"
    more = len(trial.kept) - _SHOWN
    return escape(", ".join(trial.kept[:_SHOWN])) + (f" and {more} more" if more > 0 else "")
