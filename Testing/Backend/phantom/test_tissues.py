import numpy as np
import pytest

from atlastumor.errors import InputError
from atlastumor.organs import KEYS, find_organ, label_names
from atlastumor.phantom.hounsfield import HOUNSFIELD, PHASES
from atlastumor.phantom.tissues import (
    ORGAN_TISSUES,
    TISSUE_LABEL,
    TUMOR_TISSUES,
    Tissue,
    sample_hu,
)


def draws(n: int, phase: str, randomize: float) -> np.ndarray:
    rng = np.random.default_rng(5)
    return np.stack([sample_hu(rng, phase=phase, randomize=randomize)[0] for _ in range(n)])


def test_every_label_of_the_organ_table_has_a_tissue() -> None:
    assert set(TISSUE_LABEL.tolist()) == {0, *label_names()}


def test_every_tissue_but_tumors_has_a_density() -> None:
    tumors = {tissue for tissues in TUMOR_TISSUES.values() for tissue in tissues.all}

    assert set(HOUNSFIELD) == {tissue.name for tissue in Tissue if tissue not in tumors}


def test_the_renal_pelvis_is_no_kidney_and_stool_is_colon() -> None:
    assert TISSUE_LABEL[Tissue.RENAL_PELVIS] == 0
    assert TISSUE_LABEL[Tissue.COLON_STOOL] == find_organ("colon").label


def test_left_and_right_kidney_are_told_apart() -> None:
    left, right = find_organ("kidney").labels

    assert TISSUE_LABEL[Tissue.KIDNEY_LEFT_CORTEX] == left
    assert TISSUE_LABEL[Tissue.KIDNEY_RIGHT_MEDULLA] == right


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("randomize", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("organ", KEYS)
def test_a_tumor_always_differs_from_its_organ(organ: str, phase: str, randomize: float) -> None:
    mean = draws(60, phase, randomize)
    tumor = TUMOR_TISSUES[organ]

    contrast = mean[:, [tumor.core, tumor.other]] - mean[:, [ORGAN_TISSUES[organ][0]]]

    assert np.abs(contrast).min() >= 19.9


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("randomize", [0.0, 1.0])
@pytest.mark.parametrize(
    ("organ", "beside"),
    [
        ("kidney", Tissue.KIDNEY_LEFT_MEDULLA),
        ("kidney", Tissue.KIDNEY_RIGHT_CORTEX),
        ("uterus", Tissue.ENDOMETRIUM),
    ],
)
def test_a_tumor_differs_from_every_solid_tissue_of_its_organ(
    organ: str, beside: Tissue, phase: str, randomize: float
) -> None:
    mean = draws(200, phase, randomize)
    for tissue in (TUMOR_TISSUES[organ].core, TUMOR_TISSUES[organ].other):
        assert np.abs(mean[:, tissue] - mean[:, beside]).min() >= 20 - 1e-3


def test_patients_who_enhance_strongly_do_so_everywhere() -> None:
    mean = draws(600, "portal", 0.0)
    aorta, spleen = mean[:, Tissue.AORTA], mean[:, Tissue.SPLEEN]
    assert 0.35 < np.corrcoef(aorta, spleen)[0, 1] < 0.65


def test_liver_tumors_are_mostly_darker_than_the_liver() -> None:
    mean = draws(200, "portal", 0.0)

    darker = mean[:, TUMOR_TISSUES["liver"].core] < mean[:, Tissue.LIVER]

    assert darker.mean() > 0.9


@pytest.mark.parametrize("organ", KEYS)
def test_asked_for_bright_ones_tumors_are_denser_than_their_organ(organ: str) -> None:
    core, healthy = TUMOR_TISSUES[organ].core, ORGAN_TISSUES[organ][0]
    drawn = [sample_hu(np.random.default_rng(seed), bright=1.0)[0] for seed in range(40)]

    assert sum(mean[core] > mean[healthy] for mean in drawn) >= 36


@pytest.mark.parametrize("randomize", [0.0, 1.0])
def test_air_fat_soft_tissue_and_bone_stay_in_order(randomize: float) -> None:
    mean = draws(200, "random", randomize)

    order = mean[:, [Tissue.AIR, Tissue.LUNG, Tissue.FAT, Tissue.LIVER]]

    assert (np.diff(order, axis=1) > 0).all()
    assert mean[:, Tissue.CORTICAL_BONE].mean() > 400


def test_contrast_shows_first_in_arteries_and_then_in_the_liver() -> None:
    early, late = draws(100, "arterial", 0.0).mean(axis=0), draws(100, "portal", 0.0).mean(axis=0)

    assert early[Tissue.AORTA] > late[Tissue.AORTA] + 80
    assert late[Tissue.LIVER] > early[Tissue.LIVER] + 20


def test_randomizing_widens() -> None:
    calm, wild = draws(100, "portal", 0.0), draws(100, "portal", 1.0)

    assert wild[:, Tissue.LIVER].std() > 1.5 * calm[:, Tissue.LIVER].std()


def test_an_unknown_phase_is_an_input_error() -> None:
    with pytest.raises(InputError, match="no contrast phase 'venous'"):
        sample_hu(np.random.default_rng(0), phase="venous")
