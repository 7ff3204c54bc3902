"""What picai_eval, MONAI and the sweep count on the same maps; run by `bench_froc_peers.py`.

picai_eval: candidates extracted at a threshold, matched one to one with lesions by IoU >= 0.10;
ours is `best-iou`, strict. Hits differ only where one candidate has that IoU with two lesions or,
along a curve, two candidates have it with one lesion. MONAI: points, here the highest voxel of each
component; ours is `peak`, strict. Detection maps are flat in each candidate, so that choosing
candidates by confidence, as both do, is thresholding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from bench_froc_maps import PeerCase
from monai.metrics.froc import compute_fp_tp_probs_nd, compute_froc_curve_data
from picai_eval.eval import evaluate, evaluate_case
from report_guided_annotation import extract_lesion_candidates
from scipy import ndimage, sparse
from scipy.sparse.csgraph import maximum_bipartite_matching

from atlastumor.detection.froc import FrocCurve, combine
from atlastumor.detection.reference import count_fewest_voxels, find_reference_lesions
from atlastumor.detection.rules import HIT_RULES, HitRule
from atlastumor.detection.sweep import CaseSweep, sweep_case

SPACING_MM = (1.0, 0.8, 0.8)
TOUCHING = np.ones((3, 3, 3), bool)
EXTRACTION = 0.30
THRESHOLDS = np.array((0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6), np.float32)
FEWEST = count_fewest_voxels(30.0, SPACING_MM)
IOU, PEAK = HIT_RULES["best-iou"], HIT_RULES["peak"]

Counts = tuple[int, int]


@dataclass
class Tally:
    """Comparisons of (hits, false positives), and how many came out how."""

    n: int = 0
    n_false: int = 0
    n_hits: int = 0
    n_explained: int = 0

    def add(self, theirs: Counts, ours: Counts, *, explained: bool = False) -> None:
        """Compare; `explained` is whether hits may differ as they do."""
        self.n += 1
        self.n_false += theirs[1] == ours[1]
        self.n_hits += theirs[0] == ours[0]
        self.n_explained += theirs[0] != ours[0] and explained

    def report(self, name: str, reason: str = "") -> bool:
        """Print the tally; gives whether all is equal that should be."""
        equal = f"FP equal in {self.n_false}, hits in {self.n_hits} of {self.n} comparisons"
        print(f"{name}\n  {equal}", flush=True)
        if self.n_explained:
            print(f"  and in {self.n_explained} we have more hits: {reason}")
        missing = 2 * self.n - self.n_false - self.n_hits - self.n_explained
        if missing or not self.n:
            print(f"  NOT EXPLAINED: {missing}")
        return bool(self.n) and not missing


def run_sweep(case: PeerCase, probability: np.ndarray | None = None) -> CaseSweep:
    """Sweep a case, or another map of it."""
    reference = find_reference_lesions(case.mask, spacing_mm=SPACING_MM)
    swept = case.probability if probability is None else probability
    return sweep_case(case.name, "liver", swept, reference)


def extract(case: PeerCase, threshold: float = EXTRACTION) -> np.ndarray:
    """picai_eval's detection map: candidates at a threshold, each with its highest probability."""
    made, _, _ = extract_lesion_candidates(
        case.probability, threshold=threshold, min_voxels_detection=FEWEST - 1
    )
    return made


def judge(case: PeerCase, detections: np.ndarray) -> Counts:
    """picai_eval's hits and false positives of one detection map."""
    found, *_ = evaluate_case(detections, case.mask, min_overlap=IOU.threshold)
    hits = sum(is_lesion and confidence > 0 for is_lesion, confidence, _ in found)
    return int(hits), sum(not is_lesion for is_lesion, *_ in found)


def count_ours(sweep: CaseSweep, threshold: float, rule: HitRule) -> Counts:
    """The sweep's, at one threshold."""
    row = sweep.at(threshold)
    if row < 0:
        return 0, 0
    return int(sweep.hits(rule)[row].sum()), int(sweep.n_strict(rule)[row])


def read(curve: FrocCurve, threshold: float) -> Counts:
    """A curve's, at one threshold."""
    point = curve.point(curve.row_at(threshold))
    return point.tp, point.fp


def find_pairs(candidates: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Which lesions and candidates have the IoU, (L, C), found voxel by voxel."""
    lesions, n_lesions = ndimage.label(mask, TOUCHING)
    labels, n = ndimage.label(candidates, TOUCHING)
    shared = np.zeros((n_lesions + 1, n + 1), np.int64)
    np.add.at(shared, (lesions.ravel(), labels.ravel()), 1)
    sizes, volumes = shared.sum(axis=1)[1:, None], shared.sum(axis=0)[1:]
    within = shared[1:, 1:]
    return (10 * within >= sizes + volumes - within) & (within > 0)


def check_picai_counts(cases: Sequence[PeerCase]) -> bool:
    """Compare with candidates extracted anew at each of some thresholds."""
    tally = Tally()
    for case in cases:
        sweep = run_sweep(case)
        for threshold in THRESHOLDS:
            detections = extract(case, threshold)
            theirs, ours = judge(case, detections), count_ours(sweep, threshold, IOU)
            pairs = find_pairs(detections > 0, case.mask)
            matched = maximum_bipartite_matching(sparse.csr_matrix(pairs)) >= 0
            explained = (theirs[0], ours[0]) == (matched.sum(), pairs.any(axis=1).sum())
            tally.add(theirs, ours, explained=bool(explained))
    name = f"picai_eval, candidates extracted anew: {len(cases)} maps, {THRESHOLDS.size} thresholds"
    return tally.report(name, "a candidate hits two lesions; one to one, it has one of them")


def check_picai_curves(cases: Sequence[PeerCase]) -> bool:
    """Compare whole curves on detection maps, first without candidates that compete."""
    plain, ambiguous = [], []
    for case in cases:
        pairs = find_pairs(extract(case) > 0, case.mask)
        competes = (pairs.sum(axis=0) > 1).any() or (pairs.sum(axis=1) > 1).any()
        (ambiguous if competes else plain).append(case)
    print(f"picai_eval, curve over detection maps extracted at {EXTRACTION}")
    agrees = compare_curve(plain, "without competing candidates")
    return compare_curve(ambiguous, "with competing candidates", competing=True) and agrees


def compare_curve(cases: Sequence[PeerCase], name: str, *, competing: bool = False) -> bool:
    """Compare at every threshold but their last, which they overwrite."""
    if not cases:
        print(f"  no map {name}")
        return True
    maps = [extract(case) for case in cases]
    metrics = evaluate(maps, [case.mask for case in cases], num_parallel_calls=1)
    theirs, curve = metrics.calculate_counts(), combine_maps(cases, maps, IOU)
    tally = Tally()
    for threshold, tp, fp in zip(metrics.thresholds, theirs["TP"], theirs["FP"], strict=True):
        if np.isfinite(fp):
            ours = read(curve, threshold)
            tally.add((int(tp), int(fp)), ours, explained=competing and int(tp) < ours[0])
    return tally.report(
        f"  {len(cases)} maps {name}",
        "one lesion has two candidates, and theirs is the one that overlaps more, not the surer; "
        "or one candidate hits two lesions",
    )


def combine_maps(cases: Sequence[PeerCase], maps: Sequence[np.ndarray], rule: HitRule) -> FrocCurve:
    """Our curve over detection maps."""
    sweeps = [run_sweep(case, made) for case, made in zip(cases, maps, strict=True)]
    return combine(sweeps, rule, strict=True)


def check_lost_points(cases: Sequence[PeerCase]) -> bool:
    """Count what the two lose at the end of a curve where no lesion is missed."""
    found = [case for case in cases if find_pairs(extract(case) > 0, case.mask).any(axis=1).all()]
    ends: list[tuple[int, float, float]] = []
    for case in found:
        made = extract(case)
        curve = combine_maps([case], [made], IOU)
        picai = evaluate([made], [case.mask], num_parallel_calls=1).calculate_counts()
        fp, tp, n = find_points(case, made)
        monai = compute_froc_curve_data(fp, tp, n, 1)[1].max() * n
        ends.append((int(curve.tp.max()), float(picai["TP"].max()), float(monai)))
    ours, picai_all, monai_all = np.array(ends).reshape(-1, 3).sum(axis=0)
    print(f"The end of the curve in {len(found)} maps, each a curve, in which nothing is missed")
    hits = f"ours {ours:.0f}, picai_eval's {picai_all:.0f}, MONAI's {monai_all:.0f}"
    print(f"  hits: {hits}", flush=True)
    return bool(ours >= max(picai_all, monai_all))


def find_points(case: PeerCase, probability: np.ndarray, threshold: float = EXTRACTION) -> tuple:
    """MONAI's: probabilities of false points and of lesions, and the number of lesions."""
    labels, n = ndimage.label(probability >= np.float32(threshold), TOUCHING)
    sizes = np.bincount(labels.ravel(), minlength=n + 1)
    kept = [label for label in range(1, n + 1) if sizes[label] >= FEWEST]
    tops = [int(np.where(labels == label, probability, -1.0).argmax()) for label in kept]
    lesions, _ = ndimage.label(case.mask, TOUCHING)
    coords = np.stack(np.unravel_index(np.array(tops, np.int64), lesions.shape), axis=1)
    return compute_fp_tp_probs_nd(probability.ravel()[tops], coords, lesions)


def check_points(cases: Sequence[PeerCase]) -> bool:
    """Compare with MONAI: at thresholds, and along the curve over detection maps."""
    tally, curve_tally = Tally(), Tally()
    for case in cases:
        sweep = run_sweep(case)
        for threshold in THRESHOLDS:
            fp, tp, _ = find_points(case, case.probability, threshold)
            theirs = int((tp > 0).sum()), fp.size
            tally.add(theirs, count_ours(sweep, threshold, PEAK))
    maps = [extract(case) for case in cases]
    curve = combine_maps(cases, maps, PEAK)
    parts = [find_points(case, made) for case, made in zip(cases, maps, strict=True)]
    fp, tp = (np.concatenate([part[n] for part in parts]) for n in range(2))
    n_lesions = sum(part[2] for part in parts)
    rates, sensitivities = compute_froc_curve_data(fp, tp, n_lesions, len(cases))
    for n, threshold in enumerate(sorted(set(fp) | set(tp))[1:]):
        theirs = round(sensitivities[n] * n_lesions), round(rates[n] * len(cases))
        curve_tally.add(theirs, read(curve, threshold))
    agrees = tally.report(
        f"MONAI, peaks as points: {len(cases)} maps, {THRESHOLDS.size} thresholds"
    )
    return curve_tally.report("MONAI, curve over detection maps") and agrees
