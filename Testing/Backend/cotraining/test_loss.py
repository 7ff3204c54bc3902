"""The loss of partially labelled patches: what nobody annotated costs nothing."""

from __future__ import annotations

import torch

from atlastumor.cotraining.channels import merge_channels
from atlastumor.cotraining.loss import partial_loss, supervise
from atlastumor.organs import select_organs
from atlastumor.training.channels import channel_of_label, list_outputs
from atlastumor.training.loss import segmentation_loss

OUTPUTS = list_outputs(select_organs(["liver", "pancreas"]))
BACKGROUND, LIVER, PANCREAS, LIVER_TUMOR, PANCREAS_TUMOR = range(5)
BOTH = frozenset({"liver", "pancreas"})
SHAPE = (2, 3, 4)


def merge(organs: set[str], tumors: set[str]) -> torch.Tensor:
    return torch.from_numpy(merge_channels(OUTPUTS, frozenset(organs), frozenset(tumors)))[None]


def a_batch() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Logits (1, 5, I, J, K) that want a gradient, channels and known voxels (1, I, J, K)."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(1, 5, *SHAPE, generator=generator).requires_grad_()
    channels = torch.randint(0, 5, (1, *SHAPE), generator=generator).to(torch.uint8)
    return logits, channels, torch.ones(1, *SHAPE)


def test_channels_are_background_then_organs_then_tumors() -> None:
    table = channel_of_label(OUTPUTS)

    assert [(o.kind, o.organ) for o in OUTPUTS[1:4]] == [
        ("organ", "liver"),
        ("organ", "pancreas"),
        ("tumor", "liver"),
    ]
    assert [int(table[label]) for label in (5, 6, 27, 28, 14)] == [1, 2, 3, 4, 0]


def test_what_is_not_annotated_joins_the_background_and_a_tumor_its_outlined_organ() -> None:
    assert merge({"liver", "pancreas"}, {"liver", "pancreas"}).tolist() == [[0, 1, 2, 3, 4]]
    assert merge({"liver"}, set()).tolist() == [[0, 1, 0, 1, 0]]
    assert merge(set(), {"pancreas"}).tolist() == [[0, 0, 0, 0, 4]]


def test_a_patch_annotated_for_everything_has_the_loss_of_a_whole_label_map() -> None:
    logits, channels, known = a_batch()

    loss = partial_loss(logits, channels, known, merge(set(BOTH), set(BOTH)))

    assert torch.equal(loss, segmentation_loss(logits, channels, known, torch.ones(5)))


def test_a_patch_annotated_for_nothing_has_no_gradient_at_all() -> None:
    logits, channels, known = a_batch()

    partial_loss(logits, channels, known, merge(set(), set())).backward()

    assert logits.grad is not None
    assert not logits.grad.any()


def test_voxels_that_nobody_knows_have_no_gradient_and_the_others_have() -> None:
    logits, channels, known = a_batch()
    known[0, 0] = 0

    partial_loss(logits, channels, known, merge(set(BOTH), set(BOTH))).backward()

    assert logits.grad is not None
    assert not logits.grad[:, :, 0].any()
    assert logits.grad[:, :, 1].abs().amin() > 0


def test_it_costs_nothing_to_call_background_an_organ_that_nobody_outlined() -> None:
    logits, channels, known = a_batch()
    channels[channels > LIVER] = BACKGROUND
    into = merge({"liver"}, {"liver"})
    loss = partial_loss(logits, channels, known, into)
    gradient = torch.autograd.grad(loss, logits)[0]

    shares = logits.detach()[0, [BACKGROUND, PANCREAS, PANCREAS_TUMOR]].softmax(0)
    own = gradient[0, [BACKGROUND, PANCREAS, PANCREAS_TUMOR]]

    # Of merged channels each has its share of one gradient: nothing moves one against another.
    torch.testing.assert_close(own, shares * own.sum(0, keepdim=True))


def test_it_costs_nothing_to_find_a_tumor_in_an_organ_outlined_with_tumors_nobody_looked_for() -> (
    None
):
    certain = torch.full((1, 5, *SHAPE), -20.0)
    channels = torch.full((1, *SHAPE), LIVER, dtype=torch.uint8)
    known = torch.ones(1, *SHAPE)
    organ, tumor = certain.clone(), certain.clone()
    organ[:, LIVER], tumor[:, LIVER_TUMOR] = 20.0, 20.0

    unlooked = [
        partial_loss(one, channels, known, merge({"liver"}, set())) for one in (organ, tumor)
    ]
    looked = [
        partial_loss(one, channels, known, merge({"liver"}, {"liver"})) for one in (organ, tumor)
    ]

    torch.testing.assert_close(unlooked[0], unlooked[1])
    assert looked[1] > looked[0] + 1


def test_levels_weigh_half_of_the_finer_one_and_the_coarsest_nothing() -> None:
    channels = torch.randint(0, 5, (1, 8, 8, 8), generator=torch.Generator().manual_seed(1))
    channels, known, into = (
        channels.to(torch.uint8),
        torch.ones(1, 8, 8, 8),
        merge(set(BOTH), set()),
    )
    levels = [torch.randn(1, 5, n, n, n) for n in (8, 4, 2)]

    loss = supervise(levels, channels, known, into)

    fine = partial_loss(levels[0], channels, known, into)
    half = partial_loss(levels[1], channels[:, ::2, ::2, ::2], known[:, ::2, ::2, ::2], into)
    torch.testing.assert_close(loss, (fine + 0.5 * half) / 1.5)
