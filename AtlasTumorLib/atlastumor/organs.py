"""The organ table: one row per organ, and nothing else knows an organ by name.

Label values are those of AbdomenAtlas 2.0 (its data card's class map); a network's channels live
in that network's model card and meet this table by organ key only. Python and not a data file, so
that priors carry their source beside them (decision 0003). Needs no third-party package.
"""

from __future__ import annotations

from collections.abc import Iterable

from .errors import UnknownKeyError
from .organ_types import RGB, Alias, Code, Organ, Side, TumorPrior, make_aliases

__all__ = [
    "KEYS",
    "LESION_FINDING",
    "ORGANS",
    "RGB",
    "Alias",
    "Code",
    "Organ",
    "Side",
    "TumorPrior",
    "find_organ",
    "label_names",
    "select_organs",
]

LESION_FINDING = Code("4147007", "Mass")
"""What an unreviewed candidate honestly is; category 49755003 Morphologically Altered Structure.

The uterine lesions of AbdomenAtlas 2.0 are filed as endometrioma, yet the paper calls them uterine
tumors; "Mass" in the region of the uterus commits to neither.
"""

# Radii 4, 8, 16 and 32 mm: the tumor taxonomy of DiffTumor (Chen et al., CVPR 2024).
_TAXONOMY_MM = (8.0, 64.0)
_ABDOMEN_WINDOW_HU = (-160.0, 240.0)

ORGANS: tuple[Organ, ...] = (
    Organ(
        key="liver",
        name="Liver",
        labels=(5,),
        tumor_label=27,
        color=(221, 130, 101),
        tumor_color=(255, 215, 0),
        snomed=Code("10200004", "Liver"),
        window_hu=(-60.0, 200.0),
        tumor=TumorPrior(
            _TAXONOMY_MM,
            (-80.0, -30.0),
            "SynTumor (Hu et al., CVPR 2023): 65-145 HU removed, scaled by a texture of mean 0.5",
        ),
        organ_files=("liver",),
        tumor_files=("liver_lesion", "liver_tumor"),
        words=("liver", "hepatic", "hepatocellular", "hcc"),
        aliases=make_aliases(
            totalsegmentator=Alias((5,)),
            msd=Alias((1,), (2,)),
            lits=Alias((1,), (2,)),
            flare21=Alias((1,)),
            flare22=Alias((1,)),
            amos=Alias((6,)),
        ),
    ),
    Organ(
        key="pancreas",
        name="Pancreas",
        labels=(6,),
        tumor_label=28,
        color=(249, 180, 111),
        tumor_color=(0, 200, 255),
        snomed=Code("15776009", "Pancreas"),
        window_hu=_ABDOMEN_WINDOW_HU,
        tumor=TumorPrior(
            _TAXONOMY_MM,
            (-70.0, -25.0),
            "Pixel2Cancer (Lai et al., MICCAI 2024): as liver, within pancreas densities",
        ),
        organ_files=("pancreas",),
        tumor_files=("pancreatic_lesion", "pancreas_lesion", "pancreatic_tumor", "pancreas_tumor"),
        words=("pancreas", "pancreatic", "pdac"),
        aliases=make_aliases(
            totalsegmentator=Alias((7,)),
            msd=Alias((1,), (2,)),
            flare21=Alias((4,)),
            flare22=Alias((4,)),
            amos=Alias((10,)),
        ),
    ),
    Organ(
        key="kidney",
        name="Kidney",
        labels=(3, 4),
        tumor_label=29,
        color=(185, 102, 83),
        tumor_color=(60, 220, 90),
        snomed=Code("64033007", "Kidney"),
        sides=(
            Side("left", 3, Code("18639004", "Left kidney"), Code("7771000", "Left")),
            Side("right", 4, Code("9846003", "Right kidney"), Code("24028007", "Right")),
        ),
        window_hu=_ABDOMEN_WINDOW_HU,
        tumor=TumorPrior(
            _TAXONOMY_MM,
            (-110.0, -20.0),
            "Pixel2Cancer: 65-145 HU removed, kidney densities 140-200 HU",
        ),
        organ_files=("kidney_left", "kidney_right"),
        tumor_files=("kidney_lesion", "kidney_tumor", "kidney_cyst"),
        words=("kidney", "kidneys", "renal", "rcc"),
        aliases=make_aliases(
            totalsegmentator=Alias((3, 2)),
            kits=Alias((1,), (2, 3)),
            flare21=Alias((2,)),
            flare22=Alias((13, 2)),
            amos=Alias((3, 2)),
        ),
    ),
    Organ(
        key="colon",
        name="Colon",
        labels=(14,),
        tumor_label=30,
        color=(204, 168, 143),
        tumor_color=(235, 60, 60),
        snomed=Code("71854001", "Colon"),
        window_hu=_ABDOMEN_WINDOW_HU,
        tumor=TumorPrior(
            _TAXONOMY_MM,
            (-15.0, 40.0),
            "Sizes: the shared taxonomy. Contrast: our assumption of an enhancing wall mass",
        ),
        organ_files=("colon",),
        tumor_files=("colon_lesion", "colon_tumor"),
        words=("colon", "colonic", "colorectal"),
        aliases=make_aliases(totalsegmentator=Alias((20,)), msd=Alias((), (1,))),
        hollow=True,
    ),
    Organ(
        key="esophagus",
        name="Esophagus",
        labels=(16,),
        tumor_label=32,
        color=(211, 171, 143),
        tumor_color=(190, 90, 255),
        snomed=Code("32849002", "Esophagus"),
        window_hu=_ABDOMEN_WINDOW_HU,
        tumor=TumorPrior(
            _TAXONOMY_MM,
            (-10.0, 40.0),
            "Sizes: the shared taxonomy. Contrast: our assumption of an enhancing wall mass",
        ),
        organ_files=("esophagus",),
        tumor_files=("esophagus_tumor", "esophagus_lesion", "esophageal_lesion"),
        words=("esophagus", "oesophagus", "esophageal", "oesophageal"),
        aliases=make_aliases(totalsegmentator=Alias((15,)), flare22=Alias((10,)), amos=Alias((5,))),
        hollow=True,
    ),
    Organ(
        key="uterus",
        name="Uterus",
        labels=(26,),
        tumor_label=31,
        color=(255, 181, 158),
        tumor_color=(255, 70, 180),
        snomed=Code("35039007", "Uterus"),
        window_hu=_ABDOMEN_WINDOW_HU,
        tumor=TumorPrior(
            _TAXONOMY_MM,
            (-60.0, -15.0),
            "Sizes: the shared taxonomy. Contrast: our assumption of a mass that enhances less",
        ),
        organ_files=("uterus",),
        tumor_files=("endometrioma_tumor", "uterus_lesion", "uterus_tumor"),
        words=("uterus", "uterine", "endometrial", "endometrioma"),
        hollow=True,
    ),
)
"""The six organs, in the order in which people read them."""

KEYS: tuple[str, ...] = tuple(organ.key for organ in ORGANS)


def find_organ(key: str) -> Organ:
    """Find an organ by its key.

    Args:
        key: Such as "liver"; case does not matter.

    Returns:
        Its row.

    Raises:
        UnknownKeyError: If no organ has this key.
    """
    for organ in ORGANS:
        if organ.key == key.strip().lower():
            return organ
    raise UnknownKeyError("organ", key, KEYS)


def select_organs(keys: Iterable[str] | None) -> tuple[Organ, ...]:
    """Select rows by key, in table order and without repeats.

    Args:
        keys: Organ keys; None or none at all selects every organ.

    Returns:
        The rows.

    Raises:
        UnknownKeyError: If a key names no organ.
    """
    wanted = {find_organ(key).key for key in keys} if keys is not None else set()
    return tuple(organ for organ in ORGANS if not wanted or organ.key in wanted)


def label_names(organs: Iterable[Organ] = ORGANS) -> dict[int, str]:
    """Name every value that our label maps may hold.

    Args:
        organs: The rows to name.

    Returns:
        AbdomenAtlas 2.0 mask names by label value: `{3: "kidney_left", ..., 27: "liver_lesion"}`.
    """
    names: dict[int, str] = {}
    for organ in organs:
        names.update(zip(organ.labels, organ.organ_files, strict=True))
        names[organ.tumor_label] = organ.tumor_files[0]
    return dict(sorted(names.items()))
