from __future__ import annotations

import dataclasses
import json
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from atlastumor.detection.reference import ReferenceLesions, find_reference_lesions
from atlastumor.detection.rules import HIT_RULES, find_hit_rule
from atlastumor.detection.sweep import CaseSweep, SweepOptions, sweep_case
from atlastumor.detection.sweep_files import load_sweep, save_sweep
from atlastumor.errors import Cancelled, GridMismatchError, InputError, OutputError
from Backend.damaged_archives import garble_streams

SPACING = (1.0, 2.0, 5.0)  # a voxel of 10 mm3: three make the least volume
SHAPE = (12, 10, 8)
LESION = (slice(1, 5), slice(1, 4), slice(1, 3))  # 24 voxels
FAR = (slice(8, 11), slice(6, 8), slice(5, 7))  # 12 voxels


def a_reference(
    *blocks: tuple[slice, ...], ignore: tuple[slice, ...] | None = None
) -> ReferenceLesions:
    mask, ignored = np.zeros(SHAPE, bool), np.zeros(SHAPE, bool)
    for block in blocks:
        mask[block] = True
    if ignore is not None:
        ignored[ignore] = True
    return find_reference_lesions(mask, spacing_mm=SPACING, ignore=ignored)


def a_map(*blocks: tuple[tuple[slice, ...], float]) -> np.ndarray:
    probability = np.zeros(SHAPE, np.float32)
    for block, value in blocks:
        probability[block] = value
    return probability


def sweep(probability: np.ndarray, reference: ReferenceLesions, **options: object) -> CaseSweep:
    return sweep_case(
        "case-1", "some-organ", probability, reference, options=SweepOptions(**options)
    )


def test_a_lesion_covered_by_half_has_that_coverage_and_iou() -> None:
    half = (slice(1, 5), slice(1, 4), slice(1, 2))
    swept = sweep(a_map((half, 0.7), (FAR, 0.4)), a_reference(LESION))

    assert swept.thresholds.tolist() == pytest.approx([0.7, 0.4])
    assert swept.union_iou[:, 0].tolist() == [0.5, 0.5]
    assert swept.coverage[:, 0].tolist() == [0.5, 0.5]
    assert swept.n_components.tolist() == [1, 2]
    assert swept.n_false.tolist() == [0, 1]
    assert swept.largest_ml.tolist() == pytest.approx([0.12, 0.12])


def test_a_row_holds_down_to_the_next_and_nothing_is_found_above_the_first() -> None:
    swept = sweep(a_map((LESION, 0.7), (FAR, 0.4)), a_reference(LESION))

    assert [swept.at(theta) for theta in (0.9, 0.7, 0.5, 0.4, 0.05)] == [-1, 0, 0, 1, 1]


def test_the_hits_at_a_threshold_are_those_of_its_row_and_none_above_the_first() -> None:
    swept = sweep(a_map((LESION, 0.7), (FAR, 0.4)), a_reference(LESION, FAR))
    rule = find_hit_rule("any-overlap")

    hits = [swept.hits_at(theta, rule).tolist() for theta in (0.9, 0.7, 0.5, 0.4)]

    assert hits == [[False, False], [True, False], [True, False], [True, True]]


def test_a_threshold_below_the_floor_is_refused() -> None:
    swept = sweep(a_map((LESION, 0.7)), a_reference(LESION), floor=0.1)

    with pytest.raises(InputError, match="below the floor of the sweep"):
        swept.at(0.05)


def test_one_component_over_two_lesions_hits_both_and_is_not_false() -> None:
    both = (slice(1, 11), slice(1, 8), slice(1, 7))
    swept = sweep(a_map((both, 0.5)), a_reference(LESION, FAR))

    assert swept.hits(find_hit_rule("coverage", 1.0)).tolist() == [[False, False]]  # the guard
    assert swept.hits(dataclasses.replace(find_hit_rule("coverage", 1.0), guard=False)).all()
    assert swept.n_false.tolist() == [0]
    assert swept.n_strict(HIT_RULES["union-iou"]).tolist() == [1]  # IoUs of 24/420 and 12/420


def test_pieces_of_a_lesion_are_one_hit_and_count_strictly_by_the_rule() -> None:
    pieces = [(slice(1, 5), slice(1, 4), slice(1, 2)), (slice(1, 5), slice(1, 2), slice(3, 4))]
    lesion = (slice(1, 5), slice(1, 4), slice(1, 6))
    probability = a_map((pieces[0], 0.9), ((slice(1, 5), slice(1, 2), slice(4, 5)), 0.8))

    swept = sweep(probability, a_reference(lesion))

    assert swept.n_components.tolist() == [1, 2]
    assert swept.union_iou[:, 0].tolist() == [12 / 60, 16 / 60]
    assert swept.best_iou[:, 0].tolist() == [0.2, 0.2]
    assert swept.n_strict(HIT_RULES["union-iou"]).tolist() == [0, 0]
    assert swept.n_strict(HIT_RULES["best-iou"]).tolist() == [0, 1]  # the piece has 4/60


def test_a_component_in_an_ignored_region_is_never_false() -> None:
    swept = sweep(a_map((FAR, 0.6)), a_reference(LESION, ignore=FAR))

    assert swept.n_components.tolist() == [1]
    assert swept.n_false.tolist() == [0]
    assert swept.n_strict(HIT_RULES["union-iou"]).tolist() == [0]
    assert not swept.is_clear


def test_crumbs_of_a_map_below_the_least_volume_are_no_components() -> None:
    crumb = (slice(1, 3), slice(1, 2), slice(1, 2))

    swept = sweep(a_map((crumb, 0.9), (FAR, 0.3)), a_reference(LESION))

    assert swept.thresholds.tolist() == pytest.approx([0.3])
    assert swept.highest == pytest.approx(0.9)
    assert swept.score == pytest.approx(0.3)


def test_an_empty_map_has_no_rows_and_no_hits() -> None:
    swept = sweep(a_map(), a_reference(LESION))

    assert swept.thresholds.shape == (0,)
    assert swept.hits(HIT_RULES["any-overlap"]).shape == (0, 1)
    assert swept.n_strict(HIT_RULES["peak"]).shape == (0,)
    assert (swept.highest, swept.score, swept.at(0.5)) == (0.0, 0.0, -1)


def test_without_lesions_all_components_are_false() -> None:
    swept = sweep(a_map((LESION, 0.7), (FAR, 0.4)), a_reference())

    assert swept.is_clear
    assert swept.n_false.tolist() == [1, 2]
    assert swept.n_strict(HIT_RULES["best-iou"]).tolist() == [1, 2]
    assert swept.hits(HIT_RULES["center"]).shape == (2, 0)


def test_the_organ_gives_the_guard_its_volume() -> None:
    big = (slice(0, 12), slice(0, 10), slice(0, 3))  # 360 voxels, more than ten times the lesion
    reference, probability = a_reference(LESION), a_map((big, 0.5))
    organ = np.ones(SHAPE, bool)

    alone = sweep_case("case", "organ", probability, reference)
    inside = sweep_case("case", "organ", probability, reference, organ_mask=organ)

    assert not alone.hits(HIT_RULES["any-overlap"]).any()
    assert alone.organ_ml is None
    assert inside.organ_ml == pytest.approx(9.6)
    assert not inside.hits(HIT_RULES["any-overlap"]).any()  # 360 of 960 voxels, more than 30 %
    fits = sweep_case(
        "case", "organ", a_map(((*big[:2], slice(0, 2)), 0.5)), reference, organ_mask=organ
    )
    assert fits.hits(HIT_RULES["any-overlap"]).all()


def test_the_type_and_order_of_a_map_change_nothing() -> None:
    steps = np.random.default_rng(3).integers(0, 2**15 + 1, SHAPE)
    probability = steps / 2**15
    reference = a_reference(LESION, FAR)

    one = sweep(probability.astype(np.float32), reference)
    other = sweep(np.asfortranarray(probability), reference)

    for field in ("thresholds", "n_components", "union_iou", "best_iou", "peak", "center"):
        assert np.array_equal(getattr(one, field), getattr(other, field))


def test_arrays_of_different_shapes_are_refused() -> None:
    with pytest.raises(GridMismatchError, match="Bring both onto one grid"):
        sweep(np.zeros((3, 3, 3)), a_reference(LESION))
    with pytest.raises(GridMismatchError, match="and the organ"):
        sweep_case(
            "case", "organ", a_map(), a_reference(LESION), organ_mask=np.zeros((1, 1, 1), bool)
        )


def test_progress_rises_to_the_end_and_can_stop_the_work() -> None:
    told: list[float] = []
    sweep_case(
        "case",
        "organ",
        a_map((LESION, 0.5)),
        a_reference(LESION),
        progress=lambda fraction, _stage: told.append(fraction),
    )

    assert told == sorted(told)
    assert told[-1] == 1.0

    def stop(_fraction: float, _stage: str) -> None:
        raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        sweep_case("case", "organ", a_map(), a_reference(LESION), progress=stop)


def test_a_map_that_shatters_is_refused_before_memory_runs_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("atlastumor.detection.pairs._MOST", 100)
    noise = np.random.default_rng(0).random(SHAPE)

    with pytest.raises(InputError, match="Raise the least volume or the floor"):
        sweep(noise, a_reference(LESION, FAR), min_volume_mm3=0.0)


def test_a_sweep_holds_less_than_two_maps_beside_the_map() -> None:
    shape = (160, 160, 120)
    i, j, k = np.ix_(*(np.linspace(-1, 1, n, dtype=np.float32) for n in shape))
    probability = np.clip(1 - np.sqrt(i * i + j * j + k * k) / 0.5, 0, 1)
    reference = find_reference_lesions(probability > 0.5, spacing_mm=SPACING)

    tracemalloc.start()
    swept = sweep_case("case", "organ", probability, reference)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert np.mean(probability >= 0.01) > 0.05
    assert peak < 2 * probability.nbytes
    assert swept.n_components.tolist() == [1] * swept.thresholds.size


@pytest.mark.parametrize(
    "options", [{"floor": 0.0}, {"floor": 1.1}, {"min_volume_mm3": -1.0}, {"max_thresholds": 1}]
)
def test_options_outside_their_range_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(InputError):
        SweepOptions(**options)


# Files


def a_rich_sweep() -> CaseSweep:
    noise = np.random.default_rng(5).random(SHAPE)
    organ = noise < 0.9
    return sweep_case("case-1", "some-organ", noise, a_reference(LESION, FAR), organ_mask=organ)


def test_a_sweep_read_from_its_file_is_equal_in_every_number(tmp_path: Path) -> None:
    swept = a_rich_sweep()

    save_sweep(swept, tmp_path / "case.npz")
    read = load_sweep(tmp_path / "case.npz")

    for field in dataclasses.fields(CaseSweep):
        one, other = getattr(swept, field.name), getattr(read, field.name)
        if isinstance(one, np.ndarray):
            assert np.array_equal(one, other)
            assert one.dtype == other.dtype
        elif field.name not in {"touches", "spans"}:
            assert one == other
    for one, other in zip(vars(swept.spans).values(), vars(read.spans).values(), strict=True):
        assert np.array_equal(one, other)
        assert one.dtype == other.dtype
    for rule in HIT_RULES.values():
        assert np.array_equal(swept.hits(rule), read.hits(rule))
        assert np.array_equal(swept.n_strict(rule), read.n_strict(rule))
    assert [path.name for path in tmp_path.iterdir()] == ["case.npz"]


def test_a_sweep_without_rows_or_lesions_survives_its_file(tmp_path: Path) -> None:
    save_sweep(sweep(a_map(), a_reference()), tmp_path / "empty.npz")

    read = load_sweep(tmp_path / "empty.npz")

    assert (read.thresholds.size, read.lesions, read.organ_voxels) == (0, (), None)


def test_what_is_no_sweep_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.npz").write_text("not a sweep")
    np.savez(tmp_path / "other.npz", text=np.array(json.dumps({"version": 99})))
    np.save(tmp_path / "pickle.npy", np.array([{}], object), allow_pickle=True)
    save_sweep(a_rich_sweep(), tmp_path / "garbled.npz")
    garble_streams(tmp_path / "garbled.npz")

    for name in ("text.npz", "other.npz", "pickle.npy", "absent.npz", "garbled.npz"):
        with pytest.raises(InputError, match="sweep the case again"):
            load_sweep(tmp_path / name)


def test_a_sweep_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot be written"):
        save_sweep(a_rich_sweep(), tmp_path / "no-such-folder" / "case.npz")
