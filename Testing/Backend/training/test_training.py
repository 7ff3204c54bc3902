"""The embedded network's training: samples, loss, resuming, and the card that comes out."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from atlastumor.errors import InputError
from atlastumor.models.card import DEFAULT_MODEL, find_card, load_card
from atlastumor.models.weights import load_weights
from atlastumor.networks import build_network
from atlastumor.organs import KEYS, ORGANS
from atlastumor.training import loop, pool
from atlastumor.training.channels import channel_of_label, list_outputs
from atlastumor.training.export import export, mix_weights
from atlastumor.training.loop import train
from atlastumor.training.loss import segmentation_loss
from atlastumor.training.patches import Sample, find_majority, mirror
from atlastumor.training.pool import SampleStream, make_pool, make_scans
from atlastumor.training.recipe import FIRST_TUMOR, Recipe, outputs
from Backend.training.tiny_recipe import TINY

STANDING = replace(TINY, learning_rate=0.0)


@pytest.fixture(scope="module")
def a_pool(tmp_path_factory):
    paths = make_pool(tmp_path_factory.mktemp("pool"), TINY, workers=1)
    make_scans(paths, TINY, workers=1)
    return paths


def test_every_label_has_the_channel_that_the_card_names():
    table = channel_of_label(list_outputs(ORGANS))

    for row in outputs()[1:]:
        organ = ORGANS[KEYS.index(row["organ"])]
        labels = organ.labels if row["kind"] == "organ" else (organ.tumor_label,)
        assert {int(table[label]) for label in labels} == {row["channel"]}


def test_a_sample_depends_on_its_number_alone(a_pool):
    stream = list(SampleStream(a_pool, TINY, start=0))
    later = list(SampleStream(a_pool, TINY, start=2))

    assert len(stream) == TINY.steps * TINY.batch
    assert all(torch.equal(a, b) for a, b in zip(stream[4], later[0], strict=True))
    assert not torch.equal(stream[0][0], stream[1][0])


def test_the_patches_of_a_step_share_the_pool_between_them(tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(SampleStream, "_load", lambda _self, path: path)
    monkeypatch.setattr(pool, "draw_sample", lambda path, *_: drawn.append(path))
    paths = [tmp_path / str(n) for n in range(5)]

    plain = replace(TINY, steps=30, scan_share=0.0, mirrored=0.0)
    list(SampleStream(paths, plain, start=0))

    assert set(drawn[::2]) == set(paths[::2])
    assert set(drawn[1::2]) == set(paths[1::2])


def test_a_mirrored_patch_keeps_what_belongs_together():
    numbers = torch.arange(24.0).reshape(2, 3, 4)

    image, channels, balance = mirror(Sample(numbers[None], numbers.to(torch.uint8), numbers + 100))

    assert torch.equal(image[0, 0], numbers[1])
    assert torch.equal(channels, image[0].to(torch.uint8))
    assert torch.equal(balance, image[0] + 100)


def test_as_many_patches_are_mirrored_as_asked(a_pool):
    def draw(share):
        recipe = replace(TINY, steps=20, scan_share=0.0, mirrored=share)
        return [sample.channels for sample in SampleStream(a_pool, recipe, start=0)]

    plain, half, every = draw(0.0), draw(0.5), draw(1.0)

    assert all(torch.equal(a.flip(0), b) for a, b in zip(plain, every, strict=True))
    n = sum(not torch.equal(a, b) for a, b in zip(plain, half, strict=True))
    assert 0.25 * len(plain) < n < 0.75 * len(plain)


def test_samples_are_normalized_and_hold_organs(a_pool):
    images, channels, balances = zip(*SampleStream(a_pool, TINY, start=0), strict=True)

    assert images[0].shape == (1, 16, 16, 16)
    assert channels[0].dtype == torch.uint8
    assert 0.0 <= torch.stack(images).min() < torch.stack(images).max() <= 1.0
    assert len(torch.stack(channels).unique()) > 3
    elsewhere = torch.stack(balances)[torch.stack(channels) < FIRST_TUMOR]
    assert 0.0 < float(elsewhere.min()) <= float(elsewhere.max()) <= 3.0


def test_a_block_has_the_median_of_its_labels():
    labels = np.random.default_rng(1).integers(0, 13, (8, 12, 20), np.uint8)
    blocks = torch.from_numpy(labels).view(4, 2, 6, 2, 10, 2).permute(0, 2, 4, 1, 3, 5)

    found = find_majority(labels)

    assert np.array_equal(found, blocks.reshape(4, 6, 10, 8).median(dim=-1).values.numpy())


def test_missing_a_balanced_lesion_costs_more():
    reference = torch.zeros(1, 8, 8, 8, dtype=torch.uint8)
    reference[:, 2:4, 2:4, 2:4] = 1
    blind = torch.zeros(1, 2, 8, 8, 8)
    blind[:, 0] = 5.0
    even = torch.ones(1, 8, 8, 8)
    balanced = torch.where(reference > 0, 4.0, even)

    costs = [segmentation_loss(blind, reference, w, torch.ones(2)) for w in (even, balanced)]

    assert float(costs[1]) > 1.5 * float(costs[0])


def test_a_perfect_prediction_costs_next_to_nothing_and_a_wrong_one_much():
    reference = torch.zeros(1, 8, 8, 8, dtype=torch.uint8)
    reference[:, 2:6, 2:6, 2:6] = 1
    perfect = 20.0 * torch.nn.functional.one_hot(reference.long(), 3).movedim(-1, 1).float()

    good = segmentation_loss(perfect, reference, torch.ones(1, 8, 8, 8), torch.ones(3))
    bad = segmentation_loss(perfect.flip(1), reference, torch.ones(1, 8, 8, 8), torch.ones(3))

    assert float(good) < 0.01
    assert float(bad) > 1.0


def test_the_learning_rate_warms_up_stays_and_decays():
    recipe = Recipe(steps=1000, warmup=100, decay=0.3, learning_rate=1.0)

    rates = [recipe.learning_rate_at(step) for step in (0, 99, 500, 850, 1000)]

    assert rates == pytest.approx([0.01, 1.0, 1.0, 0.5, 0.0])


def test_an_interrupted_run_ends_as_the_whole_one(a_pool, tmp_path, monkeypatch):
    whole = train(a_pool, TINY, checkpoint=tmp_path / "whole.pt")
    step = loop._step

    def stop_before_the_third_step(run, *arguments):
        if run.step == 2:
            raise KeyboardInterrupt
        return step(run, *arguments)

    monkeypatch.setattr(loop, "_SAVE_EVERY", 2)
    monkeypatch.setattr(loop, "_step", stop_before_the_third_step)
    with pytest.raises(KeyboardInterrupt):
        train(a_pool, TINY, checkpoint=tmp_path / "parts.pt")
    monkeypatch.setattr(loop, "_step", step)
    resumed = train(a_pool, TINY, checkpoint=tmp_path / "parts.pt")

    assert resumed.step == whole.step == 4
    states = [run.average.state_dict() for run in (whole, resumed)]
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


@pytest.mark.parametrize(
    ("name", "value"), [("learning_rate", 1e-3), ("warmup", 2), ("n_anatomies", 2)]
)
def test_a_run_does_not_go_on_with_another_recipe(a_pool, tmp_path, name, value):
    train(a_pool, replace(TINY, steps=1), checkpoint=tmp_path / "run.pt")

    with pytest.raises(InputError, match=rf"run\.pt is of a run with other settings \({name}\)"):
        train(a_pool, replace(TINY, **{name: value}), checkpoint=tmp_path / "run.pt")


def test_a_run_may_be_lengthened_and_decay_later(a_pool, tmp_path):
    train(a_pool, replace(TINY, steps=1), checkpoint=tmp_path / "run.pt")

    longer = train(a_pool, replace(TINY, steps=3, decay=0.1), checkpoint=tmp_path / "run.pt")

    assert longer.step == 3


def test_a_checkpoint_that_is_none_is_refused(a_pool, tmp_path):
    (tmp_path / "run.pt").write_bytes(b"half a file")

    with pytest.raises(InputError, match=r"run\.pt cannot be read. Move it away to begin anew"):
        train(a_pool, TINY, checkpoint=tmp_path / "run.pt")


def test_the_exported_card_loads_with_weights_that_fit(a_pool, tmp_path):
    run = train(a_pool, TINY, checkpoint=tmp_path / "run.pt")

    card = load_card(export(run, TINY, tmp_path / "a new folder", hardware="a test"))

    network = build_network(card.network.name, len(card.outputs), card.network.args)
    network.load_state_dict(load_weights(card, models_dir=None))
    assert not card.evaluation
    assert np.isclose(card.input.spacing_mm[0], TINY.spacing_mm)


@pytest.mark.parametrize(("share", "axes"), [(0.5, (0,)), (0.0, ())])
def test_a_model_may_be_mirrored_where_its_training_was(a_pool, tmp_path, share, axes):
    recipe = replace(TINY, steps=1, mirrored=share)
    run = train(a_pool, recipe, checkpoint=tmp_path / "run.pt")

    card = load_card(export(run, recipe, tmp_path, hardware="a test"))

    assert card.inference.mirror_axes == axes


def test_earlier_weights_are_mixed_in_by_their_share(a_pool, tmp_path):
    run = train(a_pool, TINY, checkpoint=tmp_path / "run.pt")
    ones = {name: torch.ones_like(t) for name, t in run.average.state_dict().items()}
    run.average.load_state_dict({name: 5.0 * one for name, one in ones.items()})

    mix_weights(run, ones, share=0.25)

    assert all((one == 4.0).all() for one in run.average.state_dict().values())


def test_a_run_sets_out_from_earlier_weights(a_pool, tmp_path):
    first = train(a_pool, TINY, checkpoint=tmp_path / "first.pt").average.state_dict()

    second = train(a_pool, STANDING, checkpoint=tmp_path / "second.pt", earlier=first)

    for name, held in second.average.state_dict().items():
        torch.testing.assert_close(held, first[name], msg=name)


def test_a_run_goes_on_with_the_earlier_weights_that_it_set_out_from_alone(a_pool, tmp_path):
    first = train(a_pool, TINY, checkpoint=tmp_path / "first.pt").average.state_dict()
    once, checkpoint = replace(TINY, steps=1), tmp_path / "second.pt"
    train(a_pool, once, checkpoint=checkpoint, earlier=first)

    assert train(a_pool, TINY, checkpoint=checkpoint, earlier=first).step == TINY.steps
    others = {name: one + 1 for name, one in first.items()}
    for earlier in (None, others):
        with pytest.raises(InputError, match=r"other settings \(earlier\)"):
            train(a_pool, TINY, checkpoint=checkpoint, earlier=earlier)


def test_weights_of_another_network_are_neither_trained_on_nor_mixed_in(a_pool, tmp_path):
    run = train(a_pool, TINY, checkpoint=tmp_path / "run.pt")
    others = load_weights(find_card(DEFAULT_MODEL))

    with pytest.raises(ValueError, match="not of this network"):
        mix_weights(run, others, share=0.5)
    with pytest.raises(ValueError, match="not of this network"):
        train(a_pool, TINY, checkpoint=tmp_path / "other.pt", earlier=others)
