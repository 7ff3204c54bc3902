"""The method from patch to densities, with random weights in a small setting."""

import dataclasses

import numpy as np
import pytest
import torch

from atlastumor.errors import Cancelled, InputError, PlacementError, WeightsError
from atlastumor.synthesis import TumorRequest
from atlastumor.synthesis.difftumor import DiffTumorMethod, inpainting
from atlastumor.synthesis.difftumor.autoencoder import Autoencoder
from atlastumor.synthesis.difftumor.denoiser import Denoiser
from atlastumor.synthesis.difftumor.state import Models, find_sampler
from atlastumor.synthesis.diffusion.schedule import make_cosine_schedule
from atlastumor.synthesis.synthesize import synthesize
from Backend.synthesis.difftumor.documented import fake_ema, fill
from Backend.synthesis.patches import make_ball, make_patch, make_request

SIDE = 16


def make_models(n_steps):
    """Small networks with random weights."""
    coder = Autoencoder(n_codes=64)
    denoiser = Denoiser(dim=8, mults=(1, 2), heads=1)
    for seed, network in enumerate((coder, denoiser)):
        shapes = {name: tuple(t.shape) for name, t in network.state_dict().items()}
        network.load_state_dict(fill(shapes, seed))
    schedule = make_cosine_schedule(n_steps)
    return Models(coder.eval(), denoiser.eval(), schedule, find_sampler(n_steps))


@pytest.fixture(scope="module")
def early():
    return make_models(4)


@pytest.fixture(scope="module")
def patch():
    return dataclasses.replace(make_patch(half_mm=20.0), axcodes="LPS")


@pytest.fixture(scope="module")
def shape(patch):
    return make_ball(patch, 14.0)


def paint(models, patch, shape, *, seed=1, **more):
    method = DiffTumorMethod(models=models, side=SIDE)
    request = make_request(contrast_hu=None, method="difftumor", diameter_mm=14.0)
    return method.paint(patch, shape, request, np.random.default_rng(seed), **more)


@pytest.mark.parametrize("n_steps", [4, 200])
def test_it_paints_within_its_window_and_only_inside_the_shape(n_steps, patch, shape):
    before = patch.hu.copy()

    painted = paint(make_models(n_steps), patch, shape)

    assert painted.shape == patch.shape
    assert painted.dtype == np.float32
    assert np.array_equal(painted[~shape.mask], patch.hu[~shape.mask])
    inside = painted[shape.mask]
    assert inside.min() >= -175
    assert inside.max() <= 250
    assert inside.std() > 1
    assert not np.array_equal(inside, patch.hu[shape.mask])
    assert np.array_equal(patch.hu, before)


def test_one_seed_means_the_same_bytes_and_another_a_different_tumor(early, patch, shape):
    first, again, other = (paint(early, patch, shape, seed=seed) for seed in (1, 1, 2))

    assert first.tobytes() == again.tobytes()
    assert not np.array_equal(first[shape.mask], other[shape.mask])


def test_the_tumor_does_not_depend_on_the_way_the_scan_is_stored(early, patch, shape):
    turned = dataclasses.replace(
        patch,
        hu=np.ascontiguousarray(patch.hu.transpose(2, 0, 1)[::-1]),
        organ=np.ascontiguousarray(patch.organ.transpose(2, 0, 1)[::-1]),
        labels=np.ascontiguousarray(patch.labels.transpose(2, 0, 1)[::-1]),
        spacing_mm=tuple(patch.spacing_mm[axis] for axis in (2, 0, 1)),
        center=(
            patch.shape[2] - 1 - patch.center[2],
            patch.center[0],
            patch.center[1],
        ),
        axcodes="ILP",
    )

    expected = paint(early, patch, shape)
    found = paint(early, turned, make_ball(turned, 14.0))

    np.testing.assert_allclose(found, expected.transpose(2, 0, 1)[::-1], atol=0.05)


def test_what_the_scan_held_where_the_tumor_comes_is_not_seen(early, patch, shape):
    far_inside = make_ball(patch, 6.0).mask
    other = dataclasses.replace(patch, hu=np.where(far_inside, np.float32(-60), patch.hu))

    one, two = paint(early, patch, shape), paint(early, other, shape)

    assert np.array_equal(one[shape.mask], two[shape.mask])


def test_the_surroundings_are_seen(early, patch, shape):
    other = dataclasses.replace(patch, hu=np.where(shape.mask, patch.hu, patch.hu - 90))

    one, two = paint(early, patch, shape), paint(early, other, shape)

    assert not np.array_equal(one[shape.mask], two[shape.mask])


def test_inpainting_puts_the_pieces_together_as_described(early):
    """Window, hole, encode, scale, sample, scale back, decode: written out once more."""
    generator = torch.Generator().manual_seed(5)
    hu = torch.rand(8, 16, 24, generator=generator) * 600 - 300
    mask = torch.zeros(8, 16, 24)
    mask[2:6, 3:9, 8:17] = 1

    cube = inpainting.inpaint(early, hu, mask, torch.Generator().manual_seed(3))

    codes = early.autoencoder.codebook.embeddings
    low, high = codes.min(), codes.max()
    values = (((hu + 175) / 425).clip(0, 1) * 2 - 1) * (1 - mask)
    with torch.inference_mode():
        latent = early.autoencoder.encode(values.movedim(2, 0)[None, None])
        coarse = mask.movedim(2, 0)[None, None, ::4, ::4, ::4] * 2 - 1
        cond = torch.cat([(latent - low) / (high - low) * 2 - 1, coarse], 1)
        like = torch.Generator().manual_seed(3)
        start = torch.randn((1, 8, 6, 2, 4), generator=like)
        made = early.sampler(early.denoiser, early.schedule, start, cond, like)
        decoded = early.autoencoder.decode((made + 1) / 2 * (high - low) + low)[0, 0]
    expected = ((decoded.movedim(0, 2) + 1) / 2).clip(0, 1) * 425 - 175
    np.testing.assert_allclose(cube, expected, atol=0.05, rtol=0)


def test_progress_rises_and_cancelling_stops_between_steps(early, patch, shape):
    seen = []

    def watch(fraction):
        seen.append(fraction)
        if len(seen) == 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        paint(early, patch, shape, on_step=watch)

    assert seen == [0.0, 0.25]


def test_a_contrast_cannot_be_asked_for(early, patch, shape):
    method = DiffTumorMethod(models=early, side=SIDE)

    with pytest.raises(InputError, match="chooses a tumor's contrast itself"):
        method.paint(patch, shape, make_request(contrast_hu=-30.0), np.random.default_rng(1))


def test_a_tumor_beyond_the_cube_is_refused_before_anything_is_read():
    patch = make_patch(half_mm=60.0)
    request = make_request(contrast_hu=None, diameter_mm=100.0)

    with pytest.raises(PlacementError, match="cube of 96 mm"):
        DiffTumorMethod().paint(patch, make_ball(patch, 100.0), request, np.random.default_rng(1))


def test_without_weights_it_says_which_to_fetch(patch, shape):
    request = make_request(contrast_hu=None)

    assert DiffTumorMethod.needs_weights
    with pytest.raises(WeightsError, match=r"liver_early\.pt.*download https://.*models folder"):
        DiffTumorMethod().paint(patch, shape, request, np.random.default_rng(1))


def test_a_published_file_is_read_once_and_used(patch, shape, tmp_path, monkeypatch):
    torch.save({"step": 1, "model": {}, "ema": fake_ema(), "scaler": {}}, tmp_path / "l.pt")
    (tmp_path / "l.pt").rename(tmp_path / "liver_early.pt")
    seen = []

    def spy(models, hu, mask, generator, *, on_step):
        del mask, generator, on_step
        seen.append(models)
        return hu * 0 + 42

    monkeypatch.setattr(inpainting, "inpaint", spy)
    method = DiffTumorMethod(tmp_path)
    request = make_request(contrast_hu=None)

    for _ in range(2):
        painted = method.paint(patch, shape, request, np.random.default_rng(1))

    assert np.all(painted[shape.mask] == 42)
    assert seen[0] is seen[1]
    assert seen[0].schedule.n_steps == 4


def test_an_altered_file_is_refused(patch, shape, tmp_path):
    (tmp_path / "liver_early.pt").write_bytes(b"no checkpoint at all")

    with pytest.raises(WeightsError, match=r"liver_early\.pt cannot be read"):
        DiffTumorMethod(tmp_path).paint(
            patch, shape, make_request(contrast_hu=None), np.random.default_rng(1)
        )


def test_a_scan_gets_a_tumor_of_the_size_asked_for_and_nothing_else(early, a_case):
    request = TumorRequest("liver", 14.0, seed=3, method="difftumor")

    made = synthesize(
        a_case.scan, a_case.labels, request, method=DiffTumorMethod(models=early, side=SIDE * 2)
    )

    assert made.diameter_mm == pytest.approx(14.0, rel=0.1)
    changed = made.scan.array != a_case.scan.array
    assert changed.any()
    changed[made.box] = False
    assert not changed.any()
    assert made.scan.array.dtype == a_case.scan.array.dtype
