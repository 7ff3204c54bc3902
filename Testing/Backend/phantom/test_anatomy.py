import numpy as np
import pytest
from scipy import ndimage

from atlastumor.errors import InputError
from atlastumor.organs import find_organ
from atlastumor.phantom import Anatomy, Tissue, TumorOptions, make_anatomy

NO_TUMORS = TumorOptions(per_organ_probability=0.0)

# Medians of adults, mL; single bodies may lie outside.
MEDIAN_ML = {
    "liver": (1200, 1900),
    "pancreas": (55, 110),
    "colon": (400, 1100),
    "esophagus": (25, 70),
    "uterus": (40, 110),
}


@pytest.fixture(scope="module")
def bodies() -> list[Anatomy]:
    """Seven women from shoulders to thighs, in coarse anisotropic voxels."""
    return [
        make_anatomy(
            seed,
            spacing_mm=(4.5, 4.5, 5.0),
            tumors=NO_TUMORS,
            field_of_view="chest-abdomen-pelvis",
            sex="female",
        )
        for seed in range(2_000_000, 2_000_007)
    ]


def volumes_ml(bodies: list[Anatomy], labels: tuple[int, ...]) -> np.ndarray:
    return np.array([np.isin(b.labels, labels).sum() * b.grid.voxel_ml for b in bodies])


def center(body: Anatomy, *tissues: Tissue) -> np.ndarray:
    return body.grid.to_ras(np.argwhere(np.isin(body.tissues, tissues)).mean(axis=0))


def test_the_same_seed_gives_the_same_bytes() -> None:
    first, second = (make_anatomy(7, spacing_mm=5.0) for _ in range(2))

    assert first.tissues.tobytes() == second.tissues.tobytes()
    assert first.lesions == second.lesions


def test_another_seed_gives_another_body(bodies: list[Anatomy]) -> None:
    livers = volumes_ml(bodies, (find_organ("liver").label,))

    assert len(set(livers.round(1))) == len(bodies)


@pytest.mark.parametrize("organ", MEDIAN_ML)
def test_organs_are_as_large_as_in_adults(bodies: list[Anatomy], organ: str) -> None:
    low, high = MEDIAN_ML[organ]

    assert low < np.median(volumes_ml(bodies, find_organ(organ).labels)) < high


def test_each_kidney_is_as_large_as_in_adults(bodies: list[Anatomy]) -> None:
    for label in find_organ("kidney").labels:
        assert 110 < np.median(volumes_ml(bodies, (label,))) < 220


def test_organs_lie_where_they_belong(bodies: list[Anatomy]) -> None:
    for body in bodies:
        liver = center(body, Tissue.LIVER)
        spleen = center(body, Tissue.SPLEEN)
        left = center(body, Tissue.KIDNEY_LEFT_CORTEX)
        right = center(body, Tissue.KIDNEY_RIGHT_CORTEX)
        pancreas = center(body, Tissue.PANCREAS)
        womb = center(body, Tissue.UTERUS)

        assert liver[0] > 0 > spleen[0]
        assert right[0] > pancreas[0] > left[0]
        assert womb[2] < left[2] < liver[2]
        assert pancreas[1] > left[1]
        assert center(body, Tissue.AORTA)[0] < center(body, Tissue.VEIN)[0]


def test_a_man_has_no_uterus() -> None:
    man = make_anatomy(3, spacing_mm=5.0, sex="male", field_of_view="abdomen-pelvis")

    assert not np.isin(man.tissues, [Tissue.UTERUS, Tissue.ENDOMETRIUM]).any()
    assert (man.tissues == Tissue.PROSTATE).any()
    assert "uterus" not in {lesion.organ for lesion in man.lesions}


def test_the_field_of_view_decides_what_is_seen() -> None:
    upper = make_anatomy(3, spacing_mm=5.0, field_of_view="upper abdomen")

    assert (upper.tissues == Tissue.LIVER).any()
    assert not (upper.tissues == Tissue.URINE).any()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"spacing_mm": 0.1}, "spacing"),
        ({"spacing_mm": float("nan")}, "spacing"),
        ({"field_of_view": "head"}, "field of view 'head'"),
        ({"sex": "unknown"}, "sex 'unknown'"),
    ],
)
def test_a_bad_option_is_an_input_error(options: dict[str, object], says: str) -> None:
    with pytest.raises(InputError, match=says):
        make_anatomy(0, **options)


def test_a_negative_seed_is_an_input_error() -> None:
    with pytest.raises(InputError, match="not negative"):
        make_anatomy(-1, spacing_mm=5.0)


def test_the_medulla_lies_in_many_separate_pyramids_under_the_cortex() -> None:
    tissues = make_anatomy(
        2_000_011, spacing_mm=1.5, tumors=NO_TUMORS, field_of_view="abdomen"
    ).tissues
    medulla = tissues == Tissue.KIDNEY_LEFT_MEDULLA
    cortex = tissues == Tissue.KIDNEY_LEFT_CORTEX
    cores = ndimage.label(ndimage.binary_erosion(medulla, iterations=2))[0]
    sizes = np.bincount(cores.ravel())[1:] * 1.5**3 / 1000
    assert 6 <= (sizes > 0.1).sum() <= 22
    assert sizes.max() < 0.4 * sizes.sum()
    assert 0.2 < medulla.sum() / (medulla.sum() + cortex.sum()) < 0.5
