"""Numbers of an operating point in words, with the rule that they hold under."""

import html
import math

from slicer.i18n import tr as _

from .Curves import Interval, OrganCurve

__all__ = ["describePoint"]


def describePoint(curve: OrganCurve | None, reason: str = "") -> str:
    """Write what the current threshold gives.

    Args:
        curve: The current organ's, or None.
        reason: Why this threshold was chosen, or why another cannot be.

    Returns:
        Rich text.
    """
    if curve is None:
        return _("Nothing is measured yet.")
    lines = [_describeCohort(curve)]
    if not curve.curve.thresholds.size:
        lines.append(_("There is no candidate at any threshold."))
    elif curve.point is not None:
        lines += _describe(curve)
    if reason:
        lines.append(html.escape(reason))
    lines.append(f"<i>{html.escape(curve.rule.text)} {html.escape(_falsePositives(curve))}</i>")
    return "".join(f'<p style="margin:0 0 3px 0">{line}</p>' for line in lines)


def _describeCohort(curve: OrganCurve) -> str:
    table = curve.curve
    if not table.n_lesions:
        return _("{scans} scans without lesions: no sensitivity, false positives only.").format(
            scans=table.n_scans
        )
    return _("{lesions} lesions in {scans} scans, {clear} of them without any tumor.").format(
        lesions=table.n_lesions, scans=table.n_scans, clear=table.n_clear
    )


def _describe(curve: OrganCurve) -> list[str]:
    point, table = curve.point, curve.curve
    sensitivity, fp = curve.intervals()
    lines = []
    if table.n_lesions:
        lines.append(
            _("<b>Sensitivity {value}</b>{interval}: {found} of {all} lesions").format(
                value=f"{point.sensitivity:.1%}",
                interval=_interval(sensitivity, "{:.1%}"),
                found=point.tp,
                all=table.n_lesions,
            )
        )
    lines.append(
        _("<b>{value} FP per scan</b>{interval}").format(
            value=f"{point.fp_per_scan:.3g}", interval=_interval(fp, "{:.3g}")
        )
    )
    if not math.isnan(point.fp_per_clear_scan):
        lines[-1] += _("; {value} per scan without any tumor").format(
            value=f"{point.fp_per_clear_scan:.3g}"
        )
    return lines


def _interval(ends: Interval | None, form: str) -> str:
    if ends is None:
        return ""
    low, high = (form.format(end) for end in ends)
    return _(" (95 % CI {low} to {high})").format(low=low, high=high)


def _falsePositives(curve: OrganCurve) -> str:
    least = curve.sweeps[0].options.min_volume_mm3
    text = (
        _("False positives: components of {least} mm3 or more that hit nothing.")
        if curve.curve.strict
        else _("False positives: components of {least} mm3 or more that touch no lesion.")
    )
    return text.format(least=f"{least:g}")
