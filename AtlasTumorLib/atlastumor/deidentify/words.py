"""Words that describe scans and never people, for descriptions that are cleaned and not removed."""

from __future__ import annotations

import re

__all__ = ["clean_text", "is_descriptive"]

_WORDS = frozenset(
    """
    a abd abdo abdomen abdominal and angio aorta ap arterial art atlastumor axial axi base biphasic
    bone brain by candidate chest clinical colon colonography contrast cor coronal ct cta cect
    delayed derived drawn early enhanced enteric equilibrium esophagus excretory fast female filter
    for helical image images iv kidney kidneys kub late left liver low dose lesion lesions lung male
    mass mdct mip mm mpr multiphase native ncct nephrographic no non noncontrast not of oral organs
    outlines pancreas pancreatic par parenchymal pelvic pelvis phase phases plain portal portovenous
    post pre protocol pv pvp recon reconstruction renal report right routine sag sagittal scan score
    segmentation series slice smooth soft spiral standard std study survey tap thick thin thorax
    thoracic tissue topogram triphasic tumor tumors two upper use uterus ven venous volume vol whole
    with without w wo
    """.split()  # noqa: SIM905 - a list of words reads best as text
)
_TOKEN = re.compile(r"[A-Za-z]+|\d+(?:[.,]\d+)?|[^A-Za-z0-9]+")
_LONGEST_NUMBER = 4  # characters; dates, times and numbers of people are longer


def clean_text(text: str) -> str:
    """Keep of a description the words and small numbers that tell how a scan was made.

    Args:
        text: The description.

    Returns:
        What is left, words in their order; empty if nothing is.
    """
    kept = []
    for part in text.split():
        if all(_is_known(token) for token in _TOKEN.findall(part)):
            kept.append(part)
    return " ".join(kept).strip(" ,;:-")


def is_descriptive(word: str) -> bool:
    """Tell whether a word is one of those that describe scans."""
    return word.lower() in _WORDS


def _is_known(token: str) -> bool:
    if token.isalpha():
        return is_descriptive(token)
    if token[0].isdigit():
        return len(token) <= _LONGEST_NUMBER
    return all(ch in ".,;:/+-()&%" for ch in token)
