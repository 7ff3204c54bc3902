"""`atlastumor review`: what a review amounts to, how long it took, and its truth as files."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import UsageError
from .console import Console

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

    from ..review.lines import LogContent

__all__ = ["add_parser", "run"]


def add_parser(subparsers: Subparsers) -> argparse.ArgumentParser:
    """Declare the subcommand.

    Args:
        subparsers: Where to declare it.

    Returns:
        Its parser.
    """
    parser = subparsers.add_parser(
        "review", help="say what a review amounts to; export the reviewed truth"
    )
    parser.add_argument("review", type=Path, metavar="REVIEW", help="the review's folder")
    parser.add_argument(
        "--predictions", type=Path, metavar="DIR", help="the predictions that were reviewed"
    )
    parser.add_argument(
        "-o", "--output", type=Path, metavar="DIR", help="export the truth of finished scans"
    )
    parser.add_argument(
        "--format",
        dest="formats",
        action="append",
        metavar="FORMAT",
        help="nifti (always written), seg.nrrd, dicom-seg, dicom-sr, dicom-sc; separated by commas "
        "or repeated",
    )
    parser.add_argument(
        "--role", type=_role, metavar="ROLE", help="export scans finished in this role alone"
    )
    parser.add_argument(
        "--scans", type=Path, metavar="DIR", help="DICOM series CASE/, for dicom-seg"
    )
    return parser


def run(options: argparse.Namespace, console: Console) -> None:
    """Report on a review, and export it if asked.

    Args:
        options: As parsed.
        console: Where to speak.

    Raises:
        UsageError: If an export lacks the predictions.
        AtlasTumorError: If the review cannot be used.
    """
    if options.output is not None and options.predictions is None:
        msg = "an export needs the predictions that were reviewed; add --predictions DIR"
        raise UsageError(msg)
    from ..review import read_log  # noqa: PLC0415 - pulls in scipy

    content = read_log(options.review)
    report = _report(content)
    for note in content.notes:
        console.note(note)
    if options.output is None:
        console.table(_count(content))
        for text in report["times"].values():
            console.say(text)
        if console.as_json:
            console.result(options.review, [], **report)
        return
    _export(options, console, report)


def _report(content: LogContent) -> dict[str, Any]:
    """Times in words, by role."""
    from ..review import ROLES, measure_times  # noqa: PLC0415 - see above

    return {"times": {role: measure_times(content.entries, role).describe() for role in ROLES}}


def _count(content: LogContent) -> list[dict[str, Any]]:
    """One row per role: scans finished, and decisions that stand."""
    from ..review import ROLES, fold  # noqa: PLC0415 - see above

    scans = fold(content.entries).scans.values()
    standing = [decision for scan in scans for decision in scan.list_standing()]
    rows = []
    for role in ROLES:
        kinds = [entry.kind for entry in standing if entry.role == role]
        rows.append(
            {
                "role": role,
                "finished": f"{sum(role in scan.done for scan in scans)}/{content.basis.n_cases}",
                "accepted": kinds.count("accept"),
                "removed": kinds.count("reject"),
                "added": kinds.count("add"),
                "border_edited": kinds.count("border"),
            }
        )
    return rows


def _export(options: argparse.Namespace, console: Console, report: dict[str, Any]) -> None:
    from ..review.export import export_review  # noqa: PLC0415 - pulls in scipy and nibabel

    done = export_review(
        options.review,
        options.predictions,
        options.output,
        formats=[word for text in options.formats or ["nifti"] for word in text.split(",")],
        role=options.role,
        scans=options.scans,
        progress=console.progress,
    )
    for note in done.notes:
        console.note(note)
    for one in done.skipped:
        console.note(f"{one.scan}: {one.message}")
    skipped = {one.scan: one.message for one in done.skipped}
    files = [options.output / name for name in done.written]
    console.result(options.output, files, skipped=skipped, notes=list(done.notes), **report)


def _role(text: str) -> str:
    from ..review import ROLES  # noqa: PLC0415 - see above

    if text not in ROLES:
        msg = f"there is no role '{text}'; choose one of {', '.join(ROLES)}"
        raise argparse.ArgumentTypeError(msg)
    return text
