"""`atlastumor segment`: one scan in, organs, tumors and a report out."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UnknownKeyError
from ..models.card import DEFAULT_MODEL, find_card
from ..organs import find_organ, select_organs
from ..progress import part_of
from .console import Console

if TYPE_CHECKING:
    from ..inference.engine import Segmenter
    from ..inference.recipes import RecipeSegmenter
    from ..inference.result import Segmentation
    from ..models.recipe import Model
    from ..volume import Scan

    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

__all__ = ["add_parser", "run", "summarize"]

_FORMATS = ("nifti", "seg.nrrd", "dicom-seg", "dicom-sr", "dicom-sc")


def add_parser(subparsers: Subparsers) -> argparse.ArgumentParser:
    """Declare the subcommand.

    Args:
        subparsers: Where to declare it.

    Returns:
        Its parser.
    """
    parser = subparsers.add_parser("segment", help="outline organs and tumors on a CT")
    parser.add_argument("input", type=Path, help="NIfTI, NRRD or MHA file, DICOM folder or zip")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder for the results")
    parser.add_argument(
        "--organs", type=_words, metavar="ORGAN,...", help="such as liver,kidney (all)"
    )
    parser.add_argument(
        "--model", default=DEFAULT_MODEL, help="model or recipe; see `atlastumor models list`"
    )
    parser.add_argument("--models-dir", type=Path, help="folder with further model cards")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    parser.add_argument("--backend", default="auto", choices=("auto", "torch", "openvino"))
    parser.add_argument("--precision", default="auto", choices=("auto", "fp32", "bf16", "fp16"))
    parser.add_argument(
        "--threshold",
        type=_threshold,
        action="append",
        default=[],
        metavar="ORGAN=P",
        help="call it tumor from this probability on; may be repeated",
    )
    parser.add_argument(
        "--operating-point",
        type=Path,
        metavar="FILE",
        help="thresholds that `atlastumor froc` chose for this model; --threshold comes first",
    )
    parser.add_argument("--mirror", action="store_true", help="average over mirrored passes")
    parser.add_argument("--probabilities", action="store_true", help="write probability maps too")
    parser.add_argument(
        "--disagreement",
        action="store_true",
        help="write maps of where the networks of an ensemble, or the models of a recipe, disagree",
    )
    parser.add_argument("--format", type=_formats, default=("nifti",), help=", ".join(_FORMATS))
    parser.add_argument("--series", help="DICOM series UID, where there are several")
    parser.add_argument("--no-report", action="store_true", help="leave out report and picture")
    return parser


def run(options: argparse.Namespace, console: Console) -> None:
    """Segment the scan and write the folder.

    Args:
        options: What `add_parser` declares.
        console: Where to report.

    Raises:
        AtlasTumorError: If anything about input, model, device or output cannot be used; nothing
            is then written.
    """
    organs = [organ.key for organ in select_organs(options.organs)]
    card = find_card(options.model, extra_dirs=[options.models_dir] if options.models_dir else [])
    thresholds, notes = _choose_thresholds(options, card)
    from ..results import check_output, write_results  # noqa: PLC0415 - pulls in nibabel, pillow

    check_output(options.output)
    from ..scans import read_scan  # noqa: PLC0415 - pulls in readers

    scan = read_scan(
        options.input, series=options.series, progress=part_of(console.progress, 0.0, 0.08)
    )
    _check_format(options.format, scan)
    segmenter = _open_model(options, card, console)
    segmentation = segmenter.segment(
        scan,
        organs=organs,
        thresholds=thresholds,
        mirror=options.mirror,
        probabilities=options.probabilities,
        progress=part_of(console.progress, 0.08, 0.9),
    )
    segmentation = _add_notes(segmentation, notes)
    files = write_results(
        segmentation,
        scan,
        options.output,
        formats=options.format,
        report=not options.no_report,
        progress=part_of(console.progress, 0.9, 1.0),
    )
    summarize(segmentation, console)
    console.result(options.output, files)


def summarize(segmentation: Segmentation, console: Console) -> None:
    """Say what was found, an organ a line.

    Args:
        segmentation: The result.
        console: Where to say it.
    """
    for finding in segmentation.findings:
        console.say(f"{find_organ(finding.organ).name + ':':<11}{finding.message}")


def _open_model(
    options: argparse.Namespace, card: Model, console: Console
) -> Segmenter | RecipeSegmenter:
    """Load the model, or make sure that the recipe can be followed."""
    from ..inference.recipes import make_segmenter  # noqa: PLC0415 - pulls in torch

    segmenter = make_segmenter(
        card,
        device=options.device,
        backend=options.backend,
        precision=options.precision,
        models_dir=options.models_dir,
        disagreement=options.disagreement,
    )
    if segmenter.device.note:
        console.note(segmenter.device.note)
    return segmenter


def _choose_thresholds(
    options: argparse.Namespace, card: Model
) -> tuple[dict[str, float], list[str]]:
    """Thresholds from the command's words and the operating point, and where each comes from."""
    given: dict[str, float] = dict(options.threshold)
    if options.operating_point is None:
        return given, []
    from ..detection.operating_point import (  # noqa: PLC0415 - pulls in scipy
        load_operating_points,
        thresholds_for,
    )

    points = load_operating_points(options.operating_point)
    chosen = thresholds_for(points, card)
    notes = [f"Used the {point.text}." for point in points if point.organ not in given]
    notes += [
        f"Used the threshold {given[organ]:g} of {organ} as given, not the operating point's."
        for organ in chosen
        if organ in given
    ]
    return chosen | given, notes


def _add_notes(segmentation: Segmentation, notes: Sequence[str]) -> Segmentation:
    """Put notes into the record of a result."""
    provenance = segmentation.provenance
    provenance = replace(provenance, notes=(*provenance.notes, *notes))
    return replace(segmentation, provenance=provenance)


def _check_format(formats: Sequence[str], scan: Scan) -> None:
    """Refuse, before the long work, what results in DICOM could not refer to."""
    if any(name.startswith("dicom-") for name in formats):
        from ..results.dicom_study import check_dicom_source  # noqa: PLC0415 - pydicom

        check_dicom_source(scan.source)


def _words(text: str) -> list[str]:
    words = [word for word in text.split(",") if word.strip()]
    if not words:
        msg = "name at least one organ"
        raise argparse.ArgumentTypeError(msg)
    return words


def _formats(text: str) -> tuple[str, ...]:
    formats = tuple(_words(text))
    unknown = [word for word in formats if word not in _FORMATS]
    if unknown:
        msg = f"no such format: {', '.join(unknown)}; choose from {', '.join(_FORMATS)}"
        raise argparse.ArgumentTypeError(msg)
    return formats


def _threshold(text: str) -> tuple[str, float]:
    key, _, number = text.partition("=")
    try:
        value = float(number)
    except ValueError:
        value = -1.0
    if not 0.0 <= value <= 1.0:
        msg = f"'{text}' is not ORGAN=P with P between 0 and 1, such as liver=0.4"
        raise argparse.ArgumentTypeError(msg)
    try:
        return find_organ(key).key, value
    except UnknownKeyError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
