"""The method "freetumor" from patch to densities, with random weights in a small setting."""

import numpy as np
import pytest
import torch

from atlastumor.errors import Cancelled, InputError, PlacementError, WeightsError
from atlastumor.synthesis import TumorRequest, find_method
from atlastumor.synthesis.freetumor import FreeTumorMethod
from atlastumor.synthesis.freetumor.generator import Generator
from atlastumor.synthesis.synthesize import synthesize
from Backend.synthesis.contract import check_contract
from Backend.synthesis.freetumor.test_generator import BASE, make_state
from Backend.synthesis.patches import make_ball, make_patch, make_request

SIDE = 24


@pytest.fixture(scope="module")
def generator():
    network = Generator(base=BASE)
    network.load_state_dict(make_state())
    return network.eval()


@pytest.fixture(scope="module")
def patch():
    return make_patch(half_mm=24.0)


def paint(generator, patch, *, seed=1, organ="liver", diameter_mm=14.0, **more):
    method = FreeTumorMethod(generator=generator, side=SIDE, device="cpu")
    request = make_request(contrast_hu=None, method="freetumor", organ=organ)
    shape = make_ball(patch, diameter_mm)
    return method.paint(patch, shape, request, np.random.default_rng(seed), **more), shape


def test_it_darkens_the_scan_inside_the_shape_alone(generator, patch):
    before = patch.hu.copy()

    painted, shape = paint(generator, patch)

    assert painted.dtype == np.float32
    assert np.array_equal(painted[~shape.mask], patch.hu[~shape.mask])
    assert np.abs(painted - patch.hu)[shape.mask].max() <= 425
    assert not np.array_equal(painted[shape.mask], patch.hu[shape.mask])
    assert np.array_equal(patch.hu, before)


def test_one_seed_means_the_same_bytes_and_another_a_different_tumor(generator, patch):
    first, again, other = (paint(generator, patch, seed=seed)[0] for seed in (1, 1, 2))

    assert first.tobytes() == again.tobytes()
    assert not np.array_equal(first, other)


def test_each_organ_has_a_channel_of_its_own(patch):
    """A generator that puts out three constants darkens three organs in their proportion."""

    class Constant(torch.nn.Module):
        def forward(self, x):
            levels = torch.tensor([0.1, 0.2, 0.4]).atanh().view(1, 3, 1, 1, 1)
            return levels.expand(1, 3, *x.shape[2:])

    drops = []
    for organ in ("liver", "pancreas", "kidney"):
        painted, _ = paint(Constant(), patch, organ=organ)
        inner = make_ball(patch, 8.0).mask
        drops.append(float((patch.hu - painted)[inner].mean()))

    # 425 HU times 0.1 times a texture whose mean is near one half
    assert drops[0] == pytest.approx(21, abs=12)
    assert drops[1] / drops[0] == pytest.approx(2.0, rel=1e-3)
    assert drops[2] / drops[0] == pytest.approx(4.0, rel=1e-3)


def test_progress_rises_and_cancelling_stops_it(generator, patch):
    seen = []

    def watch(fraction):
        seen.append(fraction)
        if len(seen) == 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        paint(generator, patch, on_step=watch)

    assert seen == sorted(seen)
    assert seen[0] == 0.0


def test_what_it_cannot_do_is_refused_with_a_sentence(generator, patch):
    method, rng = FreeTumorMethod(generator=generator, device="cpu"), np.random.default_rng(0)
    shape = make_ball(patch, 14.0)

    with pytest.raises(InputError, match="chooses a tumor's contrast itself"):
        method.paint(patch, shape, make_request(contrast_hu=-30.0), rng)
    with pytest.raises(InputError, match="does not know the colon; it knows: liver, pancreas"):
        method.paint(patch, shape, make_request(contrast_hu=None, organ="colon"), rng)
    with pytest.raises(PlacementError, match="cube of 36 mm"):
        paint(generator, patch, diameter_mm=46.0)


@pytest.mark.parametrize("has_folder", [True, False])
def test_without_weights_it_says_which_to_fetch(has_folder, patch, tmp_path):
    method = find_method("freetumor", models_dir=tmp_path if has_folder else None, device="cpu")

    assert method.needs_weights
    with pytest.raises(WeightsError, match=r"TGAN\.pt.*Apache.*download https://.*models folder"):
        method.paint(
            patch,
            make_ball(patch, 14.0),
            make_request(contrast_hu=None),
            np.random.default_rng(0),
        )


def test_a_tumor_in_a_scan_keeps_the_contract(a_case, generator):
    request = TumorRequest("kidney", 14.0, 4, method="freetumor")
    method = FreeTumorMethod(generator=generator, side=SIDE, device="cpu")

    result = synthesize(a_case.scan, a_case.labels, request, method=method)

    check_contract(a_case, result)
