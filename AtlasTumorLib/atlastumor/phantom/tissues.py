"""What a phantom is made of: tissue ids, the label of each, and Hounsfield units drawn for a scan.

A tissue is finer than a label: the label "liver" holds parenchyma and the vessels within it, the
label "colon" its wall and its contents, and the label "kidney" leaves the renal pelvis out, as
TotalSegmentator and AbdomenAtlas draw them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from ..errors import InputError
from ..organs import ORGANS, find_organ
from .hounsfield import HOUNSFIELD, PHASES

__all__ = [
    "ORGAN_TISSUES",
    "TISSUE_LABEL",
    "TUMOR_TISSUES",
    "Tissue",
    "TumorTissues",
    "draw_phase",
    "sample_hu",
]

MIN_CONTRAST_HU = 20.0


class Tissue(IntEnum):
    """The id of each tissue, uint8."""

    AIR = 0
    SKIN = 1
    FAT = 2
    VISCERAL_FAT = 3
    MUSCLE = 4
    CORTICAL_BONE = 5
    MARROW = 6
    DISC = 7
    SPINAL_CANAL = 8
    LUNG = 9
    MEDIASTINUM = 10
    MYOCARDIUM = 11
    HEART_BLOOD = 12
    AORTA = 13
    ARTERY = 14
    VEIN = 15
    PORTAL_VEIN = 16
    CALCIFICATION = 17
    LIVER = 18
    HEPATIC_VEIN = 19
    HEPATIC_PORTAL = 20
    GALLBLADDER = 21
    SPLEEN = 22
    PANCREAS = 23
    PANCREATIC_DUCT = 24
    ADRENAL = 25
    KIDNEY_LEFT_CORTEX = 26
    KIDNEY_LEFT_MEDULLA = 27
    KIDNEY_RIGHT_CORTEX = 28
    KIDNEY_RIGHT_MEDULLA = 29
    RENAL_PELVIS = 30
    STONE = 31
    STOMACH_WALL = 32
    STOMACH_CONTENTS = 33
    BOWEL_WALL = 34
    BOWEL_CONTENTS = 35
    BOWEL_GAS = 36
    ORAL_CONTRAST = 37
    COLON_WALL = 38
    COLON_GAS = 39
    COLON_STOOL = 40
    COLON_FLUID = 41
    COLON_CONTRAST = 42
    ESOPHAGUS_WALL = 43
    ESOPHAGUS_GAS = 44
    BLADDER_WALL = 45
    URINE = 46
    UTERUS = 47
    ENDOMETRIUM = 48
    PROSTATE = 49
    TABLE = 50
    METAL = 51
    TABLE_FOAM = 52
    LIVER_TUMOR_CORE = 54
    LIVER_TUMOR_OTHER = 55
    LIVER_TUMOR_RIM = 56
    LIVER_TUMOR_NECROSIS = 57
    PANCREAS_TUMOR_CORE = 58
    PANCREAS_TUMOR_OTHER = 59
    PANCREAS_TUMOR_RIM = 60
    PANCREAS_TUMOR_NECROSIS = 61
    KIDNEY_TUMOR_CORE = 62
    KIDNEY_TUMOR_OTHER = 63
    KIDNEY_TUMOR_RIM = 64
    KIDNEY_TUMOR_NECROSIS = 65
    COLON_TUMOR_CORE = 66
    COLON_TUMOR_OTHER = 67
    COLON_TUMOR_RIM = 68
    COLON_TUMOR_NECROSIS = 69
    ESOPHAGUS_TUMOR_CORE = 70
    ESOPHAGUS_TUMOR_OTHER = 71
    ESOPHAGUS_TUMOR_RIM = 72
    ESOPHAGUS_TUMOR_NECROSIS = 73
    UTERUS_TUMOR_CORE = 74
    UTERUS_TUMOR_OTHER = 75
    UTERUS_TUMOR_RIM = 76
    UTERUS_TUMOR_NECROSIS = 77


@dataclass(frozen=True)
class TumorTissues:
    """The four tissues of one organ's tumors.

    "core" and "other" are drawn apart, so that two lesions of a scan need not look alike.
    """

    core: Tissue
    other: Tissue
    rim: Tissue
    necrosis: Tissue

    @property
    def all(self) -> tuple[Tissue, ...]:
        """Every tissue, core first."""
        return self.core, self.other, self.rim, self.necrosis


def _tumor_tissues(organ: str) -> TumorTissues:
    parts = ("CORE", "OTHER", "RIM", "NECROSIS")
    return TumorTissues(*(Tissue[f"{organ.upper()}_TUMOR_{part}"] for part in parts))


TUMOR_TISSUES: dict[str, TumorTissues] = {o.key: _tumor_tissues(o.key) for o in ORGANS}

_KIDNEYS = (
    (Tissue.KIDNEY_LEFT_CORTEX, Tissue.KIDNEY_LEFT_MEDULLA),
    (Tissue.KIDNEY_RIGHT_CORTEX, Tissue.KIDNEY_RIGHT_MEDULLA),
)

ORGAN_TISSUES: dict[str, tuple[Tissue, ...]] = {
    "liver": (Tissue.LIVER, Tissue.HEPATIC_VEIN, Tissue.HEPATIC_PORTAL),
    "pancreas": (Tissue.PANCREAS, Tissue.PANCREATIC_DUCT),
    "kidney": _KIDNEYS[0] + _KIDNEYS[1],
    "colon": (
        Tissue.COLON_WALL,
        Tissue.COLON_GAS,
        Tissue.COLON_STOOL,
        Tissue.COLON_FLUID,
        Tissue.COLON_CONTRAST,
    ),
    "esophagus": (Tissue.ESOPHAGUS_WALL, Tissue.ESOPHAGUS_GAS),
    "uterus": (Tissue.UTERUS, Tissue.ENDOMETRIUM),
}
"""Healthy tissues of each organ of the table, the typical one first."""


_SOLID: dict[str, tuple[Tissue, ...]] = {
    "kidney": _KIDNEYS[0],  # both kidneys enhance alike
    "uterus": ORGAN_TISSUES["uterus"],
}
"""Tissues that an organ's tumor must be told from by density, where it is more than one."""


def _label_table() -> npt.NDArray[np.uint8]:
    """AbdomenAtlas 2.0 label of every tissue id, (256,)."""
    table = np.zeros(256, np.uint8)
    for key, tissues in ORGAN_TISSUES.items():
        table[list(tissues)] = find_organ(key).label
        table[list(TUMOR_TISSUES[key].all)] = find_organ(key).tumor_label
    sides = {side.key: side.label for side in find_organ("kidney").sides}
    for side, tissues in zip(("left", "right"), _KIDNEYS, strict=True):
        table[list(tissues)] = sides[side]
    table.flags.writeable = False
    return table


TISSUE_LABEL = _label_table()
"""Label of each tissue id, (256,) uint8; 0 for everything outside the organ table."""

_SHARED = 0.7
"""Correlation of a tissue's deviation with the patient's: dose and weight move all alike (Bae)."""

_SOFT = (-20.0, 420.0)  # HU between which domain randomization stretches contrast


def draw_phase(rng: np.random.Generator, phase: str | None = None) -> str:
    """Draw a contrast phase as often as clinics use it, or check the one asked for.

    Raises:
        InputError: If there is no such phase.
    """
    if phase in (None, "random"):
        return str(rng.choice(PHASES, p=(0.2, 0.2, 0.5, 0.1)))
    if phase not in PHASES:
        msg = f"There is no contrast phase '{phase}'. Choose one of: {', '.join(PHASES)}, random."
        raise InputError(msg)
    return phase


def sample_hu(
    rng: np.random.Generator, *, phase: str = "random", randomize: float = 0.0, bright: float = 0.0
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Draw the Hounsfield units of every tissue of one scan.

    Args:
        rng: Source of randomness.
        phase: One of `PHASES` or "random".
        randomize: 0 for plausible patients; up to 1 for wide domain randomization in the manner of
            SynthSeg (Billot et al., MedIA 2023), but with air, fat, soft tissue and bone in order.
        bright: Added to the chance that a tumor is denser than its organ.

    Returns:
        Mean HU and texture standard deviation by tissue id, (256,) each; unused ids are -1000, 0.

    Raises:
        InputError: If the phase is unknown.
    """
    column = PHASES.index(draw_phase(rng, phase))
    mean = np.full(256, -1000.0)
    texture = np.zeros(256)
    wide = 1.0 + 1.5 * randomize
    patient = rng.normal()
    for name, density in HOUNSFIELD.items():
        tissue = Tissue[name]
        drawn = _SHARED * patient + np.sqrt(1 - _SHARED**2) * rng.normal()
        mean[tissue] = density.hu[column] + wide * density.spread * np.clip(drawn, -2, 2)
        texture[tissue] = density.texture * np.exp(rng.normal(0, 0.15 + 0.45 * randomize))
    left, right = _KIDNEYS
    mean[list(right)], texture[list(right)] = mean[list(left)], texture[list(left)]
    soft = (mean > _SOFT[0]) & (mean < _SOFT[1])
    gain = np.exp(rng.normal(0, 0.22 * randomize))
    mean[soft] = 40 + gain * (mean[soft] - 40) + rng.normal(0, 12 * randomize)
    for organ in TUMOR_TISSUES:
        _draw_tumor(rng, organ, PHASES[column], (randomize, bright), mean, texture)
    return np.maximum(mean, -1024).astype(np.float32), texture.astype(np.float32)


def _draw_tumor(
    rng: np.random.Generator,
    organ: str,
    phase: str,
    chances: tuple[float, float],
    mean: npt.NDArray[np.float64],
    texture: npt.NDArray[np.float64],
) -> None:
    """Draw one organ's tumor tissues relative to its healthy tissue, in place.

    `chances` are `randomize` and `bright` of `sample_hu`.
    """
    randomize, bright = chances
    tissues, healthy = TUMOR_TISSUES[organ], ORGAN_TISSUES[organ][0]
    base, prior = mean[healthy], find_organ(organ).tumor.contrast_hu
    faint = {"none": 0.55, "delayed": 0.8}.get(phase, 1.0)
    chance = {"liver": 0.25, "kidney": 0.2}.get(organ, 0.0) if phase == "arterial" else 0.02
    chance += bright + 0.15 * randomize  # a network must have seen some, however rare they are
    solid = mean[list(_SOLID.get(organ, (healthy,)))]
    for tissue in (tissues.core, tissues.other):
        low, high = prior
        slack = 0.25 * (high - low) * randomize
        contrast = faint * rng.uniform(low - slack, high + slack)
        if rng.random() < chance:
            contrast = rng.uniform(25, 80)
        mean[tissue] = _keep_away(base + contrast, solid, MIN_CONTRAST_HU + rng.uniform(0, 6))
    # Necrosis is near water; the rim lies between the core and the organ, or shines.
    core = mean[tissues.core]
    mean[tissues.necrosis] = min(rng.uniform(5, 30), core - 8, base - MIN_CONTRAST_HU - 5)
    enhanced = phase != "none" and rng.random() < 0.3
    mean[tissues.rim] = base + rng.uniform(15, 45) if enhanced else 0.65 * core + 0.35 * base
    texture[list(tissues.all)] = rng.uniform(4, 11) * (1 + 0.6 * randomize)


def _keep_away(hu: float, tissues: npt.NDArray[np.float64], gap: float) -> float:
    """Move a density to the nearest one that is `gap` HU from every tissue's.

    A tumor as dense as a tissue beside it could not be told from it, by a reader or a network.
    """
    candidates = np.concatenate([[hu], tissues - gap, tissues + gap])
    free = np.abs(candidates[:, None] - tissues).min(axis=1) >= gap - 1e-6
    allowed = candidates[free]
    return float(allowed[np.abs(allowed - hu).argmin()])
