"""`atlastumor demo`: the main job on a phantom, with the embedded model, from nothing."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ..progress import part_of
from . import segment
from .console import Console

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

__all__ = ["add_parser", "run"]


def add_parser(subparsers: Subparsers) -> argparse.ArgumentParser:
    """Declare the subcommand.

    Args:
        subparsers: Where to declare it.

    Returns:
        Its parser.
    """
    parser = subparsers.add_parser("demo", help="segment a digital phantom, to see it work")
    parser.add_argument("-o", "--output", type=Path, default=Path("demo"), help="folder (demo)")
    parser.add_argument("--seed", type=int, default=None, help="which phantom")
    return parser


def run(options: argparse.Namespace, console: Console) -> None:
    """Make a phantom that training has not seen, segment it, compare, name the files.

    Args:
        options: `output` and `seed`.
        console: Where to report.
    """
    from ..detection.matching import match_lesions  # noqa: PLC0415 - scipy
    from ..inference.engine import Segmenter  # noqa: PLC0415 - pulls in torch
    from ..phantom import DEMO_SEED, make_phantom  # noqa: PLC0415 - scipy
    from ..results import check_output, write_results  # noqa: PLC0415 - nibabel, pillow
    from ..results.phantom import write_phantom  # noqa: PLC0415 - nibabel

    results = options.output / "results"
    options.output.mkdir(parents=True, exist_ok=True)
    check_output(results)
    seed = DEMO_SEED if options.seed is None else options.seed
    phantom = make_phantom(seed, progress=part_of(console.progress, 0.0, 0.2))
    files = write_phantom(phantom, options.output / "phantom")
    segmenter = Segmenter()
    if segmenter.device.note:
        console.note(segmenter.device.note)
    progress = part_of(console.progress, 0.2, 0.9)
    segmentation = segmenter.segment(phantom.scan, progress=progress)
    files += write_results(
        segmentation, phantom.scan, results, progress=part_of(console.progress, 0.9, 1.0)
    )
    segment.summarize(segmentation, console)
    match = match_lesions(segmentation.labels, phantom.labels)
    console.say(
        f"The phantom has {match.n_reference} tumors: {match.n_found} found, "
        f"{match.n_reference - match.n_found} missed, {match.n_false} false."
    )
    console.result(options.output, files)
