"""What went wrong with single cases, in words."""

import html

from slicer.i18n import tr as _

from .Cohort import MeasuredCohort

__all__ = ["describeProblems"]

_MOST = 12


def describeProblems(cohort: MeasuredCohort | None) -> str:
    """List the cases that do not count, and why.

    Args:
        cohort: The measured cohort, or None.

    Returns:
        Rich text; empty if all is well.
    """
    problems = cohort.problems if cohort else ()
    if not problems:
        return ""
    lines = [
        f"<b>{html.escape(problem.case)}</b>: {html.escape(problem.message)}"
        for problem in problems[:_MOST]
    ]
    if len(problems) > _MOST:
        lines.append(_("... and {n} more.").format(n=len(problems) - _MOST))
    head = _("Not everything counts (problems: {n}):").format(n=len(problems))
    return "".join(f'<p style="margin:0 0 2px 0">{line}</p>' for line in (head, *lines))
