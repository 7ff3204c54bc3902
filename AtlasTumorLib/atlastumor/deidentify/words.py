"""Words that describe scans and never people, for descriptions that are cleaned and not removed."""

from __future__ import annotations

import re

__all__ = ["clean_text", "is_descriptive"]

_WORDS = frozenset(
    """
    a abd abdo abdomen abdominal and angio aorta ap art arterial axi axial base biphasic bone brain
    cect chest colon colonography contrast cor coronal ct cta delayed derived dose early enhanced
    enteric equilibrium esophagus excretory fast female filter for helical image images iv kidney
    kidneys kub late left lesion lesions liver low lung male mass mdct mip mm mpr multiphase native
    ncct nephrographic no non noncontrast o oral pancreas pancreatic par parenchymal pelvic pelvis
    phase phases plain portal portovenous post pre protocol pv pvp recon reconstruction renal right
    routine sag sagittal scan segmentation series slice smooth soft spiral standard std study survey
    tap thick thin thoracic thorax tissue topogram triphasic tumor tumors two upper uterus ven
    venous vol volume w whole with without wo
    """.split()  # noqa: SIM905 - a list of words reads best as text
)
_WORD = re.compile(r"[A-Za-z]+")
_MEASURE = re.compile(
    r"\d{1,2}[.,]\d{1,2}|\d{1,3}([.,]\d{1,2})?(mm|s|sec|kvp?|mas?)", re.IGNORECASE
)
_SIGNS = ".,;:/+-()&%"


def clean_text(text: str) -> str:
    """Keep of a description the words and measures that tell how a scan was made.

    Numbers are kept as decimals (5.0) or with a unit (120kV): others may be dates or identifiers.

    Args:
        text: The description.

    Returns:
        What is left, words in their order; empty if nothing is.
    """
    return " ".join(part for part in text.split() if _is_known(part)).strip(" ,;:-")


def is_descriptive(word: str) -> bool:
    """Tell whether a word is one of those that describe scans."""
    return word.lower() in _WORDS


def _is_known(part: str) -> bool:
    """Whether a part between spaces holds nothing but known words, or one measure."""
    if _MEASURE.fullmatch(part):
        return True
    words = _WORD.findall(part)
    rest = _WORD.sub("", part)
    return all(map(is_descriptive, words)) and all(sign in _SIGNS for sign in rest)
