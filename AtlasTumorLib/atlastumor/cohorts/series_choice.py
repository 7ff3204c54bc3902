"""Which DICOM series of a study are segmented, by rules that are shown.

A series is eligible if it is CT, no localizer, neither reformatted nor captured from a screen, has
slices enough for a volume, and these lie side by side in one orientation. Of several that are
eligible, "best" takes the one that comes first by

    1. orientation     axial before others
    2. kernel          soft tissue, then unknown, then lung and bone
    3. coverage        at least 80% of the longest, before shorter ones
    4. phase           venous, then unsaid, then arterial, then delayed, then without contrast
    5. slice spacing   1 to 3 mm, the thinnest first; then thinner ones, then thicker ones
    6. coverage, number of slices, series number

Thin slices show small tumors, but below 1 mm they bring more noise and no detail that a network
working at 1 mm or more could use. Phase and kernel are read from tags and, where these are silent,
from words of the description.

Source:
    ImageType and convolution kernels: DICOM PS3.3 C.7.6.1.1.2, C.8.2.1; names of kernels: the
    conformance statements of Siemens, GE, Philips and Canon.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isnan

from ..scans.gate import MIN_SLICES

__all__ = ["SeriesChoice", "SeriesFacts", "choose_series"]

_AXIAL_COSINE = 0.8
_FULL_COVERAGE = 0.8
_USEFUL_MM = (0.95, 3.05)  # 1 to 3, as spacings are rounded in the files
_REWORKED = (
    "REFORMATTED",
    "MPR",
    "CPR",
    "MIP",
    "MINIP",
    "VRT",
    "SSD",
    "PROJECTION IMAGE",
    "SCREEN SAVE",
    "SUBTRACTION",
)
_SCOUT = re.compile(r"\b(scout|localizer|localiser|topogram|surview|scano(gram)?)\b", re.I)
_DOSE = re.compile(r"\b(dose (report|record|info)|patient protocol)\b", re.I)

# Kernels by name; Siemens' end in a number that is the sharper the higher, as in B31f and Br64.
_SIEMENS = re.compile(r"^(?:[BDHIQSTU][a-z]?|Br|Bv|Qr|Hr|Ur)(\d{2})[a-z]?\b")
_SHARP_FROM = 55
_CANON = re.compile(r"^FC(\d{2})")
_CANON_SHARP = frozenset({30, 31, *range(50, 60), *range(80, 90)})
_SHARP_NAMES = frozenset(
    {"LUNG", "BONE", "BONEPLUS", "EDGE", "CHST", "ULTRA", "L", "YB", "YC", "YD", "D", "E"}
)
_SOFT_NAMES = frozenset({"STANDARD", "SOFT", "DETAIL", "STND", "BODY", "A", "B", "C", "UB", "YA"})
_SHARP_WORDS = re.compile(r"\b(lung|lungs|bone|bones|sharp|hrct)\b", re.I)
_SOFT_WORDS = re.compile(r"\b(soft|standard|std|abdomen|mediastinum)\b", re.I)

_PHASES = (
    (4, re.compile(r"\b(native|non[- ]?contrast|without( contrast)?|unenhanced|nc|w/?o)\b", re.I)),
    (3, re.compile(r"\b(delayed|delay|late|excretory|urographic|\d+ ?min)\b", re.I)),
    (0, re.compile(r"\b(portal|venous|pv|pvp|ven|hepatic|nephrographic|70 ?s(ec)?)\b", re.I)),
    (2, re.compile(r"\b(arterial|art|angio|cta|corticomedullary|30 ?s(ec)?)\b", re.I)),
)
_PHASE_UNSAID = 1


@dataclass(frozen=True)
class SeriesFacts:
    """What is known of a series from its headers.

    Args:
        uid: SeriesInstanceUID.
        study: Hash of the StudyInstanceUID.
        number: SeriesNumber; 0 if it has none.
        description: SeriesDescription; may hold anything, so it is not logged.
        modality: Such as "CT".
        image_type: ImageType, upper case, joined by a backslash.
        kernel: ConvolutionKernel, as the scanner names it.
        n_files: Number of its files.
        n_slices: Number of its CT images that are no localizer.
        n_stacks: Number of its files of several images each; only one can be read.
        n_orientations: Number of different orientations of its slices.
        n_copies: Number of slices that lie where another one lies.
        axial_cosine: How far the slices' normal points along the body, 0 to 1; NaN if unknown.
        spacing_mm: Median distance of slices; NaN if unknown.
        thickness_mm: SliceThickness; NaN if it has none.
        coverage_mm: From the first to the last slice; NaN if unknown.
    """

    uid: str
    study: str = ""
    number: int = 0
    description: str = ""
    modality: str = "CT"
    image_type: str = ""
    kernel: str = ""
    n_files: int = 0
    n_slices: int = 0
    n_stacks: int = 0
    n_orientations: int = 1
    n_copies: int = 0
    axial_cosine: float = float("nan")
    spacing_mm: float = float("nan")
    thickness_mm: float = float("nan")
    coverage_mm: float = float("nan")


@dataclass(frozen=True)
class SeriesChoice:
    """Whether a series is taken, and why.

    Args:
        series: The series.
        is_taken: Whether it is segmented.
        rule: What decided it, in a few words.
        case: Id of its case; empty if it is not taken.
    """

    series: SeriesFacts
    is_taken: bool
    rule: str
    case: str = ""


def choose_series(series: Sequence[SeriesFacts], wanted: str = "best") -> list[SeriesChoice]:
    """Choose among the series of any number of studies.

    Args:
        series: All that were found.
        wanted: "best" for one of each study, "all" for all that are eligible, or a series UID or
            the beginning of one: then no other rule counts than that it is CT.

    Returns:
        One choice per series, by study, number and UID.
    """
    studies: dict[str, list[SeriesFacts]] = {}
    for one in sorted(series, key=lambda one: (one.study, one.number, one.uid)):
        studies.setdefault(one.study, []).append(one)
    return [choice for own in studies.values() for choice in _choose_of_study(own, wanted)]


def _choose_of_study(series: Sequence[SeriesFacts], wanted: str) -> list[SeriesChoice]:
    if wanted not in ("best", "all"):
        return [_choose_by_uid(one, wanted) for one in series]
    reasons = {one.uid: _find_fault(one) for one in series}
    eligible = [one for one in series if not reasons[one.uid]]
    ranked = sorted(eligible, key=lambda one: _rank(one, eligible))
    return [
        SeriesChoice(one, is_taken=False, rule=reasons[one.uid])
        if reasons[one.uid]
        else _say_place(one, ranked, wanted)
        for one in series
    ]


def _choose_by_uid(one: SeriesFacts, wanted: str) -> SeriesChoice:
    if not one.uid.startswith(wanted):
        return SeriesChoice(one, is_taken=False, rule="another series was asked for")
    fault = _find_kind(one)
    return SeriesChoice(one, is_taken=not fault, rule=fault or "asked for by its UID")


def _find_kind(one: SeriesFacts) -> str:
    """Why a series is no CT; empty if it is."""
    if one.modality != "CT":
        return f"no CT: {one.modality or 'no modality'}"
    if one.n_slices:
        return ""
    is_localizer = "LOCALIZER" in one.image_type.split("\\")
    return "localizer" if is_localizer else "no CT images: a capture or report"


def _find_fault(one: SeriesFacts) -> str:
    """Why a series is not eligible; empty if it is."""
    parts = one.image_type.split("\\")
    reworked = next((part for part in parts if part in _REWORKED), "")
    too_few = one.n_slices < MIN_SLICES
    if fault := _find_kind(one):
        return fault
    if too_few and _SCOUT.search(one.description):
        return "localizer"
    if parts[1:2] == ["SECONDARY"] or reworked:
        return f"derived: {reworked.lower() or 'secondary'}"
    if _DOSE.search(one.description):
        return "dose report"
    if too_few:
        return f"{one.n_slices} slices, fewer than {MIN_SLICES}"
    if one.n_stacks > 1:
        return f"{one.n_stacks} files of several images each"
    if one.n_orientations > 1:
        return f"{one.n_orientations} orientations"
    return f"{one.n_copies} slices lie where others lie" if one.n_copies else ""


_Key = Callable[[SeriesFacts], float]


def _criteria(eligible: Sequence[SeriesFacts]) -> dict[str, _Key]:
    """What orders series, the most important first; smaller is better."""
    longest = max((one.coverage_mm for one in eligible if not isnan(one.coverage_mm)), default=0.0)
    return {
        "orientation": lambda one: not one.axial_cosine >= _AXIAL_COSINE,
        "kernel": _rank_kernel,
        "coverage": lambda one: not one.coverage_mm >= _FULL_COVERAGE * longest,
        "phase": _rank_phase,
        "slice spacing": _rank_spacing,
        "longer coverage": lambda one: 0.0 if isnan(one.coverage_mm) else -one.coverage_mm,
        "more slices": lambda one: -one.n_slices,
        "series number": lambda one: one.number,
    }


def _rank(one: SeriesFacts, eligible: Sequence[SeriesFacts]) -> tuple[float | str, ...]:
    return (*(key(one) for key in _criteria(eligible).values()), one.uid)


def _say_place(one: SeriesFacts, ranked: Sequence[SeriesFacts], wanted: str) -> SeriesChoice:
    """Say why an eligible series is taken or not, by the criterion that decided it."""
    first = ranked[0]
    if wanted == "all":
        return SeriesChoice(one, is_taken=True, rule="eligible")
    if len(ranked) == 1:
        return SeriesChoice(one, is_taken=True, rule="the only CT volume of its study")
    other = ranked[1] if one is first else first
    better, worse = (one, other) if one is first else (other, one)
    decided = next(
        (name for name, key in _criteria(ranked).items() if key(better) != key(worse)), "UID"
    )
    where = "before" if one is first else "after"
    return SeriesChoice(
        one, is_taken=one is first, rule=f"{where} series {other.number}: {decided}"
    )


def _rank_kernel(one: SeriesFacts) -> float:
    """0 for soft tissue, 1 for unknown, 2 for sharp ones."""
    name = one.kernel.split("\\")[0].strip()
    siemens, canon = _SIEMENS.match(name), _CANON.match(name.upper())
    if siemens:
        is_sharp = int(siemens[1]) >= _SHARP_FROM or name[1:2] == "l"  # Bl: lung
        return 2.0 if is_sharp else 0.0
    if canon:
        return 2.0 if int(canon[1]) in _CANON_SHARP else 0.0
    if name.upper() in _SHARP_NAMES | _SOFT_NAMES:
        return 2.0 if name.upper() in _SHARP_NAMES else 0.0
    if _SHARP_WORDS.search(one.description.replace("_", " ")):
        return 2.0
    return 0.0 if _SOFT_WORDS.search(one.description.replace("_", " ")) else 1.0


def _rank_phase(one: SeriesFacts) -> float:
    text = one.description.replace("_", " ")
    return next((rank for rank, words in _PHASES if words.search(text)), _PHASE_UNSAID)


def _rank_spacing(one: SeriesFacts) -> float:
    """From 0 on; NaN comes last."""
    spacing = one.thickness_mm if isnan(one.spacing_mm) else one.spacing_mm
    least, most = _USEFUL_MM
    if isnan(spacing):
        return 400.0
    if spacing < least:
        return 100.0 + least - spacing
    return spacing if spacing <= most else 200.0 + spacing
