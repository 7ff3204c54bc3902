"""`atlastumor batch`: one model over many scans, to be taken up again where it was broken off.

Exit codes: 0 if every case is done, 3 if some are quarantined or some inputs were no scan; results
of all others stand.
"""

from __future__ import annotations

import argparse
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from ..errors import AtlasTumorError, UsageError
from ..progress import CancelToken
from .arguments import parse_count, parse_gpus
from .cluster_options import add_cluster_options, open_cohort_cluster
from .console import Console
from .segmenting import add_segmentation, read_settings

if TYPE_CHECKING:
    from ..cohorts.batch import BatchSummary
    from ..cohorts.running import CaseEnd
    from ..cohorts.settings import BatchSettings

    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

__all__ = ["add_parser", "run"]

_VERBS = """\
later, with OUT alone:
  atlastumor batch status OUT          where it stands, while it runs too; --verify reads all,
                                       --cases lists them
  atlastumor batch report OUT          dashboard.html, and tables of cases, organs and tumors
  atlastumor batch retry-failed OUT    try again what is quarantined

The same command again goes on where the last one was broken off, by Ctrl-C or otherwise.
"""


def add_parser(subparsers: Subparsers) -> argparse.ArgumentParser:
    """Declare the subcommand.

    Args:
        subparsers: Where to declare it.

    Returns:
        Its parser.
    """
    parser = subparsers.add_parser(
        "batch",
        help="segment many scans, on one computer or several",
        epilog=_VERBS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "inputs",
        nargs="+",
        metavar="IN",
        help="scans, folders of any depth, DICOM trees and zips, .csv manifests, patterns",
    )
    parser.add_argument("-o", "--output", type=Path, metavar="OUT", help="folder for the results")
    add_segmentation(parser)
    parser.add_argument(
        "--series", default="best", help="of a DICOM study: best, all, or a series UID (best)"
    )
    _add_work(parser.add_argument_group("work"))
    return parser


def _add_work(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--list", action="store_true", help="only show the cases, and what they will take"
    )
    group.add_argument(
        "--workers", type=parse_count(1), metavar="N", help="processes (by cores and memory)"
    )
    group.add_argument("--gpus", type=parse_gpus, default=(), metavar="N,...", help="such as 0,1")
    add_cluster_options(group)
    group.add_argument(
        "--retries", type=parse_count(0), default=2, metavar="N", help="of a case (2)"
    )
    group.add_argument(
        "--rebuild", action="store_true", help="make the journal anew; whole results are kept"
    )
    group.add_argument("--verify", action="store_true", help="with status: read all results")
    group.add_argument("--cases", action="store_true", help="with status: every case")
    group.add_argument("--parquet", action="store_true", help="with report: Parquet, too")


def run(options: argparse.Namespace, console: Console) -> None:
    """Segment a cohort, or do what a word before its folder says.

    Args:
        options: What `add_parser` declares.
        console: Where to report.

    Raises:
        AtlasTumorError: If options or folders cannot be used, or some cases failed.
    """
    first, *rest = options.inputs
    verbs: dict[str, Callable[[Path, argparse.Namespace, Console], None]] = {
        "status": _status,
        "report": _report,
        "retry-failed": _retry,
    }
    if options.output is None and first in verbs:
        if len(rest) != 1:
            msg = f"'{first}' wants one folder: atlastumor batch {first} OUT"
            raise UsageError(msg)
        verbs[first](Path(rest[0]), options, console)
    elif options.output is None:
        msg = "Name a folder for the results with -o, or a word such as status before the folder"
        raise UsageError(msg)
    elif options.list:
        _list(options, console)
    else:
        _segment(options, console)


def _segment(options: argparse.Namespace, console: Console) -> None:
    """Begin or go on."""
    settings = read_settings(options)
    from ..cohorts.batch import run_batch  # noqa: PLC0415 - pulls in scipy

    with _cancelled_by_signals() as cancel:
        summary = run_batch(
            options.inputs,
            options.output,
            settings,
            series=options.series,
            rebuild=options.rebuild,
            cancel=cancel,
            **_read_work(options, console, settings, options.output, options.inputs),
        )
    _conclude(summary, console)


def _retry(directory: Path, options: argparse.Namespace, console: Console) -> None:
    from ..cohorts.batch import retry_failed  # noqa: PLC0415 - pulls in scipy
    from ..cohorts.folder import CohortFolder  # noqa: PLC0415 - see above
    from ..cohorts.journal import Journal  # noqa: PLC0415 - see above

    with Journal.read(CohortFolder(directory).journal) as journal:
        settings, asked = journal.settings, journal.inputs
        # The cases of a service came from these folders.
        inputs = asked["inputs"] if asked else {str(one.case.path.parent) for one in journal.rows()}
    how = _read_work(options, console, settings, directory, sorted(inputs))
    with _cancelled_by_signals() as cancel:
        summary = retry_failed(directory, cancel=cancel, **how)
    _conclude(summary, console)


@contextmanager
def _cancelled_by_signals() -> Iterator[CancelToken]:
    """Stop between two steps and not within one; a second signal does not wait for that."""
    cancel = CancelToken()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        if cancel.is_cancelled:
            raise KeyboardInterrupt
        cancel.cancel()

    before = {one: signal.signal(one, stop) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield cancel
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def _read_work(
    options: argparse.Namespace,
    console: Console,
    settings: BatchSettings,
    directory: Path,
    inputs: Sequence[str],
) -> dict[str, Any]:
    """Who works, and who is told; the fields of `HowToRun`."""

    def tell(end: CaseEnd) -> None:
        seconds = round(end.outcome.total_seconds, 2) if end.outcome is not None else None
        console.case(end.id, end.state, end.reason, seconds)

    return {
        "executor": open_cohort_cluster(
            options, settings, directory=directory, inputs=inputs, say=console.note
        ),
        "device": options.device,
        "n_workers": options.workers,
        "gpus": options.gpus,
        "retries": options.retries,
        "on_pace": partial(console.progress, guesses=False),
        "on_end": tell,
        "on_note": console.note,
    }


def _conclude(summary: BatchSummary, console: Console) -> None:
    """Name what was made; what failed is an error, but the last thing that happens."""
    from ..cohorts.rows import State  # noqa: PLC0415 - see above

    for problem in summary.problems:
        console.note(f"{problem.case}: {problem.message}")
    console.say(f"Cases: {summary.counts[State.DONE]} of {summary.n_cases} done.")
    counts = {str(state): n for state, n in summary.counts.items()}
    told = [{"case": one.case, "message": one.message} for one in summary.problems]
    console.result(summary.directory, [summary.directory / "cases"], counts=counts, problems=told)
    if summary.is_complete:
        return
    msg = (
        f"{summary.counts[State.QUARANTINED]} of {summary.n_cases} cases failed, and "
        f"{len(summary.problems)} inputs were no scan; the results of all others stand. See "
        f"`atlastumor batch status {summary.directory}`."
    )
    raise AtlasTumorError(msg)


def _status(directory: Path, options: argparse.Namespace, console: Console) -> None:
    if options.cases:
        from .batch_cases import show_all_cases  # noqa: PLC0415 - pulls in scipy

        show_all_cases(directory, console)
        return
    from .batch_status import show_status  # noqa: PLC0415 - pulls in numpy

    show_status(directory, console, is_thorough=options.verify)


def _list(options: argparse.Namespace, console: Console) -> None:
    from .batch_list import show_cases  # noqa: PLC0415 - pulls in scipy

    show_cases(options, read_settings(options), console)


def _report(directory: Path, options: argparse.Namespace, console: Console) -> None:
    from ..cohorts.dashboard import write_dashboard  # noqa: PLC0415 - pulls in scipy
    from ..cohorts.tables import write_tables  # noqa: PLC0415 - pulls in scipy

    files = write_tables(directory, parquet=options.parquet, progress=console.progress)
    console.result(directory, [write_dashboard(directory), *files])
