"""How many Hounsfield units each tissue has, by contrast phase.

Typical values of adult CT at 120 kVp from radiology references: unenhanced soft tissue and fat as
in Bushberg et al., The Essential Physics of Medical Imaging; in the late arterial phase aorta
250-350 HU, liver 60-75, cortex of the kidney 130-180; in the portal-venous phase liver 100-120,
spleen 110-130, aorta and portal vein 150-190 (Bae, Radiology 2010, review of contrast timing).
Tumors are not here: they are drawn relative to their organ.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["HOUNSFIELD", "PHASES", "Density"]

PHASES = ("none", "arterial", "portal", "delayed")


@dataclass(frozen=True)
class Density:
    """HU of one tissue.

    Args:
        hu: Mean in each of `PHASES`.
        spread: Standard deviation of that mean between patients.
        texture: Standard deviation within the tissue of one patient, noise left out.
    """

    hu: tuple[float, float, float, float]
    spread: float
    texture: float


def _same(hu: float, spread: float, texture: float) -> Density:
    return Density((hu, hu, hu, hu), spread, texture)


_LIVER = Density((56, 70, 108, 92), 9, 4)
_CORTEX = Density((33, 150, 165, 135), 12, 6)
_MEDULLA = Density((32, 75, 150, 140), 12, 6)
_WALL = Density((38, 62, 82, 72), 9, 7)
_VEIN_IN_LIVER = Density((42, 72, 155, 118), 10, 3)
_PORTAL = Density((42, 115, 165, 120), 12, 3)

HOUNSFIELD: dict[str, Density] = {
    "AIR": _same(-1000, 0, 0),
    "SKIN": _same(10, 15, 10),
    "FAT": _same(-105, 6, 5),
    "VISCERAL_FAT": _same(-100, 8, 9),
    "MUSCLE": Density((52, 58, 64, 64), 6, 8),
    "CORTICAL_BONE": _same(520, 130, 80),
    "MARROW": _same(170, 55, 32),
    "DISC": _same(85, 15, 8),
    "SPINAL_CANAL": _same(28, 8, 8),
    "LUNG": _same(-830, 30, 35),
    "MEDIASTINUM": _same(-85, 25, 20),
    "MYOCARDIUM": Density((48, 95, 105, 90), 10, 6),
    "HEART_BLOOD": Density((42, 260, 150, 115), 25, 6),
    "AORTA": Density((42, 300, 155, 118), 35, 4),
    "ARTERY": Density((42, 280, 150, 115), 35, 6),
    "VEIN": Density((40, 75, 145, 115), 22, 5),
    "PORTAL_VEIN": Density((42, 120, 165, 120), 18, 4),
    "CALCIFICATION": _same(700, 200, 60),
    "LIVER": _LIVER,
    "HEPATIC_VEIN": _VEIN_IN_LIVER,
    "HEPATIC_PORTAL": _PORTAL,
    "GALLBLADDER": _same(9, 7, 3),
    "SPLEEN": Density((47, 105, 118, 95), 9, 4),
    "PANCREAS": Density((40, 98, 92, 74), 9, 7),
    "PANCREATIC_DUCT": _same(14, 6, 3),
    "ADRENAL": Density((20, 60, 65, 50), 10, 5),
    "KIDNEY_LEFT_CORTEX": _CORTEX,
    "KIDNEY_LEFT_MEDULLA": _MEDULLA,
    "KIDNEY_RIGHT_CORTEX": _CORTEX,
    "KIDNEY_RIGHT_MEDULLA": _MEDULLA,
    "RENAL_PELVIS": Density((6, 8, 25, 450), 12, 8),
    "STONE": _same(700, 250, 60),
    "STOMACH_WALL": _WALL,
    "STOMACH_CONTENTS": _same(18, 14, 14),
    "BOWEL_WALL": Density((38, 75, 92, 75), 10, 8),
    "BOWEL_CONTENTS": _same(18, 12, 12),
    "BOWEL_GAS": _same(-960, 25, 10),
    "ORAL_CONTRAST": _same(260, 90, 30),
    "COLON_WALL": _WALL,
    "COLON_GAS": _same(-960, 25, 10),
    "COLON_STOOL": _same(10, 35, 75),
    "COLON_FLUID": _same(15, 10, 8),
    "COLON_CONTRAST": _same(280, 110, 40),
    "ESOPHAGUS_WALL": Density((38, 58, 70, 62), 8, 6),
    "ESOPHAGUS_GAS": _same(-700, 150, 40),
    "BLADDER_WALL": Density((38, 50, 65, 60), 8, 5),
    "URINE": Density((4, 5, 10, 120), 8, 3),
    "UTERUS": Density((48, 80, 105, 98), 12, 9),
    "ENDOMETRIUM": Density((30, 40, 55, 55), 10, 5),
    "PROSTATE": Density((42, 65, 80, 78), 9, 8),
    "TABLE": _same(-250, 100, 20),
    "TABLE_FOAM": _same(-930, 30, 5),
    "METAL": _same(2400, 400, 50),
}
