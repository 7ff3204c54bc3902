"""Short terminologies under the names of Slicer's own, which the wheel does not bring.

They hold `Tissue`, the default of every new segment, and nothing an extension could lean on: what
it needs it must bring itself, or it fails here.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

__all__ = ["write_terminologies"]

_SCHEMA = "https://raw.githubusercontent.com/qiicr/dcmqi/master/doc/{}-context-schema.json#"
_TISSUE = {"CodingSchemeDesignator": "SCT", "CodeValue": "85756007", "CodeMeaning": "Tissue"}
_BODY = {"CodingSchemeDesignator": "SCT", "CodeValue": "38266002", "CodeMeaning": "Entire body"}


def _categories(name: str) -> dict[str, Any]:
    kind = {**_TISSUE, "recommendedDisplayRGBValue": [128, 174, 128], "3dSlicerLabel": "tissue"}
    return {
        "SegmentationCategoryTypeContextName": name,
        "@schema": _SCHEMA.format("segment"),
        "SegmentationCodes": {"Category": [{**_TISSUE, "showAnatomy": True, "Type": [kind]}]},
    }


def _regions(name: str) -> dict[str, Any]:
    return {
        "AnatomicContextName": name,
        "@schema": _SCHEMA.format("anatomic"),
        "AnatomicCodes": {"AnatomicRegion": [_BODY]},
    }


def write_terminologies(folder: Path) -> None:
    """Write the files that the terminologies logic looks for in its share folder."""
    anatomy = "Segmentation category and type - 3D Slicer General Anatomy list"
    master = "Segmentation category and type - DICOM master list"
    documents = {
        "SegmentationCategoryTypeModifier-SlicerGeneralAnatomy": _categories(anatomy),
        "SegmentationCategoryTypeModifier-DICOM-Master": _categories(master),
        "AnatomicRegionAndModifier-DICOM-Master": _regions("Anatomic codes - DICOM master list"),
    }
    for name, document in documents.items():
        path = folder / f"{name}.term.json"
        path.write_text(json.dumps(document, indent=1), encoding="utf-8")
