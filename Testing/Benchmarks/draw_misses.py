"""Draw what the embedded model gets wrong: tumors that it misses, and organs of real scans.

    python Testing/Benchmarks/draw_misses.py [SCANS] [--model ID] [-o Resources/Screenshots]

Missed tumors are those of the phantoms to tune on, in order, at the card's thresholds, none chosen
by its looks: the slice through the tumor's middle, the same with the tumor outlined, and with what
the model took for a tumor of any organ. Real scans are drawn with the reference's organs and with
the model's; they come from the folder that `ATLASTUMOR_TEST_DATA` names.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path

import numpy as np
from PIL import Image

from atlastumor.batch.realism.pictures import arrange, cut_picture, draw_picture
from atlastumor.components import Mask
from atlastumor.detection import match_lesions
from atlastumor.detection.reference import ReferenceLesion, find_reference_lesions
from atlastumor.evaluation.scans import list_references, read_reference
from atlastumor.inference.engine import Segmenter
from atlastumor.inference.recipes import make_segmenter
from atlastumor.models.card import DEFAULT_MODEL
from atlastumor.organs import ORGANS, Organ
from atlastumor.phantom import DEVELOPMENT_SEED, Phantom, make_phantom
from atlastumor.results.drawing import BACKGROUND
from atlastumor.results.pictures import draw_overview
from atlastumor.scans import read_scan
from atlastumor.volume import LabelMap

REPOSITORY = Path(__file__).resolve().parents[2]
TILE, WIDTH_MM = 200, 90.0
TAKEN, COLORS = (255, 255, 255), 160


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    folder = os.environ.get("ATLASTUMOR_TEST_DATA", REPOSITORY.parent / "shared" / "data")
    parser.add_argument("scans", type=Path, nargs="?", default=Path(folder))
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("-n", type=int, default=6, help="missed tumors to draw")
    parser.add_argument("-o", "--output", type=Path, default=REPOSITORY / "Resources/Screenshots")
    options = parser.parse_args()
    segmenter = make_segmenter(options.model)
    draw_tumors(segmenter, options.n).save(options.output / "missed-tumors.png", optimize=True)
    sheet = draw_organs(segmenter, options.scans)
    sheet.save(options.output / "organs-of-real-scans.png", optimize=True)


def draw_tumors(segmenter: Segmenter, n: int) -> Image.Image:
    """A row for each of the first missed tumors."""
    rows, captions = [], []
    for phantom, organ, lesion, labels in islice(find_misses(segmenter), n):
        tumor = cut_lesion(phantom, organ, lesion)
        taken = np.isin(labels.array, [one.tumor_label for one in ORGANS])
        i, j, k = np.rint(lesion.center_ijk)
        center = tuple(float(v) for v in phantom.scan.grid.to_ras([i, j, k]))
        cuts = [
            cut_picture(phantom.scan, mask, center, extent_mm=WIDTH_MM, n_pixels=TILE)
            for mask in (tumor, taken)
        ]
        shown = [(cuts[0], None), (cuts[0], organ.tumor_color), (cuts[1], TAKEN)]
        rows.append([draw_picture(cut, TILE, color=color) for cut, color in shown])
        about = phantom.description
        captions.append(
            f"{organ.name}, {lesion.diameter_mm:.0f} mm, phase: {about['phase']}, "
            f"slices of {phantom.scan.grid.spacing_mm[2]:g} mm; phantom {about['seed']}"
        )
        print(captions[-1])
    return arrange(rows, captions)


def find_misses(
    segmenter: Segmenter,
) -> Iterator[tuple[Phantom, Organ, ReferenceLesion, LabelMap]]:
    """Missed tumors, phantom by phantom, with what the model made of it."""
    for seed in count(DEVELOPMENT_SEED):
        phantom = make_phantom(seed)
        labels = segmenter.segment(phantom.scan).labels
        matches = match_lesions(labels, phantom.labels).lesions
        for (organ, lesion), match in zip(list_lesions(phantom), matches, strict=True):
            if not match.is_found:
                yield phantom, organ, lesion, labels


def list_lesions(phantom: Phantom) -> Iterator[tuple[Organ, ReferenceLesion]]:
    """Tumors by organ in table order, as they are matched."""
    for organ in ORGANS:
        truth = phantom.labels.array == organ.tumor_label
        spacing = phantom.scan.grid.spacing_mm
        for lesion in find_reference_lesions(truth, spacing_mm=spacing).lesions:
            yield organ, lesion


def cut_lesion(phantom: Phantom, organ: Organ, lesion: ReferenceLesion) -> Mask:
    """The voxels of the organ's tumors in a lesion's box."""
    mask = np.zeros(phantom.scan.grid.shape, bool)
    mask[lesion.box] = phantom.labels.array[lesion.box] == organ.tumor_label
    return mask


def draw_organs(segmenter: Segmenter, folder: Path) -> Image.Image:
    """Each scan's overview with the reference's organs, and below it with the model's."""
    pictures = []
    for one in list_references(folder):
        scan = read_scan(one.scan)
        reference = read_reference(one.labels, scan, one.collection, one.organs)
        for labels in (reference, segmenter.segment(scan).labels):
            pictures.append(draw_overview(scan, labels))
    width = max(picture.width for picture in pictures)
    sheet = Image.new("RGB", (width, sum(picture.height for picture in pictures)), BACKGROUND)
    top = 0
    for picture in pictures:
        sheet.paste(picture, (0, top))
        top += picture.height
    small = sheet.resize((sheet.width * 5 // 8, sheet.height * 5 // 8), Image.Resampling.LANCZOS)
    return small.quantize(COLORS)  # for a small file


if __name__ == "__main__":
    main()
