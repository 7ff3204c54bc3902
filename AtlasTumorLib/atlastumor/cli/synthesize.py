"""`atlastumor synthesize`: a synthetic tumor into a real scan."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UnknownKeyError, UsageError
from ..organs import find_organ
from ..progress import part_of
from .arguments import add_method, add_models
from .console import Console

if TYPE_CHECKING:
    from ..synthesis.painting import Painting
    from ..synthesis.request import TumorRequest
    from ..synthesis.result import SynthesisResult
    from ..volume import LabelMap, Scan

    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

__all__ = ["add_parser", "run", "suit_shape"]

_SHAPES = {"cellular": "automaton"}
_DEFAULT_SHAPE = "ellipsoid"


def add_parser(subparsers: Subparsers) -> argparse.ArgumentParser:
    """Declare the subcommand.

    Args:
        subparsers: Where to declare it.

    Returns:
        Its parser.
    """
    parser = subparsers.add_parser("synthesize", help="grow a synthetic tumor in a CT")
    # A position may begin with a minus: argparse takes it for a value if it looks like a number.
    parser._negative_number_matcher = re.compile(r"^-[\d.][\d.,e+-]*$")
    parser.add_argument("input", type=Path, help="NIfTI, NRRD or MHA file, DICOM folder or zip")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder for the results")
    parser.add_argument("--series", help="DICOM series UID, where there are several")
    parser.add_argument(
        "--labels", type=Path, metavar="FILE", help="organs as NIfTI (found by the model)"
    )
    add_models(parser, purpose="that finds organs without --labels")
    _add_tumor(parser.add_argument_group("tumor"))
    return parser


def _add_tumor(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--organ", type=_organ, required=True, help="in which it grows")
    size = "such as 15 (with --shape-file: as painted)"
    group.add_argument("--diameter-mm", type=float, metavar="D", help=size)
    add_method(group)
    shapes = group.add_mutually_exclusive_group()
    shapes.add_argument("--shape", help="ellipsoid or automaton (as suits the method)")
    shapes.add_argument(
        "--shape-file", type=Path, metavar="FILE", help="mask (NIfTI) of its shape, in its place"
    )
    group.add_argument(
        "--at", type=_position, metavar="R,A,S", help="center in mm (drawn; as painted)"
    )
    group.add_argument(
        "--within", type=Path, metavar="FILE", help="mask (NIfTI) in which the center is drawn"
    )
    group.add_argument(
        "--contrast-hu", type=float, metavar="X", help="HU above its organ (drawn for the organ)"
    )
    group.add_argument("--exophytic", action="store_true", help="may grow out of the organ")
    group.add_argument(
        "--max-outside", type=float, default=0.5, metavar="X", help="share outside the organ (0.5)"
    )
    group.add_argument("--capsule", action="store_true", help="with a thin bright rim")
    group.add_argument("--mass-effect", action="store_true", help="pushes aside what is around it")


def run(options: argparse.Namespace, console: Console) -> None:
    """Grow the tumor and write scan, labels and record.

    Args:
        options: What `add_parser` declares.
        console: Where to report.

    Raises:
        AtlasTumorError: If anything about input, request or output cannot be used; nothing is then
            written.
    """
    from ..results import check_output  # noqa: PLC0415 - pulls in nibabel, pillow
    from ..results.synthetic import write_synthetic  # noqa: PLC0415
    from ..scans import read_scan  # noqa: PLC0415 - pulls in readers
    from ..synthesis.methods import find_method  # noqa: PLC0415 - pulls in scipy
    from ..synthesis.synthesize import synthesize  # noqa: PLC0415

    request = _make_request(options, _read_painting(options))
    method = find_method(request.method, models_dir=options.models_dir)
    given = [options.input, options.labels, options.shape_file, options.within]
    check_output(options.output, inputs=[path for path in given if path is not None])
    scan = read_scan(
        options.input, series=options.series, progress=part_of(console.progress, 0.0, 0.1)
    )
    labels = _find_labels(options, scan, console)
    progress = part_of(console.progress, 0.8, 0.9)
    result = synthesize(scan, labels, request, method=method, progress=progress)
    console.progress(0.9, "Writing results")
    files = write_synthetic(result, options.output)
    _summarize(result, console)
    console.result(options.output, files, center_ras=result.center_ras)


def suit_shape(method: str) -> str:
    """Name the kind of shape that suits a method."""
    return _SHAPES.get(method, _DEFAULT_SHAPE)


def _read_painting(options: argparse.Namespace) -> Painting | None:
    """Read the mask of the tumor's shape or place, if there is one."""
    if options.within is not None and (options.at or options.shape_file):
        msg = "With --within the place is drawn inside a mask; leave out --at and --shape-file."
        raise UsageError(msg)
    if options.diameter_mm is None and options.shape_file is None:
        msg = "Give --diameter-mm, such as 15, or a painted shape with --shape-file."
        raise UsageError(msg)
    path = options.shape_file or options.within
    if path is None:
        return None
    from ..batch.volumes import read_mask  # noqa: PLC0415 - pulls in nibabel
    from ..synthesis.painting import Painting  # noqa: PLC0415 - pulls in scipy

    mask, grid = read_mask(path)
    return Painting(mask, grid)


def _make_request(options: argparse.Namespace, painting: Painting | None) -> TumorRequest:
    """Check what is asked for before anything is read."""
    from ..synthesis.methods import find_method  # noqa: PLC0415 - pulls in scipy
    from ..synthesis.request import PAINTED, TumorRequest  # noqa: PLC0415
    from ..synthesis.shapes import find_shape  # noqa: PLC0415

    method = find_method(options.method).name
    diameter_mm, shape = options.diameter_mm, options.shape or suit_shape(method)
    if painting is not None and options.shape_file:
        shape = PAINTED
        diameter_mm = painting.diameter_mm if diameter_mm is None else diameter_mm
    else:
        find_shape(shape)
    return TumorRequest(
        organ=options.organ,
        diameter_mm=diameter_mm,
        seed=options.seed,
        method=method,
        shape=shape,
        center_ras=options.at,
        painting=painting,
        contrast_hu=options.contrast_hu,
        exophytic=options.exophytic,
        max_outside=options.max_outside,
        capsule=options.capsule,
        mass_effect=options.mass_effect,
    )


def _find_labels(options: argparse.Namespace, scan: Scan, console: Console) -> LabelMap:
    """Read the organs, or let the model find them."""
    progress = part_of(console.progress, 0.1, 0.8)
    if options.labels is not None:
        from ..batch.laying import lay_on_grid  # noqa: PLC0415 - nibabel
        from ..batch.volumes import read_labels  # noqa: PLC0415 - nibabel
        from ..organs import label_names  # noqa: PLC0415
        from ..volume import LabelMap  # noqa: PLC0415

        array, grid = read_labels(options.labels)
        array = lay_on_grid(array, grid, scan.grid, ("The label map", "the scan"))
        return LabelMap(array, scan.grid, label_names())
    from ..inference.recipes import make_segmenter  # noqa: PLC0415 - pulls in torch

    segmenter = make_segmenter(options.model, models_dir=options.models_dir)
    if segmenter.device.note:
        console.note(segmenter.device.note)
    return segmenter.segment(scan, progress=progress).labels


def _summarize(result: SynthesisResult, console: Console) -> None:
    """Say what came out."""
    place = ", ".join(f"{x:.1f}" for x in result.center_ras)
    organ = find_organ(result.request.organ).name.lower()
    console.say(
        f"A synthetic tumor of {result.diameter_mm:.1f} mm and {result.contrast_hu:+.0f} HU in the "
        f"{organ} at {place} (R, A, S in mm)."
    )
    for note in result.notes:
        console.note(note)


def _organ(text: str) -> str:
    try:
        return find_organ(text).key
    except UnknownKeyError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _position(text: str) -> tuple[float, float, float]:
    try:
        r, a, s = (float(word) for word in text.split(","))
    except ValueError as error:
        msg = f"'{text}' is not R,A,S in mm, such as -30,12.5,80"
        raise argparse.ArgumentTypeError(msg) from error
    return r, a, s
