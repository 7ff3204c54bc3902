"""What the quality filter keeps of synthetic tumors, and of tumors that were broken on purpose.

The embedded model is the critic. Phantoms without tumors are the scans (seeds for development, on
which nothing was trained), with their true organs; one tumor of each method goes into each organ in
view. Every tumor is then broken in five ways:

    gone      the organ's own voxels where the tumor was: what was painted is taken out
    faded     its mean contrast is taken out, its texture stays
    dense     400 HU denser
    air       -900 HU
    moved     what was painted lies one diameter beside the outline

The tables say what the filter did, and what FreeTumor's rule alone (share found again) would have
done. A journal holds every answer, so that a run that was broken off goes on.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from real_scans import list_methods, measure_organ_ml

from atlastumor.batch.quality import judge_tumor
from atlastumor.errors import PlacementError
from atlastumor.evaluation.workers import segmenter_of
from atlastumor.models.card import DEFAULT_MODEL, find_card
from atlastumor.organs import KEYS, ORGANS, find_organ
from atlastumor.phantom import DEVELOPMENT_SEED, Phantom, PhantomOptions, TumorOptions, make_phantom
from atlastumor.synthesis.request import TumorRequest, draw_diameter
from atlastumor.synthesis.result import SynthesisResult
from atlastumor.synthesis.synthesize import synthesize
from atlastumor.volume import Scan

FIRST_SEED = DEVELOPMENT_SEED + 7_000
LEAST_ML, LEAST = 4.0, 0.7
GOOD = "good"
Break = Callable[[SynthesisResult, Scan, np.ndarray], np.ndarray]
Answer = dict[str, object]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--phantoms", type=int, default=12, help="a tumor per method and organ in each"
    )
    parser.add_argument("--methods", help="between commas; all that need no further weights")
    parser.add_argument("--organs", default=",".join(KEYS))
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--phase", help="none, arterial, portal or delayed (drawn)")
    parser.add_argument("--journal", type=Path, default=Path("build/bench-filter.jsonl"))
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args()
    options.journal.parent.mkdir(parents=True, exist_ok=True)
    critic = f"{options.model} {find_card(options.model).weights.sha256[:12]}"
    answers = read_journal(options.journal, critic)
    done = {str(answer["phantom"]) for answer in answers}
    missing = [n for n in range(options.phantoms) if str(n) not in done]
    judge = partial(
        judge_phantom,
        model=options.model,
        methods=options.methods.split(",") if options.methods else None,
        organs=options.organs.split(","),
        phase=options.phase,
    )
    with ProcessPoolExecutor(options.workers) as pool, options.journal.open("a") as file:
        for found in pool.map(judge, missing):
            for answer in found:
                file.write(json.dumps({"critic": critic, **answer}) + "\n")
            file.flush()
            answers += found
            print(f"{len(answers)} answers", file=sys.stderr)
    print(f"Critic: {critic}; {options.phantoms} phantoms from seed {FIRST_SEED}.\n")
    show_kept([answer for answer in answers if answer["kind"] == GOOD])
    show_broken([answer for answer in answers if answer["kind"] != GOOD])


def read_journal(path: Path, critic: str) -> list[Answer]:
    """Answers of an earlier run with the same critic."""
    if not path.is_file():
        return []
    answers = [json.loads(line) for line in path.read_text().splitlines()]
    return [answer for answer in answers if answer["critic"] == critic]


def judge_phantom(
    number: int, *, model: str, methods: list[str] | None, organs: list[str], phase: str | None
) -> list[Answer]:
    """Grow, break and judge the tumors of one phantom."""
    phantom = make_phantom(
        FIRST_SEED + number,
        options=PhantomOptions(
            field_of_view="chest-abdomen-pelvis" if number % 2 else "abdomen-pelvis",
            sex="female",
            phase=phase,
            in_plane_mm=1.6,
            slice_mm=3.0,
            tumors=TumorOptions(clear_probability=1.0),
        ),
    )
    answers = []
    for result in grow(phantom, number, methods, organs):
        for kind, scan in [(GOOD, result.scan), *break_tumor(result, phantom.scan)]:
            made = replace(result, scan=scan)
            quality = judge_tumor(segmenter_of(model), made, before=phantom.scan, least=LEAST)
            answers.append(
                {
                    "phantom": number,
                    "phase": phantom.description["phase"],
                    "organ": result.request.organ,
                    "method": result.request.method,
                    "diameter_mm": round(result.diameter_mm, 1),
                    "kind": kind,
                    **quality.record(),
                    "is_plausible": quality.is_plausible,
                    "is_kept": quality.is_kept,
                }
            )
    return answers


def grow(
    phantom: Phantom, number: int, methods: list[str] | None, organs: list[str]
) -> Iterator[SynthesisResult]:
    """One tumor per method and organ in view, each alone in the phantom, of the paper's sizes."""
    for organ in ORGANS:
        if organ.key not in organs or measure_organ_ml(phantom.labels, organ) < LEAST_ML:
            continue
        for method, shape in list_methods(methods):
            rng = np.random.default_rng([number, ORGANS.index(organ)])
            for seed in range(10):
                diameter_mm = draw_diameter(rng, organ.key)
                request = TumorRequest(
                    organ.key, diameter_mm, 100 * number + seed, method.name, shape
                )
                try:
                    yield synthesize(phantom.scan, phantom.labels, request, method=method)
                    break
                except PlacementError:
                    continue


def break_tumor(result: SynthesisResult, before: Scan) -> Iterator[tuple[str, Scan]]:
    """The scan with the tumor, broken in every way."""
    label = find_organ(result.request.organ).tumor_label
    tumor = result.labels.array == label
    for kind, change in BREAKS.items():
        array = change(result, before, tumor)
        yield kind, Scan(array.astype(before.array.dtype), before.grid, result.scan.source)


def take_out(_result: SynthesisResult, before: Scan, _tumor: np.ndarray) -> np.ndarray:
    return before.array.copy()


def fade(result: SynthesisResult, _before: Scan, tumor: np.ndarray) -> np.ndarray:
    array = result.scan.array.astype(np.float32)
    array[tumor] -= result.contrast_hu
    return array


def make_dense(result: SynthesisResult, _before: Scan, tumor: np.ndarray) -> np.ndarray:
    array = result.scan.array.astype(np.float32)
    array[tumor] += 400.0
    return array


def make_air(result: SynthesisResult, _before: Scan, tumor: np.ndarray) -> np.ndarray:
    array = result.scan.array.copy()
    array[tumor] = -900
    return array


def move(result: SynthesisResult, before: Scan, tumor: np.ndarray) -> np.ndarray:
    """Shift what was painted along i, into the scan."""
    painted = result.scan.array.astype(np.float32) - before.array
    step = int(np.ceil(result.diameter_mm / before.grid.spacing_mm[0]))
    middle = np.argwhere(tumor.any(axis=(1, 2))).mean()
    return before.array + np.roll(painted, step if middle < tumor.shape[0] / 2 else -step, axis=0)


BREAKS: dict[str, Break] = {
    "gone": take_out,
    "faded": fade,
    "dense": make_dense,
    "air": make_air,
    "moved": move,
}


def show_kept(answers: list[Answer]) -> None:
    """Print what was kept of good tumors, as Markdown."""
    print("| method | organ | tumors | kept | by share alone | median share | not plausible |")
    print("|---|---|---|---|---|---|---|")
    groups = sorted({(str(a["method"]), str(a["organ"])) for a in answers})
    for method in sorted({method for method, _ in groups}):
        groups.append((method, "all"))
    for method, organ in groups:
        own = [a for a in answers if a["method"] == method and organ in (a["organ"], "all")]
        kept = [bool(a["is_kept"]) for a in own]
        found = [float(a["share"]) >= LEAST for a in own]
        odd = [not a["is_plausible"] for a in own]
        share = statistics.median(float(a["share"]) for a in own)
        cells = (len(own), rate(kept), rate(found), f"{share:.2f}", sum(odd))
        print(f"| {method} | {organ} | {' | '.join(map(str, cells))} |")


def show_broken(answers: list[Answer]) -> None:
    """Print what was rejected of broken tumors, as Markdown."""
    print("\n| broken | tumors | rejected | by share alone |")
    print("|---|---|---|---|")
    for kind in (*BREAKS, "all"):
        own = [a for a in answers if kind in (a["kind"], "all")]
        rejected = [not a["is_kept"] for a in own]
        missed = [float(a["share"]) < LEAST for a in own]
        print(f"| {kind} | {len(own)} | {rate(rejected)} | {rate(missed)} |")


def rate(hits: list[bool]) -> str:
    return f"{sum(hits) / len(hits):.0%} ({sum(hits)})" if hits else "-"


if __name__ == "__main__":
    main()
