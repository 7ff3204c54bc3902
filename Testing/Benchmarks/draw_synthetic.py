"""Draw synthetic tumors in real scans, a sheet per organ: before, after, and after with outline.

    python Testing/Benchmarks/draw_synthetic.py [SCANS] [-o Resources/Screenshots]

Scans and references come from the folder that `ATLASTUMOR_TEST_DATA` names; organs that no
reference outlines are found by the embedded model. Four tumors for each organ that is in view
somewhere: scans, methods and sizes take turns, and each is the first that fits, so that none is
chosen by its looks.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image
from real_scans import RealScan, list_methods, measure_organ_ml, read_scans

from atlastumor.batch.realism.pictures import arrange, cut_picture, draw_picture
from atlastumor.errors import PlacementError
from atlastumor.organs import ORGANS, Organ
from atlastumor.synthesis.request import TumorRequest
from atlastumor.synthesis.result import SynthesisResult
from atlastumor.synthesis.synthesize import synthesize

REPOSITORY = Path(__file__).resolve().parents[2]
DIAMETERS_MM = (14.0, 22.0, 32.0, 18.0, 12.0, 9.0)
TUMORS = 4
LEAST_ML, LEAST_HOLLOW_ML = 4.0, 1.5  # of organ in view
TILE, GRAYS = 232, 96


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    folder = os.environ.get("ATLASTUMOR_TEST_DATA", REPOSITORY.parent / "shared" / "data")
    parser.add_argument("scans", type=Path, nargs="?", default=Path(folder))
    parser.add_argument("-o", "--output", type=Path, default=REPOSITORY / "Resources/Screenshots")
    options = parser.parse_args()
    stages = list(read_scans(options.scans))
    for organ in ORGANS:
        results = list(grow(stages, organ))
        if not results:
            print(f"{organ.key}: not in view")
            continue
        path = options.output / f"synthetic-{organ.key}.png"
        reduce_colors(draw_sheet(organ, results), organ).save(path, optimize=True)
        print(f"{organ.key}: {len(results)} tumors, {path.name}, {path.stat().st_size} bytes")


def grow(stages: list[RealScan], organ: Organ) -> Iterator[tuple[RealScan, SynthesisResult]]:
    """Grow tumors of an organ, in the scans that show it by turns."""
    least = LEAST_HOLLOW_ML if organ.hollow else LEAST_ML
    seen = [stage for stage in stages if measure_organ_ml(stage.labels, organ) >= least]
    methods = list_methods()
    for number in range(TUMORS if seen else 0):
        stage = seen[number % len(seen)]
        method, shape = methods[(number + number // len(methods)) % len(methods)]
        for seed, diameter_mm in enumerate(DIAMETERS_MM[number:], start=10 * number):
            request = TumorRequest(organ.key, diameter_mm, seed, method.name, shape)
            try:
                yield stage, synthesize(stage.scan, stage.labels, request, method=method)
                break
            except PlacementError as error:
                print(f"{stage.name}, {organ.key}, {diameter_mm:g} mm: {error}")


def draw_sheet(organ: Organ, results: list[tuple[RealScan, SynthesisResult]]) -> Image.Image:
    """A row per tumor: before, after, and after with the outline."""
    rows, captions = [], []
    for stage, result in results:
        new = result.labels.array == organ.tumor_label
        new &= stage.labels.array != organ.tumor_label
        extent_mm = min(max(3.5 * result.diameter_mm, 70.0), 140.0)
        before, after = (
            cut_picture(scan, new, result.lesion.point_ras, extent_mm=extent_mm, n_pixels=TILE)
            for scan in (stage.scan, result.scan)
        )
        shown = [(before, None), (after, None), (after, organ.tumor_color)]
        rows.append([draw_picture(picture, TILE, color=color) for picture, color in shown])
        captions.append(
            f"{result.request.method}, {result.diameter_mm:.0f} mm, {result.contrast_hu:+.0f} HU; "
            f"{stage.name}, {stage.origin}; {extent_mm:.0f} mm wide"
        )
    return arrange(rows, captions)


def reduce_colors(sheet: Image.Image, organ: Organ) -> Image.Image:
    """Keep grays and the outline's color alone, for a small file."""
    grays = np.rint(np.linspace(0, 255, GRAYS)).astype(int)
    colors = [(gray, gray, gray) for gray in grays] + [organ.tumor_color]
    palette = Image.new("P", (1, 1))
    palette.putpalette([int(channel) for color in colors for channel in color])
    return sheet.quantize(palette=palette, dither=Image.Dither.NONE)


if __name__ == "__main__":
    main()
