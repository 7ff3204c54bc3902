"""`atlastumor collect`: folders of data sets into one cohort to train on."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InputError, OutputError, UsageError
from ..progress import Progress, part_of
from .arguments import parse_count, parse_organs
from .console import Console

if TYPE_CHECKING:
    from ..batch.cases import Problem
    from ..collections import Collection, CollectionCase

    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

__all__ = ["add_parser", "run"]

_BYTES_PER_CASE = 1_500_000_000
"""Of the largest usual scan: int16, its labels, a label file, and that file translated."""

_STAGE = "Reading cases"
_READ = 0.97


def add_parser(subparsers: Subparsers) -> argparse.ArgumentParser:
    """Declare the subcommand.

    Args:
        subparsers: Where to declare it.

    Returns:
        Its parser.
    """
    parser = subparsers.add_parser(
        "collect", help="read folders of data sets into one cohort, and find copies of scans"
    )
    parser.add_argument("folders", type=Path, nargs="+", help="data sets, as unpacked")
    parser.add_argument("-o", "--output", type=Path, required=True, help="the cohort, a .json file")
    parser.add_argument(
        "--kind", metavar="KIND", help="layout of all folders, if they are not recognized"
    )
    parser.add_argument(
        "--tumors",
        type=parse_organs,
        action="extend",
        default=[],
        metavar="ORGAN,...",
        help="organs whose tumors your own label maps outline wherever they outline the organ",
    )
    parser.add_argument(
        "--validation", type=float, metavar="X", help="share of the scans to validate on (none)"
    )
    parser.add_argument("--seed", type=parse_count(0), default=0, help="of that choice (0)")
    parser.add_argument(
        "--workers", type=parse_count(1), metavar="N", help="processes (as memory and cores allow)"
    )
    return parser


def run(options: argparse.Namespace, console: Console) -> None:
    """Read every case once, find copies, and write the cohort and the table of leakage.

    Args:
        options: What `add_parser` declares.
        console: Where to report.

    Raises:
        AtlasTumorError: If no case can be used, or options or output cannot; no cohort is then
            written.
    """
    from ..collections import Collection, divide_cases, write_cohort, write_leakage  # noqa: PLC0415

    _check_share(options.validation)
    _check_output(options.output)
    listed = _list_cases(options, console)
    progress = part_of(console.progress, 0.0, _READ)
    cases, problems = _check_cases(listed, options.workers, progress)
    if not cases:
        msg = f"None of {len(problems)} cases can be used. The first: {problems[0].message}"
        raise InputError(msg)
    if options.validation is not None:
        cases = divide_cases(cases, options.validation, seed=options.seed)
    console.progress(_READ, "Writing the cohort")
    table = options.output.with_name(f"{options.output.stem}_leakage.csv")
    groups = write_leakage(table, cases)
    cohort = write_cohort(options.output, Collection(tuple(cases), tuple(problems), listed.notes))
    console.progress(1.0, "Writing the cohort")
    for text in (*(f"{one.case}: {one.message}" for one in problems), *listed.notes):
        console.note(text)
    console.table(_make_rows(cases, problems))
    n_scans = len(cases) - sum(len(group) - 1 for group in groups)
    console.say(f"Cases: {len(cases)}, of {n_scans} different scans. Copies are in {table.name}.")
    told = [{"case": one.case, "message": one.message} for one in problems]
    console.result(cohort.resolve().parent, [cohort, table], problems=told)


def _check_share(share: float | None) -> None:
    """Refuse what cannot be divided by before the scans are read, not after."""
    if share is not None and not 0.0 < share < 1.0:
        msg = f"--validation is {share:g}; name a share above 0 and below 1, such as 0.2."
        raise UsageError(msg)


def _check_output(path: Path) -> None:
    """Fail before the scans are read, not after."""
    from ..results.staging import try_writing  # noqa: PLC0415

    if path.suffix != ".json" or path.is_dir():
        msg = f"The output is '{path}'; name a .json file."
        raise UsageError(msg)
    try:
        try_writing(path.resolve().parent)
    except OSError as error:
        msg = f"'{path}' cannot be written: {error.strerror}. Name another file."
        raise OutputError(msg) from error


def _list_cases(options: argparse.Namespace, console: Console) -> Collection:
    """List the cases of all folders under the names of the folders."""
    from ..collections import (  # noqa: PLC0415
        join_collections,
        read_collection,
        recognize_collection,
    )

    found: dict[str, Collection] = {}
    for folder in options.folders:
        name = folder.resolve().name
        if name in found:
            msg = f"Two folders are called '{name}', which names their cases; rename one."
            raise UsageError(msg)
        kind = options.kind or recognize_collection(folder)
        found[name] = read_collection(folder, kind, tumors=options.tumors)
        console.note(f"{name}: read as {kind}, cases: {len(found[name].cases)}.")
    return join_collections(found)


def _check_cases(
    listed: Collection, n_workers: int | None, progress: Progress
) -> tuple[tuple[CollectionCase, ...], list[Problem]]:
    """Read the cases, in this process or in several; what can be used is in order."""
    from ..batch.cases import Problem  # noqa: PLC0415
    from ..collections import check_case  # noqa: PLC0415
    from .workers import choose_worker_count, run_in_workers  # noqa: PLC0415

    cases = listed.cases
    n = min(n_workers or choose_worker_count(len(cases), _BYTES_PER_CASE), len(cases))
    numbered = enumerate(map(check_case, cases)) if n == 1 else run_in_workers(check_case, cases, n)
    outcomes: dict[int, CollectionCase | Problem] = {}
    progress(0.0, _STAGE)
    for number, outcome in numbered:
        outcomes[number] = outcome or Problem(cases[number].id, _DIED)
        progress(len(outcomes) / len(cases), _STAGE)
    ordered = [outcomes[number] for number in range(len(cases))]
    wrong = [one for one in ordered if isinstance(one, Problem)]
    usable = tuple(one for one in ordered if not isinstance(one, Problem))
    return usable, sorted([*listed.problems, *wrong], key=lambda problem: problem.case)


_DIED = (
    "The process that read it died, most likely for want of memory. Close other programs or crop "
    "the scan."
)


def _make_rows(
    cases: Sequence[CollectionCase], problems: Sequence[Problem]
) -> list[dict[str, Any]]:
    """How many scans of each collection speak of each organ and of its tumors."""
    from ..organs import KEYS  # noqa: PLC0415

    names = dict.fromkeys(
        name.partition("/")[0]
        for name in (*(case.id for case in cases), *(problem.case for problem in problems))
    )
    return [
        {
            "collection": name,
            "cases": len(own := [case for case in cases if case.id.startswith(f"{name}/")]),
            "validation": sum(case.split == "validation" for case in own),
            "problems": sum(problem.case.startswith(f"{name}/") for problem in problems),
            "organs": _count(own, "organs", KEYS),
            "tumors": _count(own, "tumors", KEYS),
        }
        for name in names
    ]


def _count(cases: Sequence[CollectionCase], what: str, keys: Sequence[str]) -> str:
    counts = {key: sum(key in getattr(case.annotated, what) for case in cases) for key in keys}
    return ", ".join(f"{key} {n}" for key, n in counts.items() if n) or "none"
