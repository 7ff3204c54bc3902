"""Every method in every organ keeps the contract, on a made-up body and on real scans."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest

from atlastumor.organs import KEYS, ORGANS
from atlastumor.scans import read_scan
from atlastumor.synthesis.request import TumorRequest
from atlastumor.synthesis.synthesize import synthesize
from atlastumor.volume import LabelMap
from Backend.synthesis.contract import check_contract
from Backend.synthesis.made_case import Case, make_case, turn_by

METHODS = [("handcrafted", "ellipsoid"), ("cellular", "automaton"), ("diffusion", "ellipsoid")]


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize(("method", "shape"), METHODS)
@pytest.mark.parametrize("diameter_mm", [8.0, 20.0])
def test_every_method_in_every_organ_keeps_the_contract(
    a_case: Case, key: str, method: str, shape: str, diameter_mm: float
) -> None:
    request = TumorRequest(key, diameter_mm, 5, method=method, shape=shape)

    check_contract(a_case, synthesize(a_case.scan, a_case.labels, request))


@pytest.mark.parametrize("dtype", [np.int16, np.float32])
@pytest.mark.parametrize("degrees", [0.0, 30.0])
def test_options_together_keep_the_contract_on_turned_grids_and_both_types(
    dtype: type, degrees: float
) -> None:
    case = make_case((1.5, 2.0, 3.0), turn_by(degrees), seed=2, dtype=dtype)
    request = TumorRequest(
        "liver", 26.0, 3, exophytic=True, capsule=True, mass_effect=True, contrast_hu=-60.0
    )

    check_contract(case, synthesize(case.scan, case.labels, request))


def read_real(shared_data: Path, name: str, labels: str, collection: str) -> Case:
    """A real scan with labels in our numbers."""
    scan = read_scan(shared_data / f"{name}.nii.gz")
    values = read_label_values(shared_data / f"{labels}.nii.gz")
    array = np.zeros(scan.grid.shape, np.uint8)
    for organ in ORGANS[:1] if collection == "msd" else ORGANS:
        alias = organ.aliases.get(collection)
        for value, label in zip(alias.organ if alias else (), organ.labels, strict=False):
            array[values == value] = label
        for value in alias.tumor if alias else ():
            array[values == value] = organ.tumor_label
    return Case(scan, LabelMap(array, scan.grid, {}))


def read_label_values(path: Path) -> np.ndarray:
    return np.asarray(nibabel.load(path).dataobj)


@pytest.mark.parametrize("key", ["liver", "pancreas", "kidney", "colon"])
@pytest.mark.parametrize(("method", "shape"), METHODS)
def test_a_real_scan_of_3_mm_keeps_the_contract(
    shared_data: Path, key: str, method: str, shape: str
) -> None:
    case = read_real(
        shared_data, "ts_example_ct_3mm", "ts_example_ct_3mm_TSseg", "totalsegmentator"
    )
    request = TumorRequest(key, 15.0, 11, method=method, shape=shape)

    check_contract(case, synthesize(case.scan, case.labels, request))


@pytest.mark.slow
def test_a_real_scan_with_real_tumors_keeps_the_contract(shared_data: Path) -> None:
    case = read_real(shared_data, "msd_liver_44", "msd_liver_44_mask", "msd")

    result = synthesize(case.scan, case.labels, TumorRequest("liver", 18.0, 3, mass_effect=True))

    check_contract(case, result)
