"""What a row of the organ table says. The rows themselves are in `organs.py`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

__all__ = ["RGB", "Alias", "Code", "Organ", "Side", "TumorPrior", "make_aliases"]

RGB = tuple[int, int, int]


@dataclass(frozen=True)
class Code:
    """A SNOMED CT concept."""

    value: str
    meaning: str


@dataclass(frozen=True)
class Side:
    """One half of a paired organ.

    Args:
        key: "left" or "right", the patient's.
        label: Its value in our label maps.
        snomed: Its laterality-qualified concept.
        modifier: The laterality alone, as terminologies want it beside the organ's own code.
    """

    key: str
    label: int
    snomed: Code
    modifier: Code


@dataclass(frozen=True)
class TumorPrior:
    """What tumors of an organ look like on CT, before any is seen.

    Args:
        diameter_mm: (smallest, largest) equivalent-sphere diameter to expect.
        contrast_hu: (low, high) mean HU of the tumor minus its organ, portal-venous phase.
        source: Where the numbers come from.
    """

    diameter_mm: tuple[float, float]
    contrast_hu: tuple[float, float]
    source: str


@dataclass(frozen=True)
class Alias:
    """The numbers that a collection's label maps give an organ and its tumors.

    Args:
        organ: Values of the organ, left before right; one for both halves that are not told apart.
        tumor: Values of its tumors, benign ones too, as in AbdomenAtlas 2.0.
    """

    organ: tuple[int, ...] = ()
    tumor: tuple[int, ...] = ()


def make_aliases(**collections: Alias) -> Mapping[str, Alias]:
    """Name the numbers of an organ by collection, read-only."""
    return MappingProxyType(collections)


@dataclass(frozen=True)
class Organ:
    """One row of the table.

    Args:
        key: Stable id in files and code.
        name: Shown to people.
        labels: Values of the organ in our label maps; two for a paired organ.
        tumor_label: Value of its tumors in our label maps.
        color: Slicer's anatomy color, RGB 0-255.
        tumor_color: Ours, chosen apart from one another and from every organ.
        snomed: The organ's concept.
        sides: Left and right, for a paired organ.
        window_hu: (low, high) for display.
        hollow: Whether its tumors grow from a wall around a lumen.
        tumor: Size and contrast prior.
        organ_files: Stems of the AbdomenAtlas masks that make up the organ.
        tumor_files: Stems under which data sets file its lesions; AbdomenAtlas 2.0's own first.
        words: What the labels of other models call it, in lower case: its name, other spellings,
            plurals and adjectives.
        aliases: Its numbers in other collections: "totalsegmentator" (v2, task "total"), "msd"
            (the organ's own task of the Medical Segmentation Decathlon), "lits", "kits" (19 to
            23; 3 is a cyst), "flare21", "flare22" (23 too) and "amos".
    """

    key: str
    name: str
    labels: tuple[int, ...]
    tumor_label: int
    color: RGB
    tumor_color: RGB
    snomed: Code
    window_hu: tuple[float, float]
    tumor: TumorPrior
    organ_files: tuple[str, ...]
    tumor_files: tuple[str, ...]
    words: tuple[str, ...]
    sides: tuple[Side, ...] = ()
    hollow: bool = False
    aliases: Mapping[str, Alias] = field(default_factory=make_aliases)

    @property
    def label(self) -> int:
        """The organ's first value in our label maps; its only one unless it is paired."""
        return self.labels[0]
