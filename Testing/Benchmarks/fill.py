"""Tell how flat right and false lesions of a model are, to choose a card's `min_fill`.

    python Testing/Benchmarks/fill.py ID [-n 24] [--scans FOLDER]

Phantoms to tune on, and scans of a folder that have a reference; the card's own `min_fill` is left
out. A lesion is right if it touches a tumor of the reference.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import cache, partial
from math import nan
from pathlib import Path

import torch

from atlastumor.cli.console import Console
from atlastumor.components import Region
from atlastumor.evaluation.scans import ReferencePath, list_references, read_reference
from atlastumor.inference.engine import Segmenter
from atlastumor.lesions import measure_fill, measure_lesions
from atlastumor.models.card import DEFAULT_MODEL, find_card
from atlastumor.organs import ORGANS, find_organ
from atlastumor.phantom import DEVELOPMENT_SEED, make_phantom
from atlastumor.scans import read_scan
from atlastumor.volume import LabelMap, Scan

STEPS = (0.1, 0.15, 0.2, 0.25, 0.3, 0.4)


@dataclass(frozen=True)
class Found:
    """A tumor's organ and fill; whether it was drawn, or a lesion that is right or false."""

    organ: str
    kind: str
    fill: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", nargs="?", default=DEFAULT_MODEL, metavar="ID")
    parser.add_argument("-n", type=int, default=24, help="phantoms")
    parser.add_argument("--scans", type=Path, help="folder of scans beside their references")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    console, seeds = Console(), range(DEVELOPMENT_SEED, DEVELOPMENT_SEED + options.n)
    found: list[Found] = []
    with ProcessPoolExecutor(options.workers) as executor:
        for done, some in enumerate(executor.map(partial(on_phantom, options.model), seeds), 1):
            found += some
            console.progress(done / options.n, f"Phantom {done} of {options.n}")
    console.clear()
    tell(console, f"{options.n} phantoms from seed {DEVELOPMENT_SEED}", found)
    if options.scans is not None:
        for one in list_references(options.scans):
            tell(console, one.name, on_scan(options.model, one))


def on_phantom(model: str, seed: int) -> list[Found]:
    phantom = make_phantom(seed)
    drawn = [
        Found(organ, "drawn", measure_fill(tumor, phantom.labels.grid))
        for organ, tumor in list_tumors(phantom.labels)
    ]
    return [*drawn, *judge(model, phantom.scan, phantom.labels)]


def on_scan(model: str, one: ReferencePath) -> list[Found]:
    scan = read_scan(one.scan)
    return list(judge(model, scan, read_reference(one.labels, scan, one.collection, one.organs)))


@cache
def segmenter_of(model: str) -> Segmenter:
    torch.set_num_threads(1)
    card = find_card(model)
    return Segmenter(
        replace(card, postprocess=replace(card.postprocess, min_fill={})), device="cpu"
    )


def judge(model: str, scan: Scan, reference: LabelMap) -> Iterator[Found]:
    """Tell right lesions from false ones."""
    labels = segmenter_of(model).segment(scan).labels
    for organ, lesion in list_tumors(labels):
        truth = reference.array[lesion.box][lesion.mask] == find_organ(organ).tumor_label
        kind = "right" if truth.any() else "false"
        yield Found(organ, kind, measure_fill(lesion, labels.grid))


def list_tumors(labels: LabelMap) -> Iterator[tuple[str, Region]]:
    """Every tumor of a label map, and its organ's key."""
    measured = measure_lesions(labels, organs=ORGANS, score_of=lambda *_: nan)
    for lesion, region in zip(measured.lesions, measured.regions, strict=True):
        yield lesion.organ, region


def tell(console: Console, data: str, found: Iterable[Found]) -> None:
    """Print how many of each kind and organ fill less than each step."""
    every = list(found)
    rows = []
    for organ in ORGANS:
        for kind in ("drawn", "right", "false"):
            own = [one.fill for one in every if (one.organ, one.kind) == (organ.key, kind)]
            if own:
                below = {f"<{step}": sum(fill < step for fill in own) for step in STEPS}
                rows.append({"organ": organ.key, "kind": kind, "n": len(own), **below})
    console.say(data)
    console.table(rows)


if __name__ == "__main__":
    main()
