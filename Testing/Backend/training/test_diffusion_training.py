"""Training of the small diffusion model: cubes, samples, loss, resuming, and the card."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from atlastumor.errors import InputError
from atlastumor.organs import KEYS
from atlastumor.phantom import Tissue
from atlastumor.phantom.tissues import TUMOR_TISSUES
from atlastumor.synthesis.diffusion.card import load_painter_card
from atlastumor.synthesis.diffusion.conditioning import SIDE, SPAN, TEXTURE_HU
from atlastumor.synthesis.diffusion.network import CubeDenoiser
from atlastumor.synthesis.diffusion.painter import load_painter
from atlastumor.synthesis.diffusion.schedule import make_cosine_schedule
from atlastumor.training.diffusion import __main__ as command
from atlastumor.training.diffusion import loop
from atlastumor.training.diffusion.cubes import FINE, Cubes, cut_cubes
from atlastumor.training.diffusion.export import export
from atlastumor.training.diffusion.loop import judge, measure_loss, train
from atlastumor.training.diffusion.recipe import Recipe
from atlastumor.training.diffusion.samples import Batch, draw_batch

ANATOMY_MM = 1.5
TINY = Recipe(steps=4, batch=2, warmup=1, n_anatomies=1, widths=(8, 8, 16))
LIVER, KIDNEY = TUMOR_TISSUES["liver"], TUMOR_TISSUES["kidney"]
RADII = {"liver": 9.0, "kidney": 6.0}  # voxels
CENTERS = np.array([[20.0, 22.0, 18.0], [48.0, 22.0, 18.0]])


@pytest.fixture(scope="module")
def an_anatomy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Liver and kidney side by side in fat, each with a ball of tumor; the liver's has a rim."""
    shape = (64, 44, 36)
    tissues = np.full(shape, Tissue.VISCERAL_FAT, np.uint8)
    tissues[2:34, 2:-2, 2:-2] = Tissue.LIVER
    tissues[36:62, 4:-4, 4:-4] = Tissue.KIDNEY_LEFT_CORTEX
    ijk = np.stack(np.indices(shape), axis=-1)
    away = [np.linalg.norm(ijk - center, axis=-1) for center in CENTERS]
    tissues[away[0] <= RADII["liver"]] = LIVER.rim
    tissues[away[0] <= 6.0] = LIVER.core
    tissues[away[1] <= RADII["kidney"]] = KIDNEY.other
    path = tmp_path_factory.mktemp("anatomies") / "anatomy-000001.npz"
    organs = np.array([KEYS.index("liver"), KEYS.index("kidney")])
    np.savez_compressed(path, tissues=tissues, centers=CENTERS, organs=organs)
    return path


@pytest.fixture(scope="module")
def cubes(an_anatomy: Path) -> Cubes:
    return cut_cubes([an_anatomy], ANATOMY_MM)


def test_every_tumor_fills_its_cube_to_the_same_share(cubes: Cubes) -> None:
    assert cubes.tissues.shape == (2, *(SIDE * FINE,) * 3)
    assert [KEYS[row] for row in cubes.organs] == ["liver", "kidney"]
    longest = np.array([2 * RADII["liver"] + 1, 2 * RADII["kidney"] + 1]) * ANATOMY_MM
    np.testing.assert_allclose(cubes.voxel_mm, longest / SPAN, rtol=1e-6)
    for own in cubes.own:
        widths = [np.ptp(np.nonzero(own)[axis]) + 1 for axis in range(3)]
        assert all(abs(width - SPAN * FINE) <= 3 for width in widths)


def test_a_cube_holds_its_tumor_with_all_its_tissues_and_what_is_around(cubes: Cubes) -> None:
    assert set(np.unique(cubes.tissues[0][cubes.own[0]])) == {LIVER.core, LIVER.rim}
    assert set(np.unique(cubes.tissues[1][cubes.own[1]])) == {KIDNEY.other}
    assert Tissue.LIVER in cubes.tissues[0][~cubes.own[0]]
    assert Tissue.KIDNEY_LEFT_CORTEX in cubes.tissues[1][~cubes.own[1]]


def test_cubes_come_back_from_their_file(cubes: Cubes, tmp_path: Path) -> None:
    cubes.save(tmp_path / "cubes.npz")

    again = Cubes.load(tmp_path / "cubes.npz")

    for name in ("tissues", "own", "voxel_mm", "organs"):
        assert np.array_equal(getattr(again, name), getattr(cubes, name))
    assert [path.name for path in tmp_path.iterdir()] == ["cubes.npz"]


def test_the_last_tumors_are_held_out(cubes: Cubes) -> None:
    kept, held_out = cubes.split(1)

    assert [KEYS[row] for row in kept.organs] == ["liver"]
    assert [KEYS[row] for row in held_out.organs] == ["kidney"]
    np.testing.assert_array_equal(held_out.tissues, cubes.tissues[1:])


def test_networks_are_judged_by_how_far_from_v_they_are(
    cubes: Cubes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "_N_JUDGED", 4)
    zero = CubeDenoiser(widths=TINY.widths).eval()  # a new network predicts 0
    one = CubeDenoiser(widths=TINY.widths).eval()
    torch.nn.init.ones_(one.head.bias)  # type: ignore[arg-type]

    losses = [judge(network, cubes, TINY) for network in (zero, one, zero)]

    assert losses[2] == losses[0] != judge(zero, cubes, TINY, seed=1)
    assert losses[1] == pytest.approx(losses[0] + 1, abs=0.3)  # the mean of v is about 0


def test_a_batch_depends_on_its_generator_alone(cubes: Cubes) -> None:
    one, two, other = (draw_batch(cubes, 3, np.random.default_rng(seed)) for seed in (5, 5, 6))

    assert torch.equal(one.texture, two.texture)
    assert torch.equal(one.cond, two.cond)
    assert not torch.equal(one.texture, other.texture)


def test_textures_have_no_mean_stay_in_range_and_are_hidden_from_the_condition(
    cubes: Cubes,
) -> None:
    batch = draw_batch(cubes, 8, np.random.default_rng(0))

    assert batch.texture.shape == (8, 1, *(SIDE,) * 3)
    assert batch.cond.shape == (8, 2, *(SIDE,) * 3)
    for texture, (seen, mask) in zip(batch.texture[:, 0], batch.cond, strict=True):
        inside = mask > 0
        assert 0.05 < inside.float().mean() < 0.25
        assert texture[inside].abs().max() <= 1.0
        assert abs(float(texture[inside].mean())) < 0.15  # clipped after centering
        assert float(texture[inside].std()) * TEXTURE_HU > 1.0
        assert not texture[~inside].any()
        assert len(seen[inside].unique()) == 1  # the contrast, and nothing of the texture


def test_the_rim_is_where_the_anatomy_has_it(cubes: Cubes) -> None:
    """Averaged over many drawings, rim and core of the liver's ball differ, the kidney's do not."""
    liver = dataclasses.replace(
        cubes, **{name: getattr(cubes, name)[:1] for name in ("tissues", "own", "voxel_mm")}
    )
    liver = dataclasses.replace(liver, organs=cubes.organs[:1])
    batch = draw_batch(liver, 24, np.random.default_rng(1))
    offsets = np.indices((SIDE,) * 3) - (SIDE - 1) / 2
    radius = torch.from_numpy(np.sqrt((offsets**2).sum(axis=0)))

    core, rim = radius < 4.0, (radius > 7.0) & (radius < 8.0)
    steps = [abs(float(t[core].mean() - t[rim].mean())) for t in batch.texture[:, 0]]

    assert np.median(steps) * TEXTURE_HU > 4.0


def test_a_perfect_prediction_costs_nothing(cubes: Cubes) -> None:
    batch, schedule = draw_batch(cubes, 4, np.random.default_rng(2)), make_cosine_schedule(16)

    class Oracle(torch.nn.Module):
        def forward(self, x: torch.Tensor, step: torch.Tensor, _c: torch.Tensor) -> torch.Tensor:
            kept = schedule.alphas_cumprod[step].view(-1, 1, 1, 1, 1)
            noise = (x - kept.sqrt() * batch.texture) / (1 - kept).sqrt()
            return kept.sqrt() * noise - (1 - kept).sqrt() * batch.texture

    loss = measure_loss(Oracle(), schedule, batch, np.random.default_rng(3))  # type: ignore[arg-type]

    assert float(loss) < 1e-4


def test_training_resumes_where_it_stopped(
    cubes: Cubes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "_SAVE_EVERY", 2)
    whole = train(cubes, TINY, checkpoint=tmp_path / "whole.pt")

    numbers = iter(range(4))

    def stop_at_third(cubes: Cubes, n: int, rng: np.random.Generator) -> Batch:
        if next(numbers) == 2:
            raise KeyboardInterrupt
        return draw_batch(cubes, n, rng)

    monkeypatch.setattr(loop, "draw_batch", stop_at_third)
    with pytest.raises(KeyboardInterrupt):
        train(cubes, TINY, checkpoint=tmp_path / "part.pt")
    monkeypatch.setattr(loop, "draw_batch", draw_batch)
    resumed = train(cubes, TINY, checkpoint=tmp_path / "part.pt")

    assert resumed.step == whole.step == 4
    for a, b in zip(whole.average.parameters(), resumed.average.parameters(), strict=True):
        torch.testing.assert_close(a, b)


def test_training_goes_on_longer_but_not_with_another_recipe(cubes: Cubes, tmp_path: Path) -> None:
    train(cubes, dataclasses.replace(TINY, steps=1), checkpoint=tmp_path / "run.pt")
    other = dataclasses.replace(TINY, learning_rate=2e-3, batch=3)

    with pytest.raises(InputError, match=r"other settings \(batch, learning_rate\)"):
        train(cubes, other, checkpoint=tmp_path / "run.pt")
    assert train(cubes, TINY, checkpoint=tmp_path / "run.pt").step == TINY.steps


def test_kept_tumors_of_anatomies_of_other_seeds_are_refused(cubes: Cubes, tmp_path: Path) -> None:
    cubes.save(tmp_path / "cubes-3-1001.npz")
    recipe = dataclasses.replace(TINY, n_anatomies=1001)

    with pytest.raises(InputError, match="Seed 3 with 1001 anatomies"):
        command._find_cubes(tmp_path, recipe, 1)


def test_what_is_exported_loads_and_says_how_it_was_made(
    cubes: Cubes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "_N_JUDGED", 4)
    run = train(cubes, TINY, checkpoint=tmp_path / "run.pt")

    pool = cubes.split(1)

    path = export(run, TINY, pool, tmp_path / "out", hardware="one core")

    card = load_painter_card(path)
    assert card.widths == TINY.widths
    assert "1 tumors of 1 digital phantoms" in card.source["data"]
    assert card.source["trained"].startswith("4 steps of 2 tumors, seed 1")
    assert "one core" in card.source["trained"]
    assert card.evaluation[0]["data"].startswith("1 tumors that were held out")
    assert float(card.evaluation[0]["value"]["mean"]) == pytest.approx(
        judge(run.average, pool[1], TINY), abs=1e-4
    )
    shipped = load_painter(path).network.state_dict()
    for name, tensor in run.average.state_dict().items():
        torch.testing.assert_close(shipped[name], tensor, atol=1e-3, rtol=1e-3)
