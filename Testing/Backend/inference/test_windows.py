from __future__ import annotations

import numpy as np
import pytest
import torch

from atlastumor.inference.body import BodyMask
from atlastumor.inference.windows import importance, plan_windows, window_starts


@pytest.mark.parametrize(
    ("size", "patch", "starts"),
    [
        (128, 128, (0,)),
        (100, 128, (0,)),
        (129, 128, (0, 1)),
        (192, 128, (0, 64)),
        (193, 128, (0, 32, 65)),
        (273, 112, (0, 54, 107, 161)),
    ],
)
def test_windows_overlap_by_half_or_more(size: int, patch: int, starts: tuple[int, ...]) -> None:
    assert window_starts(size, patch, overlap=0.5) == starts


def test_windows_without_overlap_lie_side_by_side() -> None:
    assert window_starts(96, 32, overlap=0.0) == (0, 32, 64)


def test_a_small_volume_lies_in_the_middle_of_its_padding() -> None:
    plan = plan_windows((5, 40, 7), (16, 16, 16))

    assert plan.shape == (16, 40, 16)
    assert plan.padding == (5, 0, 4)
    assert [layer.k for layer in plan.layers] == [0]
    assert plan.layers[0].starts == ((0, 0), (0, 8), (0, 16), (0, 24))


def test_layers_rise_along_k() -> None:
    plan = plan_windows((16, 16, 40), (16, 16, 16))

    assert [layer.k for layer in plan.layers] == [0, 8, 16, 24]
    assert plan.n_windows == 4


def test_windows_of_air_are_left_out_and_counted() -> None:
    array = np.zeros((21, 9, 9), bool)
    array[1, 4, 4] = True  # network voxel (2, 8, 8)
    body = BodyMask(array, (2, 2, 2))

    plan = plan_windows((40, 16, 16), (16, 16, 16), body=body)

    assert plan.layers[0].starts == ((0, 0),)
    assert plan.n_skipped == 3


def test_importance_is_the_smoothed_peak_that_nnunet_uses() -> None:
    from scipy import ndimage

    peak = np.zeros((16, 12, 8))
    peak[8, 6, 4] = 1.0
    expected = ndimage.gaussian_filter(peak, (2.0, 1.5, 1.0), mode="constant")
    expected *= 10.0 / expected.max()

    found = importance((16, 12, 8)).numpy()

    np.testing.assert_allclose(found, np.maximum(expected, 2.0**-24), rtol=1e-4)
    assert found.dtype == np.float32
    assert (importance((16, 12, 8)).half() > 0).all()
    assert torch.isfinite(importance((1, 1, 3))).all()


@pytest.mark.parametrize("overlap", [0.0, 0.25, 0.5, 0.625, 0.75])
@pytest.mark.parametrize("size", [16, 17, 31, 32, 33, 50, 97])
def test_stepped_windows_lie_where_monai_lays_them(size: int, overlap: float) -> None:
    from monai.data.utils import dense_patch_slices
    from monai.inferers.utils import _get_scan_interval

    interval = _get_scan_interval((size,), (16,), 1, (overlap,))
    theirs = tuple(slices[0].start for slices in dense_patch_slices((size,), (16,), interval))

    assert window_starts(size, 16, overlap=overlap, placement="stepped") == theirs


@pytest.mark.parametrize("patch", [(16, 12, 8), (96, 5, 33)])
@pytest.mark.parametrize(("blend", "mode"), [("gaussian_monai", "gaussian"), ("constant",) * 2])
def test_weights_are_monais(patch: tuple[int, int, int], blend: str, mode: str) -> None:
    from monai.data.utils import compute_importance_map

    torch.testing.assert_close(
        importance(patch, blend), compute_importance_map(patch, mode=mode), rtol=1e-5, atol=0
    )
