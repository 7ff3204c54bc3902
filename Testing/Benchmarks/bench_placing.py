"""Synthetic tumors of every method in every organ and size: what must hold, and how long it takes.

Each tumor must lie where it may, measure what was asked for within 10 %, leave every density beyond
its margin as it was, have a border that is not sharper than what is inside its organ, and come out
the same a second time (`Testing/Backend/synthesis/contract.py` and `seams.py` say it in full). On
phantoms, and on the real scans of `ATLASTUMOR_TEST_DATA` with the organs of their references or of
the embedded model. Methods whose weights are not there are left out.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import traceback
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from scipy import ndimage

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "Testing"))

from real_scans import list_methods, measure_organ_ml, read_scans  # noqa: E402

from atlastumor.components import has_label  # noqa: E402
from atlastumor.errors import PlacementError  # noqa: E402
from atlastumor.organs import Organ, select_organs  # noqa: E402
from atlastumor.phantom import (  # noqa: E402
    DEVELOPMENT_SEED,
    PhantomOptions,
    TumorOptions,
    make_phantom,
)
from atlastumor.synthesis.base import AbstractMethod  # noqa: E402
from atlastumor.synthesis.request import TumorRequest  # noqa: E402
from atlastumor.synthesis.result import SynthesisResult  # noqa: E402
from atlastumor.synthesis.synthesize import synthesize  # noqa: E402
from atlastumor.volume import Grid, LabelMap, Scan  # noqa: E402
from Backend.synthesis.contract import check_contract  # noqa: E402 - found after the line above
from Backend.synthesis.made_case import Case  # noqa: E402
from Backend.synthesis.seams import Seam, measure_seam  # noqa: E402

DIAMETERS_MM = (8.0, 14.0, 20.0, 32.0)
LEAST_ML, AROUND_MM = 4.0, 40.0
LATENCY_MM, TURNS = 20.0, 5
FIRST_SEED = DEVELOPMENT_SEED + 9_000


@dataclass
class Row:
    """What came out for one method and organ."""

    outcomes: Counter[str] = field(default_factory=Counter)
    off: list[float] = field(default_factory=list)
    outside: list[float] = field(default_factory=list)
    seams: list[Seam] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--phantoms", type=int, default=2)
    parser.add_argument("--methods", help="between commas; all that need no further weights")
    parser.add_argument("--organs", help="keys between commas; all")
    parser.add_argument("--exophytic", action="store_true", help="tumors that may grow out")
    parser.add_argument("--no-scans", action="store_true", help="phantoms alone")
    options = parser.parse_args()
    chosen = options.methods.split(",") if options.methods else None
    methods = list_methods(chosen)
    organs = select_organs(options.organs.split(",") if options.organs else None)
    rows: dict[tuple[str, str, str], Row] = defaultdict(Row)
    for where, name, case in list_cases(options):
        for organ in organs:
            if measure_organ_ml(case.labels, organ) < LEAST_ML:
                continue
            part = crop(case, organ)
            for method, shape in methods:
                row = rows[where, method.name, organ.key]
                for seed, diameter_mm in enumerate(DIAMETERS_MM):
                    request = TumorRequest(organ.key, diameter_mm, seed, method.name, shape)
                    measure(row, part, replace(request, exophytic=options.exophytic), method)
        print(f"{name}: done", file=sys.stderr, flush=True)
    show(rows)
    sys.exit(any(row.outcomes["broken"] for row in rows.values()))


def list_cases(options: argparse.Namespace) -> Iterator[tuple[str, str, Case]]:
    for number in range(options.phantoms):
        phantom = make_phantom(
            FIRST_SEED + number,
            options=PhantomOptions(
                field_of_view="chest-abdomen-pelvis",
                sex="female",
                phase="portal",
                tumors=TumorOptions(clear_probability=1.0),
            ),
        )
        yield "phantoms", f"phantom {number + 1}", Case(phantom.scan, phantom.labels)
    folder = os.environ.get("ATLASTUMOR_TEST_DATA", REPOSITORY.parent / "shared" / "data")
    if not options.no_scans and Path(folder).is_dir():
        for one in read_scans(Path(folder)):
            yield "real scans", one.name, Case(one.scan, one.labels)


def measure(row: Row, case: Case, request: TumorRequest, method: AbstractMethod) -> None:
    """Grow a tumor, and the one whose time counts."""
    try:
        result = synthesize(case.scan, case.labels, request, method=method)
    except PlacementError as error:
        row.outcomes["no room" if "the largest that does" in str(error) else "broken"] += 1
        return
    row.outcomes["good" if is_good(row, case, result, method) else "broken"] += 1
    row.outside.append(result.outside_share)
    if request.diameter_mm == LATENCY_MM:
        row.seconds.append(time_click(case, result, method))


def crop(case: Case, organ: Organ) -> Case:
    """The part of a scan around an organ: quicker to check, and all that matters for its tumors."""
    mask = has_label(case.labels.array, organ.labels)
    grid = case.scan.grid
    box = tuple(
        slice(max(side.start - step, 0), min(side.stop + step, n))
        for side, step, n in zip(
            ndimage.find_objects(mask.view(np.uint8))[0],
            (int(np.ceil(AROUND_MM / mm)) for mm in grid.spacing_mm),
            grid.shape,
            strict=True,
        )
    )
    affine = grid.affine.copy()
    affine[:3, 3] = grid.to_ras([side.start for side in box])
    scan, labels = case.scan.array[box].copy(), case.labels.array[box].copy()
    grid = Grid(scan.shape, affine)
    return Case(Scan(scan, grid, case.scan.source), LabelMap(labels, grid, case.labels.names))


def is_good(row: Row, case: Case, result: SynthesisResult, method: AbstractMethod) -> bool:
    """Check a tumor, and the same one made again."""
    row.off.append(abs(result.diameter_mm / result.request.diameter_mm - 1.0))
    row.seams.append(measure_seam(case.scan, case.labels, result))
    again = synthesize(case.scan, case.labels, result.request, method=method)
    try:
        check_contract(case, result)
        assert row.seams[-1].is_hidden, f"a seam: {row.seams[-1]}"
        assert np.array_equal(result.scan.array, again.scan.array), "other bytes"
        assert np.array_equal(result.labels.array, again.labels.array), "other labels"
    except AssertionError:
        print(f"{result.request}", file=sys.stderr)
        traceback.print_exc(limit=1)
        return False
    return True


def time_click(case: Case, result: SynthesisResult, method: AbstractMethod) -> float:
    """Least seconds for a click where the tumor is, everything in memory."""
    request = TumorRequest(
        result.request.organ,
        LATENCY_MM,
        result.request.seed,
        method.name,
        result.request.shape,
        center_ras=result.center_ras,
    )
    times = []
    for _ in range(TURNS if method.name != "diffusion" else 2):
        started = time.perf_counter()
        synthesize(case.scan, case.labels, request, method=method)
        times.append(time.perf_counter() - started)
    return min(times)


def show(rows: dict[tuple[str, str, str], Row]) -> None:
    """Print the table as Markdown."""
    outcomes = ("good", "no room", "broken")
    names = ("where", "method", "organ", *outcomes, "size off", "outside", "seam", "20 mm")
    print(f"| {' | '.join(names)} |")
    print(f"|{'---|' * len(names)}")
    for key, row in sorted(rows.items()):
        seen = [seam.edge for seam in row.seams if seam.border > seam.inside]
        cells = (
            *key,
            *(str(row.outcomes[outcome]) for outcome in outcomes),
            f"{max(row.off):.1%}" if row.off else "-",
            f"{max(row.outside):.0%}" if row.outside else "-",
            f"{max(seen):.2f} of an edge" if seen else "within range",
            f"{max(row.seconds):.2f} s" if row.seconds else "-",
        )
        print(f"| {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
