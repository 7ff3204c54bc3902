"""One scan, segmented and written as settings say: alone, or as a case among many."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InputError, UnknownKeyError
from ..progress import Progress, ignore_progress
from .settings import BatchSettings

if TYPE_CHECKING:
    from ..inference.engine import Segmenter
    from ..inference.recipes import RecipeSegmenter
    from ..inference.result import Segmentation
    from ..volume import Scan

__all__ = ["check_formats", "check_request", "open_segmenter", "segment_scan", "write_scan"]


def check_formats(settings: BatchSettings, scan: Scan) -> None:
    """Refuse, before the network runs, formats that the scan does not allow.

    Args:
        settings: With the formats asked for.
        scan: The scan.

    Raises:
        InputError: If one needs DICOM and the scan is not from DICOM.
    """
    if any(name.startswith("dicom-") for name in settings.formats):
        from ..results.dicom_study import check_dicom_source

        check_dicom_source(scan.source)


def check_request(settings: BatchSettings) -> None:
    """Make sure, before any scan is read, that the model can do what is asked of it.

    Args:
        settings: What is asked.

    Raises:
        InputError: If the model knows none of the organs, or no such option.
        UnknownKeyError: If there is no such model or format.
        WeightsError: If its weights are not there.
    """
    from ..inference.request import make_request
    from ..models.recipe import Recipe
    from ..models.weights import find_weights
    from ..results import FORMATS

    for name in settings.formats:
        if name not in FORMATS:
            raise UnknownKeyError("format", name, FORMATS)
    card = settings.find_model()
    organs, thresholds, mirror = settings.organs, settings.thresholds, settings.mirror
    if isinstance(card, Recipe):
        from ..inference.errands import make_plan

        disagreement = settings.disagreement
        make_plan(
            card, organs=organs, thresholds=thresholds, mirror=mirror, disagreement=disagreement
        )
    else:
        make_request(card, organs=organs, thresholds=thresholds, mirror=mirror)
    for one in card.cards.values() if isinstance(card, Recipe) else [card]:
        find_weights(one, models_dir=settings.models_dir)


def open_segmenter(settings: BatchSettings, device: str) -> Segmenter | RecipeSegmenter:
    """Load the model, or make sure that the recipe can be followed.

    Args:
        settings: With the model and how it runs.
        device: "auto", "cpu", "cuda" or "cuda:N".

    Returns:
        The segmenter.

    Raises:
        AtlasTumorError: If model, weights, device or packages do not allow it.
    """
    from ..inference.recipes import make_segmenter

    return make_segmenter(
        settings.model,
        device=device,
        backend=settings.backend,
        precision=settings.precision,
        models_dir=settings.models_dir,
        disagreement=settings.disagreement,
    )


def segment_scan(
    segmenter: Segmenter | RecipeSegmenter,
    scan: Scan,
    settings: BatchSettings,
    progress: Progress = ignore_progress,
) -> Segmentation:
    """Segment a scan as the settings say.

    Args:
        segmenter: From `open_segmenter`.
        scan: The scan.
        settings: What to do.
        progress: Told how far it is.

    Returns:
        The result; its record says where thresholds come from.
    """
    found = segmenter.segment(
        scan,
        organs=settings.organs,
        thresholds=settings.thresholds,
        mirror=settings.mirror,
        probabilities=settings.probabilities,
        progress=progress,
    )
    record = found.provenance
    return replace(found, provenance=replace(record, notes=(*record.notes, *settings.notes)))


def write_scan(
    segmentation: Segmentation,
    scan: Scan,
    directory: Path,
    settings: BatchSettings,
    progress: Progress = ignore_progress,
) -> list[Path]:
    """Write the result of a scan as the settings say.

    Args:
        segmentation: The result.
        scan: What it was made from.
        directory: As for `results.write_results`.
        settings: What to write.
        progress: Told how far it is.

    Returns:
        The files.

    Raises:
        InputError: If the key to de-identify with is not the one that the settings were made with.
    """
    from ..results import write_results

    if settings.deidentify is not None:
        from ..deidentify.options import identify_key

        if identify_key(settings.deidentify) != settings.key_sha256:
            msg = f"The key file '{settings.deidentify.name}' is not the one this was begun with."
            raise InputError(msg)
    return write_results(
        segmentation,
        scan,
        directory,
        formats=settings.formats,
        report=settings.report,
        deidentify=settings.deidentify,
        progress=progress,
    )
