"""A label map as segments: one for each organ or side in view, one for each of its large lesions.

Formats that know segments (Slicer's and DICOM's) share this numbering. Segments do not overlap: a
lesion is cut out of its organ, as in the label map. An organ's smaller lesions, where there are
more than `MAX_LISTED`, share a segment: a viewer does not bear thousands.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..components import Region, find_boxes
from ..lesions import Lesion, find_region
from ..organs import ORGANS, RGB, Organ, Side, find_organ
from ..volume import LabelMap
from .listing import MAX_LISTED, is_listed, pick_listed

__all__ = ["NumberedSegments", "Segment", "number_segments"]


Numbers = npt.NDArray[np.unsignedinteger[Any]]


@dataclass(frozen=True)
class Segment:
    """One segment.

    Args:
        number: Its value, from 1.
        key: Stable id; the same as in 3D Slicer.
        name: Shown to people.
        color: RGB 0-255.
        organ: The organ it is or lies in.
        side: Which half of a paired organ, where known.
        lesion: The lesion; None for an organ and for the lesions that share a segment.
        is_shared: Whether it holds the smaller lesions of its organ.
    """

    number: int
    key: str
    name: str
    color: RGB
    organ: Organ
    side: Side | None
    lesion: Lesion | None
    is_shared: bool = False

    @property
    def is_organ(self) -> bool:
        """Whether it is an organ or a side of one, and no tumor."""
        return self.lesion is None and not self.is_shared


@dataclass(frozen=True, eq=False)
class NumberedSegments:
    """Segments, and how to paint them.

    Args:
        segments: In order of their number.
        labels: The label map they come from.
        table: Segment number of each label value, (256,); of tumors that of the shared segment,
            if there is one, else 0.
        regions: Voxels of the lesions with a segment of their own, each with its number.
    """

    segments: tuple[Segment, ...]
    labels: LabelMap
    table: Numbers
    regions: tuple[tuple[int, Region], ...]

    def paint(self, first: int, stop: int) -> Numbers:
        """Give the segment numbers of the slices `first` to `stop` - 1.

        Args:
            first: First slice along k.
            stop: One past the last.

        Returns:
            Segment numbers, (I, J, stop - first); uint16 where there are more than 255.
        """
        slab = self.table[self.labels.array[:, :, first:stop]]
        for number, region in self.regions:
            i, j, k = region.box
            low, high = max(k.start, first), min(k.stop, stop)
            if low < high:
                mask = region.mask[:, :, low - k.start : high - k.start]
                slab[i, j, low - first : high - first][mask] = number
        return slab


def number_segments(labels: LabelMap, lesions: Sequence[Lesion]) -> NumberedSegments:
    """Number the organs that a label map holds and its lesions.

    Args:
        labels: AbdomenAtlas 2.0 numbers, (I, J, K).
        lesions: Its lesions.

    Returns:
        Organs in table order, then lesions in theirs, then what organs have beyond the largest;
        nothing for what is not there.
    """
    organs = _list_organs(find_boxes(labels.array))
    own = [*enumerate(pick_listed(lesions), start=len(organs) + 1)]
    shared = [*_list_shared(lesions, first=len(organs) + len(own) + 1)]
    segments = (*organs, *(_name_lesion(n, one) for n, one in own), *shared)
    table: Numbers = np.zeros(256, np.uint8 if len(segments) < 256 else np.uint16)
    for segment in (*organs, *shared):
        table[_find_label(segment)] = segment.number
    regions = tuple((n, find_region(labels, one)) for n, one in own)
    return NumberedSegments(segments, labels, table, regions)


def _list_organs(present: Container[int]) -> list[Segment]:
    segments: list[Segment] = []
    for organ in ORGANS:
        sides: tuple[Side | None, ...] = organ.sides or (None,)
        for label, side in zip(organ.labels, sides, strict=True):
            if label in present:
                key = f"AtlasTumor_{organ.key}" + (f"_{side.key}" if side else "")
                name = side.snomed.meaning if side else organ.name
                number = len(segments) + 1
                segments.append(Segment(number, key, name, organ.color, organ, side, None))
    return segments


def _list_shared(lesions: Sequence[Lesion], *, first: int) -> Iterator[Segment]:
    keys = dict.fromkeys(one.organ for one in lesions if not is_listed(one))
    for number, organ in enumerate(map(find_organ, keys), start=first):
        key = f"AtlasTumor_{organ.key}_tumors_rest"
        name = f"{organ.name} tumors from {MAX_LISTED + 1} on"
        yield Segment(number, key, name, organ.tumor_color, organ, None, None, is_shared=True)


def _find_label(segment: Segment) -> int:
    if segment.is_shared:
        return segment.organ.tumor_label
    return segment.side.label if segment.side else segment.organ.label


def _name_lesion(number: int, lesion: Lesion) -> Segment:
    organ = find_organ(lesion.organ)
    side = next((side for side in organ.sides if side.key == lesion.side), None)
    key = f"AtlasTumor_{organ.key}_tumor_{lesion.index}"
    name = f"{organ.name} tumor {lesion.index}"
    return Segment(number, key, name, organ.tumor_color, organ, side, lesion)
