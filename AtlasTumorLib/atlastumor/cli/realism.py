"""`atlastumor realism`: synthetic tumors beside real ones."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..progress import part_of
from .arguments import add_organs, parse_count
from .console import Console

if TYPE_CHECKING:
    from ..batch.realism.comparison import OrganComparison

    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

__all__ = ["add_parser", "run"]


def add_parser(subparsers: Subparsers) -> argparse.ArgumentParser:
    """Declare the subcommand.

    Args:
        subparsers: Where to declare it.

    Returns:
        Its parser.
    """
    parser = subparsers.add_parser("realism", help="measure synthetic tumors against real ones")
    cases = "folder of CASE/ct.nii.gz with labels.nii.gz or segmentations"
    parser.add_argument("real", type=Path, help=f"{cases}, real tumors")
    parser.add_argument("synthetic", type=Path, help="the same, synthetic tumors")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder for the results")
    add_organs(parser)
    parser.add_argument(
        "--bootstrap", type=parse_count(0), default=1000, metavar="N", help="samples (1000)"
    )
    parser.add_argument("--seed", type=parse_count(0), default=0, help="of the random numbers (0)")
    return parser


def run(options: argparse.Namespace, console: Console) -> None:
    """Measure all tumors, compare both kinds, write tables, pictures and report.

    Args:
        options: What `add_parser` declares.
        console: Where to report.

    Raises:
        AtlasTumorError: If nothing can be compared, or options or output cannot be used; nothing
            is then written.
    """
    from ..batch.realism.comparison import compare_folders  # noqa: PLC0415 - pulls in scipy
    from ..batch.realism.write import write_comparison  # noqa: PLC0415 - pulls in matplotlib
    from ..results import check_output  # noqa: PLC0415

    check_output(options.output, inputs=[options.real, options.synthetic])
    comparison = compare_folders(
        options.real,
        options.synthetic,
        organs=options.organs,
        n_samples=options.bootstrap,
        seed=options.seed,
        progress=part_of(console.progress, 0.0, 0.95),
    )
    for problem in comparison.problems:
        console.note(f"{problem.case}: {problem.message}")
    console.progress(0.95, "Writing results")
    files = write_comparison(comparison, options.output)
    console.progress(1.0, "Writing results")
    console.table([_make_row(one) for one in comparison.organs])
    console.say("Farthest: the feature whose distributions differ most, in SD of the real tumors.")
    told = [{"case": one.case, "message": one.message} for one in comparison.problems]
    console.result(options.output, files, problems=told)


def _make_row(one: OrganComparison) -> dict[str, Any]:
    known = {
        key: distance.value
        for key, distance in one.wasserstein.items()
        if not math.isnan(distance.value)
    }
    farthest = max(known, key=lambda key: known[key], default="")
    return {
        "organ": one.organ,
        "real": one.n_real,
        "synthetic": one.n_synthetic,
        "told_apart": "too few" if math.isnan(one.area) else f"{one.area:.2f}",
        "farthest": f"{farthest} {known[farthest]:.2f}" if farthest else "n/a",
    }
