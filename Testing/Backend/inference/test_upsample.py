from __future__ import annotations

import numpy as np
import pytest
import torch

from atlastumor.inference.decision import NOTHING, Decision
from atlastumor.inference.resample import Taps, make_taps
from atlastumor.inference.upsample import LabelUpsampler

from .pretend import LIVER_AND_KIDNEY

LOW, HIGH = (11, 9, 23), (24, 30, 41)
LABELS = [0, 5, 27, 3, 29]
THRESHOLDS = [{}, {"liver": 0.3}, {"liver": 0.2, "kidney": 0.7}, {"liver": 0.9}]


def interpolate(logits: torch.Tensor, taps: list[Taps]) -> torch.Tensor:
    """Every channel at every voxel: the long way."""
    for axis, ends in enumerate(taps, start=1):
        weight = ends.weight.reshape([-1 if n == axis else 1 for n in range(4)])
        low, high = logits.index_select(axis, ends.low), logits.index_select(axis, ends.high)
        logits = low * (1 - weight) + high * weight
    return logits


def random_logits(*, smooth: bool) -> torch.Tensor:
    logits = torch.randn(5, *LOW, generator=torch.Generator().manual_seed(3)) * 3
    if smooth:
        logits = torch.nn.functional.avg_pool3d(logits[None], 5, stride=1, padding=2)[0] * 8
    return logits


@pytest.mark.parametrize("activation", ["softmax", "sigmoid", "regions"])
@pytest.mark.parametrize("thresholds", THRESHOLDS)
@pytest.mark.parametrize("smooth", [True, False])
@pytest.mark.parametrize("order_k", [0, 1])
@pytest.mark.parametrize("on_probabilities", [False, True])
def test_labels_are_those_of_interpolated_values(
    activation: str,
    thresholds: dict[str, float],
    smooth: bool,
    order_k: int,
    on_probabilities: bool,
) -> None:
    taps = [make_taps(LOW[axis], HIGH[axis], order=(1, 1, order_k)[axis]) for axis in range(3)]
    decision = Decision(LIVER_AND_KIDNEY, activation, thresholds, on_probabilities=on_probabilities)
    logits = decision.prepare(random_logits(smooth=smooth))
    label_of = np.zeros(256, np.uint8)
    label_of[:5] = LABELS
    expected = label_of[decision.choose(interpolate(logits, taps)).numpy()]

    upsampler = LabelUpsampler(decision, (taps[0], taps[1], taps[2]), LABELS)
    found = np.full(HIGH, 99, np.uint8)
    for k0, k1 in [(0, 1), (1, 5), (5, 6), (6, 16), (16, 23)]:
        for first, stop, part in upsampler.push(logits[..., k0:k1]):
            found[:, :, first:stop] = part

    np.testing.assert_array_equal(found, expected)


def test_most_voxels_of_smooth_logits_are_not_interpolated(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ramp = torch.linspace(-1, 1, 40)[:, None, None].expand(40, 20, 20)
    logits = torch.stack([torch.zeros_like(ramp), ramp, ramp - 9, ramp - 9, ramp - 9])
    decision = Decision(LIVER_AND_KIDNEY, "softmax", {})
    seen: list[int] = []
    choose = decision.choose
    monkeypatch.setattr(decision, "choose", lambda z: seen.append(z[0].numel()) or choose(z))
    taps = (make_taps(40, 80), make_taps(20, 40), make_taps(20, 40))

    list(LabelUpsampler(decision, taps, LABELS).push(logits))

    assert seen[0] == 40 * 20 * 20
    assert sum(seen[1:]) == 2 * 40 * 40  # one layer of cells, two voxels thick


def test_a_tumor_wins_from_its_threshold_on_although_it_is_not_the_largest() -> None:
    logits = torch.tensor([[0.0], [1.0], [0.5], [-9.0], [-9.0]])
    p_tumor = float(torch.softmax(logits, 0)[2])

    def winner(threshold: float) -> int:
        decision = Decision(LIVER_AND_KIDNEY, "softmax", {"liver": threshold})
        return int(decision.choose(logits)[0])

    assert winner(p_tumor - 0.01) == 2
    assert winner(p_tumor + 0.01) == 1


def test_a_tumor_below_its_threshold_gives_way_to_the_next_best() -> None:
    logits = torch.tensor([[0.0], [1.0], [2.0], [-9.0], [-9.0]])

    decision = Decision(LIVER_AND_KIDNEY, "softmax", {"liver": 0.99})

    assert int(decision.choose(logits)[0]) == 1


def test_of_sigmoid_channels_a_tumor_comes_before_a_likelier_organ() -> None:
    decision = Decision(LIVER_AND_KIDNEY, "sigmoid", {})

    logits = torch.tensor([[9.0, 9.0], [4.0, -1.0], [0.1, -0.1], [2.0, -1.0], [-1.0, -1.0]])

    assert decision.choose(logits).tolist() == [2, NOTHING]


def test_thresholds_of_0_and_1_mean_always_and_never() -> None:
    logits = random_logits(smooth=True)[:, :, 0, 0]

    always = Decision(LIVER_AND_KIDNEY, "softmax", {"liver": 0.0}).choose(logits)
    never = Decision(LIVER_AND_KIDNEY, "softmax", {"liver": 1.0}).choose(logits)

    assert (always == 2).all()
    assert not (never == 2).any()


def test_probabilities_are_those_of_the_activation() -> None:
    logits = random_logits(smooth=False)

    softmax = Decision(LIVER_AND_KIDNEY, "softmax", {}).probabilities(logits)
    sigmoid = Decision(LIVER_AND_KIDNEY, "sigmoid", {}).probabilities(logits)

    torch.testing.assert_close(softmax, torch.softmax(logits, 0))
    torch.testing.assert_close(sigmoid, torch.sigmoid(logits))


def test_of_regions_the_last_that_passes_wins_as_nnunet_paints_them() -> None:
    from atlastumor.models.specs import OutputSpec

    outputs = [OutputSpec(0, "organ", "liver"), OutputSpec(1, "tumor", "liver")]
    outputs += [OutputSpec(2, "other"), OutputSpec(3, "organ", "kidney")]
    logits = random_logits(smooth=False)[:4]
    painted = torch.full(LOW, NOTHING, dtype=torch.uint8)
    for channel, logit in enumerate(logits):
        painted[torch.sigmoid(logit) > 0.5] = channel

    found = Decision(outputs, "regions", {}).choose(logits)

    assert torch.equal(found, painted)


def test_channels_nobody_asked_for_win_in_softmax_and_are_ignored_in_sigmoid() -> None:
    from atlastumor.models.specs import OutputSpec

    outputs = [OutputSpec(0, "background"), OutputSpec(1, "organ", "liver"), OutputSpec(2, "other")]
    logits = torch.tensor([0.0, 1.0, 2.0])

    assert int(Decision(outputs, "softmax", {}).choose(logits)) == 2
    assert int(Decision(outputs[1:], "sigmoid", {}).choose(logits[1:])) == 0


def test_probabilities_are_compared_with_the_thresholds_themselves() -> None:
    logits = random_logits(smooth=False)
    thresholds = {"liver": 0.3, "kidney": 0.6}
    on_logits = Decision(LIVER_AND_KIDNEY, "softmax", thresholds)
    on_probabilities = Decision(LIVER_AND_KIDNEY, "softmax", thresholds, on_probabilities=True)

    values = on_probabilities.prepare(logits)

    torch.testing.assert_close(values, torch.softmax(logits, 0))
    assert torch.equal(on_probabilities.choose(values), on_logits.choose(logits))
    assert on_probabilities.probabilities(values) is values
