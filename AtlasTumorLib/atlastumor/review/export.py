"""The reviewed truth of a whole review, written in the layout of AbdomenAtlas.

    CASE/labels.nii.gz                   all classes, AbdomenAtlas 2.0 numbers
    CASE/segmentations/<mask>.nii.gz     a binary mask per class; an empty one says "no tumor"
    CASE/segmentation.seg.nrrd           for 3D Slicer, on request
    CASE/segmentation.dcm                DICOM SEG, on request, for scans that came from DICOM
    CASE/lesions.csv, CASE/result.json   what there is, and who made it

Everything follows from the log, the outlines beside it and the predictions, so an export can be
repeated at any time.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ..batch.laying import check_same_grid, lay_on_grid
from ..batch.layouts import SEGMENTATIONS, find_labels
from ..batch.volumes import read_labels
from ..components import find_boxes, has_label
from ..errors import AtlasTumorError, InputError, UnknownKeyError
from ..organs import ORGANS, select_organs
from ..progress import CancelToken, Progress, ignore_progress
from ..results.folder import check_output, result_folder
from ..results.nifti import write_labels
from ..results.staging import MANIFEST
from ..results.tables import write_lesions, write_manifest
from ..results.write import FORMATS, Writer, plan_segments
from ..volume import LabelMap, Source
from .cases import ScanCandidates, find_scans, read_candidates
from .entries import ROLES
from .log import LOG_NAME, read_log
from .queue import identify_items
from .state import ScanState, fold
from .truth import ReviewedTruth, make_truth

__all__ = ["ExportReport", "SkippedScan", "check_candidates", "export_review", "write_truth"]


@dataclass(frozen=True)
class SkippedScan:
    """A scan that was not exported.

    Args:
        scan: The case's name.
        message: Why, in a sentence.
    """

    scan: str
    message: str


@dataclass(frozen=True)
class ExportReport:
    """What an export did.

    Args:
        written: Cases that were exported.
        skipped: The others.
        notes: What the user should know, one sentence each.
    """

    written: tuple[str, ...]
    skipped: tuple[SkippedScan, ...]
    notes: tuple[str, ...]


def check_candidates(scan: ScanCandidates, state: ScanState) -> None:
    """Make sure that the decisions about a scan are about these candidates.

    Args:
        scan: Its candidates now.
        state: What was decided, and the fingerprint of the candidates shown then.

    Raises:
        InputError: If they differ.
    """
    if state.shown and state.shown != identify_items(scan.items()):
        msg = (
            f"The candidates of '{scan.name}' are not those that were reviewed: its maps changed. "
            "Put the maps back, or begin a new review in another folder."
        )
        raise InputError(msg)


def export_review(
    review: Path,
    predictions: Path,
    directory: Path,
    *,
    formats: Collection[str] = ("nifti",),
    role: str | None = None,
    scans: Path | None = None,
    progress: Progress = ignore_progress,
    cancel: CancelToken | None = None,
) -> ExportReport:
    """Write the truth of every finished scan; what is wrong with one does not stop the others.

    Args:
        review: The review's folder.
        predictions: Folder of the predictions that were reviewed.
        directory: Where to write; a case that was exported before is replaced.
        formats: Of `atlastumor.results.FORMATS`.
        role: Scans finished in this role; None takes those finished in any.
        scans: Folder of DICOM series `CASE/`, which DICOM SEG needs.
        progress: Told how far it is.
        cancel: Looked at between scans.

    Returns:
        What was written, and why something was not.

    Raises:
        InputError: If log or predictions cannot be used at all.
        UnknownKeyError: If there is no such format or role.
        Cancelled: If it was cancelled; scans written by then stay.
    """
    _check_words(formats, role)
    one = _Export(review, formats, role, scans)
    written: list[str] = []
    skipped: list[SkippedScan] = []
    notes: list[str] = [*one.content.notes]
    places = find_scans(predictions)
    for number, (name, place) in enumerate(places.items()):
        (cancel or CancelToken()).check()
        progress(number / len(places), "Exporting reviewed scans")
        try:
            notes += [f"{name}: {note}" for note in one.write(name, place, directory / name)]
            written.append(name)
        except AtlasTumorError as error:
            skipped.append(SkippedScan(name, str(error)))
    skipped += one.list_lost(places)
    progress(1.0, "Exporting reviewed scans")
    by_name = sorted(skipped, key=lambda one: one.scan)
    return ExportReport(tuple(written), tuple(by_name), tuple(notes))


def _check_words(formats: Collection[str], role: str | None) -> None:
    """Refuse formats and roles that do not exist."""
    for name in formats:
        if name not in FORMATS:
            raise UnknownKeyError("format", name, FORMATS)
    if role is not None and role not in ROLES:
        raise UnknownKeyError("role", role, ROLES)


class _Export:
    """Writes one scan of a review after the other."""

    def __init__(
        self, review: Path, formats: Collection[str], role: str | None, scans: Path | None
    ) -> None:
        """Read the log."""
        self.content = read_log(review)
        self._review, self._formats, self._role, self._scans = review, formats, role, scans
        self._state = fold(self.content.entries)
        self._log_sha256 = hashlib.sha256((review / LOG_NAME).read_bytes()).hexdigest()

    def list_lost(self, places: Collection[str]) -> list[SkippedScan]:
        """List the finished scans that are not among the predictions."""
        message = "It is finished, but has no prediction here. Name the folder that was reviewed."
        return [
            SkippedScan(name, message)
            for name, state in self._state.scans.items()
            if _is_done(state, self._role) and name not in places
        ]

    def write(self, name: str, place: Path, directory: Path) -> tuple[str, ...]:
        """Write a scan; gives what the user should know of it."""
        state = self._state.scan(name)
        _require_done(state, self._role)
        check_output(directory, inputs=[place])
        scan = read_candidates(name, place, self.content.basis)
        check_candidates(scan, state)
        needs_source = any(name.startswith("dicom-") for name in self._formats)
        source = _find_source(self._scans, name, scan) if needs_source else Source()
        truth = make_truth(
            scan,
            state,
            self.content.basis,
            folder=self._review,
            labels=_read_organs(place, scan),
            record=_read_record(place),
            log_sha256=self._log_sha256,
        )
        write_truth(truth, directory, formats=self._formats, source=source)
        return truth.notes


def write_truth(
    truth: ReviewedTruth,
    directory: Path,
    *,
    formats: Collection[str] = ("nifti",),
    source: Source | None = None,
) -> list[Path]:
    """Write one reviewed scan, complete or not at all.

    Args:
        truth: What to write.
        directory: The case's folder; an earlier export in it is replaced.
        formats: Of `atlastumor.results.FORMATS`.
        source: The DICOM series that a DICOM SEG refers to.

    Returns:
        The files, the record last.

    Raises:
        OutputError: If they cannot be written.
        InputError: If a DICOM SEG is asked for without a series.
    """
    record = truth.provenance.to_repeatable_dict()
    writers: dict[str, Writer] = {
        "labels.nii.gz": partial(write_labels, labels=truth.labels, record=record)
    }
    for name in _list_masks(truth):
        writers[f"{SEGMENTATIONS}/{name}.nii.gz"] = partial(
            _write_mask, truth=truth, name=name, record=record
        )
    writers["lesions.csv"] = partial(write_lesions, lesions=truth.lesions)
    segments, notes = plan_segments(truth, source or Source(), formats)
    writers |= segments
    folder = check_output(directory)
    with result_folder(folder) as partial_folder:
        (partial_folder / SEGMENTATIONS).mkdir()
        for name, write in writers.items():
            write(partial_folder / name)
        files = [partial_folder / name for name in writers]
        write_manifest(partial_folder / MANIFEST, truth, files, notes=[*truth.notes, *notes])
    return [folder / name for name in (*writers, MANIFEST)]


def _list_masks(truth: ReviewedTruth) -> list[str]:
    """Names of the masks: organs that are outlined, and the tumors of every organ reviewed."""
    present = find_boxes(truth.labels.array)
    reviewed = {organ.tumor_label for organ in select_organs(truth.provenance.organs)}
    return [name for label, name in truth.labels.names.items() if label in {*present, *reviewed}]


def _write_mask(path: Path, *, truth: ReviewedTruth, name: str, record: dict[str, Any]) -> None:
    label = next(label for label, own in truth.labels.names.items() if own == name)
    mask = (truth.labels.array == label).astype(np.uint8)
    write_labels(path, LabelMap(mask, truth.labels.grid, {1: name}), record=record)


def _is_done(state: ScanState, role: str | None) -> bool:
    return role in state.done if role else bool(state.done)


def _require_done(state: ScanState, role: str | None) -> None:
    if not _is_done(state, role):
        msg = f"It is not finished{f' in the role {role}' if role else ''}; finish it first."
        raise InputError(msg)


def _read_organs(place: Path, scan: ScanCandidates) -> Any:
    """The predicted label map (I, J, K) uint8, or None if there is none."""
    path = find_labels(place)
    if path is None:
        return None
    labels, grid = read_labels(path)
    names = ("The predicted labels", "the probability maps")
    labels = lay_on_grid(labels, grid, scan.grid, names)
    known = [label for organ in ORGANS for label in (*organ.labels, organ.tumor_label)]
    return np.where(has_label(labels, known), labels, 0).astype(np.uint8)


def _read_record(place: Path) -> dict[str, Any]:
    try:
        record = json.loads((place / MANIFEST).read_text(encoding="utf-8"))
        return record if isinstance(record.get("provenance"), dict) else {}
    except (OSError, ValueError, AttributeError):
        return {}


def _find_source(scans: Path | None, name: str, scan: ScanCandidates) -> Source:
    """The DICOM series of a case."""
    if scans is None:
        msg = "DICOM SEG needs the scans' DICOM series; name the folder that holds them."
        raise InputError(msg)
    from ..scans import read_scan  # noqa: PLC0415 - pulls in the readers of every format

    found = read_scan(scans / name)
    check_same_grid(found.grid, scan.grid, ("The DICOM series", "the probability maps"))
    return found.source
