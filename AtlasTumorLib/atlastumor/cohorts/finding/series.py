"""A DICOM series as its files give it: where its slices lie, and what choosing needs to know."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from math import isfinite
from typing import Any

import numpy as np

from ...scans.dicom_headers import Header, count_images, tag_text
from ...scans.dicom_series import is_ct_image
from ..series_choice import SeriesFacts
from .ids import hash_text
from .places import Entry

__all__ = ["FoundSeries"]

_STUDY_CHARS = 12
_SAME_COSINE = 0.999  # 2.5 degrees
_SAME_MM = 0.01

Place = tuple[tuple[float, ...], tuple[float, ...]]


@dataclass(eq=False)
class FoundSeries:
    """A series, and the files that hold it.

    Args:
        header: Of its first CT image, or of its first file.
        archive: The zip it lies in; None for files of their own.
        files: Its CT images if it has any, else all its files; of a zip, that alone.
        n_files: Number of all its files.
        n_slices: Number of its CT images that are no localizer.
        n_stacks: Number of its files of several such images each.
        places: Orientation and position of each of these.
        seen: SOP instance UIDs; a file with one that was seen is a copy.
    """

    header: Header
    archive: Entry | None = None
    files: list[Entry] = field(default_factory=list)
    n_files: int = 0
    n_slices: int = 0
    n_stacks: int = 0
    places: list[Place] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)

    def add(self, header: Header, entry: Entry) -> None:
        """Add a file."""
        uid = tag_text(header, "SOPInstanceUID")
        if uid and uid in self.seen:
            return
        self.seen.add(uid)
        self.n_files += 1
        is_image = is_ct_image(header)
        if is_image and not self.n_slices:
            self.header, self.files = header, []
        if is_image or not self.n_slices:
            self.files.append(entry)
        if is_image:
            self.n_slices += count_images(header)
            self.n_stacks += count_images(header) > 1
            self.places += _list_places(header.dataset)

    def describe(self) -> SeriesFacts:
        """Say what choosing needs to know."""
        header = self.header
        number, thickness = (
            _to_number(header.dataset.get(keyword))
            for keyword in ("SeriesNumber", "SliceThickness")
        )
        uid = tag_text(header, "SeriesInstanceUID")
        study = tag_text(header, "StudyInstanceUID") or uid
        facts = SeriesFacts(
            uid=uid,
            study=hash_text(study, _STUDY_CHARS),
            number=int(number) if isfinite(number) else 0,
            description=tag_text(header, "SeriesDescription"),
            modality=tag_text(header, "Modality"),
            image_type=tag_text(header, "ImageType").upper(),
            kernel=tag_text(header, "ConvolutionKernel"),
            n_files=self.n_files,
            n_slices=self.n_slices,
            n_stacks=self.n_stacks,
            thickness_mm=thickness,
        )
        return _measure(facts, self.places)


def _list_places(dataset: Any) -> list[Place]:
    """Orientation and position of each image of a file, LPS mm; empty tuples where unknown."""
    frames = dataset.get("PerFrameFunctionalGroupsSequence")
    if not frames:
        return [_find_place(dataset, dataset)]
    shared = (dataset.get("SharedFunctionalGroupsSequence") or [None])[0]
    groups: Iterable[list[Any]] = (
        [
            next(
                (items[0] for group in (frame, shared) if group and (items := group.get(name))), {}
            )
            for name in ("PlaneOrientationSequence", "PlanePositionSequence")
        ]
        for frame in frames
    )
    return [_find_place(orientation, position) for orientation, position in groups]


def _find_place(orientation: Any, position: Any) -> Place:
    return (
        _to_numbers(orientation.get("ImageOrientationPatient"), 6),
        _to_numbers(position.get("ImagePositionPatient"), 3),
    )


def _to_numbers(value: Any, n: int) -> tuple[float, ...]:
    try:
        numbers = tuple(float(part) for part in value)
    except (TypeError, ValueError):
        return ()
    return numbers if len(numbers) == n and all(map(isfinite, numbers)) else ()


def _to_number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return float("nan")


def _measure(facts: SeriesFacts, places: Sequence[Place]) -> SeriesFacts:
    """Add what follows from where the slices lie, as far as they all say it."""
    if not places or not all(orientation and position for orientation, position in places):
        return facts
    turns = np.array([orientation for orientation, _ in places]).reshape(-1, 2, 3)
    normals = np.cross(turns[:, 0], turns[:, 1])
    first = turns[0]
    cosines = np.einsum("nij,ij->ni", turns, first).min(axis=1)
    others = turns[cosines < _SAME_COSINE].reshape(-1, 6)
    offsets = np.sort(np.array([position for _, position in places]) @ normals[0])
    steps = np.diff(offsets)
    moved = steps[steps > _SAME_MM]
    return replace(
        facts,
        n_orientations=1 + len({*map(tuple, others.round(1).tolist())}),
        n_copies=int(np.count_nonzero(steps <= _SAME_MM)),
        axial_cosine=float(abs(normals[0, 2])),
        spacing_mm=float(np.median(moved)) if len(moved) else float("nan"),
        coverage_mm=float(offsets[-1] - offsets[0]),
    )
