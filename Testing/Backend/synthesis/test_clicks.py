"""Clicks, and what is said of those that miss."""

import re

import numpy as np
import pytest

from atlastumor.errors import GridMismatchError, InputError, PlacementError
from atlastumor.organs import find_organ
from atlastumor.synthesis.request import TumorRequest
from atlastumor.volume import Grid, LabelMap
from Backend.synthesis.made_case import CENTERS_RAS, Case, make_case, turn_by
from Backend.synthesis.places import click, draw, with_labels

LIVER = find_organ("liver")
COLON = find_organ("colon")


@pytest.mark.parametrize("turn", [np.eye(3), np.eye(3)[:, [2, 0, 1]], turn_by(30.0)])
def test_a_click_is_the_voxel_nearest_to_it(turn):
    case = make_case((2.0, 1.6, 4.0), turn)

    center = click(case, LIVER, (41.0, 3.0, 14.0))

    away = np.linalg.norm(case.scan.grid.to_ras(center) - (41.0, 3.0, 14.0))
    assert away <= np.linalg.norm((2.0, 1.6, 4.0)) / 2
    assert center == case.voxel_at((41.0, 3.0, 14.0))


def test_a_click_into_the_gas_of_the_colon_means_the_wall_nearest_to_it(a_case):
    r, a, s = CENTERS_RAS["colon"]

    center = click(a_case, COLON, (r, a + 8.0, s))

    ras = a_case.scan.grid.to_ras(center)
    assert a_case.labels.array[center] == 14
    assert a_case.scan.array[center] > -50
    assert np.linalg.norm(ras - (r, a + 8.0, s)) < 10.0  # the wall begins 8 mm away
    assert ras == pytest.approx((r, a + 16.0, s), abs=5.0)


@pytest.mark.parametrize(
    ("ras", "message"),
    [
        ((0.0, 0.0, 200.0), r"R 0.0, A 0.0, S 200.0 mm lies outside the scan. Click in the liver"),
        ((-118.0, 88.0, 0.0), r"lies in air, outside the body or in gas; the liver is \d+ mm away"),
        ((-30.0, 5.0, -20.0), r"lies the pancreas, not the liver; the liver is \d+ mm away"),
        ((62.0, -45.0, -38.0), r"lies the kidney, not the liver"),
        ((-80.0, 10.0, 20.0), r"No organ is labelled at .*; the liver is 8\d mm away, at R \d"),
    ],
)
def test_a_click_beside_the_organ_is_refused_with_what_is_there(a_case, ras, message):
    with pytest.raises(InputError, match=message):
        click(a_case, LIVER, ras)


def test_the_place_named_after_a_click_beside_the_organ_can_be_clicked(a_case):
    with pytest.raises(InputError) as error:
        click(a_case, LIVER, (-80.0, 10.0, 20.0))

    numbers = re.findall(r"(?:R|A|S) (-?[\d.]+)", str(error.value).split("away, at")[1])
    assert a_case.labels.array[click(a_case, LIVER, [float(x) for x in numbers])] == 5


def test_a_click_into_a_tumor_is_refused(a_case):
    labels = a_case.labels.array.copy()
    labels[a_case.voxel_at(CENTERS_RAS["liver"])] = LIVER.tumor_label

    with pytest.raises(PlacementError, match="there already is a tumor"):
        click(with_labels(a_case, labels), LIVER, CENTERS_RAS["liver"])


def test_an_organ_that_is_not_in_the_label_map_is_missed_by_name(a_case):
    case = with_labels(a_case, np.where(a_case.labels.array == 14, 0, a_case.labels.array))

    with pytest.raises(InputError, match="holds no colon"):
        click(case, COLON, CENTERS_RAS["colon"])
    with pytest.raises(InputError, match="holds no colon"):
        draw(case, TumorRequest("colon", 10.0, 0), 0)


def test_labels_of_another_grid_are_refused(a_case):
    labels = LabelMap(np.zeros((4, 4, 4), np.uint8), Grid((4, 4, 4), np.eye(4)), {})
    case = Case(a_case.scan, labels)

    with pytest.raises(GridMismatchError):
        click(case, LIVER, CENTERS_RAS["liver"])
    with pytest.raises(GridMismatchError):
        draw(case, TumorRequest("liver", 10.0, 0), 0)


def test_a_hollow_organ_of_gas_alone_has_no_wall(a_case):
    gas = type(a_case.scan)(np.full_like(a_case.scan.array, -900), a_case.scan.grid)

    with pytest.raises(PlacementError, match="no wall of soft tissue"):
        click(Case(gas, a_case.labels), COLON, CENTERS_RAS["colon"])


def test_an_organ_that_is_all_tumor_has_no_place_left(a_case):
    labels = np.where(a_case.labels.array == 5, LIVER.tumor_label, a_case.labels.array)
    labels[a_case.voxel_at(CENTERS_RAS["liver"])] = 5

    with pytest.raises(PlacementError, match="no place for a tumor beside those it has"):
        draw(with_labels(a_case, labels), TumorRequest("liver", 6.0, 0), 0)
