from __future__ import annotations

import pytest
import torch

from atlastumor.errors import DeviceError
from atlastumor.inference.blend import BlendOptions, blend_windows, mirrorings
from atlastumor.inference.ring import Ring
from atlastumor.inference.windows import WindowPlan, importance, plan_windows

from .pretend import PretendBackend, by_density


def ignore(_n_done: int) -> None:
    """Count nothing."""


def options(**changes: object) -> BlendOptions:
    values: dict[str, object] = {
        "batch": 1,
        "mirrorings": ((),),
        "fill": [0.0, -20.0, -20.0, -20.0, -20.0],
        "padding": 0.0,
        "sums": torch.float32,
        "device": "cpu",
    }
    return BlendOptions(**(values | changes))


def blend(
    array: torch.Tensor, plan: WindowPlan, backend: PretendBackend, **changes: object
) -> torch.Tensor:
    slabs = blend_windows(array, plan, backend, options(**changes), tick=ignore)
    return torch.cat(list(slabs), dim=3)


def random_array(*shape: int) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("shape", [(33, 20, 57), (16, 16, 16), (5, 40, 7)])
@pytest.mark.parametrize("batch", [1, 3])
def test_a_pointwise_network_gives_what_it_gives_on_the_whole(
    shape: tuple[int, int, int], batch: int
) -> None:
    array = random_array(*shape)
    plan = plan_windows(shape, (16, 16, 16))

    found = blend(array, plan, PretendBackend(by_density), batch=batch)

    torch.testing.assert_close(found, by_density(array[None, None])[0], rtol=1e-4, atol=1e-3)


def test_a_ring_gives_what_sums_over_the_whole_volume_give() -> None:
    array = random_array(20, 18, 70)
    plan = plan_windows((20, 18, 70), (16, 16, 24))
    weights = importance((16, 16, 24))
    answers = iter(random_array(plan.n_windows, 2, 16, 16, 24))
    backend = PretendBackend(lambda _windows: next(answers)[None])

    found = blend(array, plan, backend, fill=[0.0, 0.0])

    total, weight = torch.zeros(2, 20, 18, 70), torch.zeros(20, 18, 70)
    answers = iter(random_array(plan.n_windows, 2, 16, 16, 24))
    for layer in plan.layers:
        for i, j in layer.starts:
            box = (slice(i, i + 16), slice(j, j + 16), slice(layer.k, layer.k + 24))
            total[:, box[0], box[1], box[2]] += next(answers) * weights
            weight[box] += weights
    torch.testing.assert_close(found, total / weight, rtol=1e-5, atol=1e-5)


def test_half_precision_sums_differ_by_little_save_at_the_outermost_corners() -> None:
    array = random_array(24, 24, 40)
    plan = plan_windows((24, 24, 40), (16, 16, 16))

    exact = blend(array, plan, PretendBackend(by_density))
    half = blend(array, plan, PretendBackend(by_density), sums=torch.float16)

    assert half.dtype == torch.float32
    inner = (slice(None), *[slice(3, -3)] * 3)
    torch.testing.assert_close(half[inner], exact[inner], rtol=1e-2, atol=0.2)


def test_half_precision_rounds_the_sums_and_nothing_before_as_nnunet_does() -> None:
    plan, weights = plan_windows((24, 16, 16), (16, 16, 16)), importance((16, 16, 16)).half()
    answers = 5.0 * random_array(plan.n_windows, 2, 16, 16, 16)
    coming = iter(answers)
    backend = PretendBackend(lambda _windows: next(coming)[None])

    found = blend(random_array(24, 16, 16), plan, backend, fill=[0.0, 0.0], sums=torch.float16)

    total, weight = torch.zeros(2, 24, 16, 16).half(), torch.zeros(24, 16, 16).half()
    for answer, (i, _) in zip(answers, plan.layers[0].starts, strict=True):
        total[:, i : i + 16] += answer * weights
        weight[i : i + 16] += weights
    torch.testing.assert_close(found, (total / weight).float(), rtol=0, atol=0)


def test_where_no_window_came_background_wins() -> None:
    ring = Ring(2, (4, 4, 4), importance((2, 4, 4)), fill=[0.0, -20.0])

    ring.add(torch.ones(2, 2, 4, 4), (0, 0))
    finished = torch.cat(list(ring.advance(None)), dim=3)

    assert finished.shape == (2, 4, 4, 4)
    assert (finished[0, 2:] == 0.0).all()
    assert (finished[1, 2:] == -20.0).all()
    torch.testing.assert_close(finished[:, :2], torch.ones(2, 2, 4, 4))


def test_mirrored_passes_are_averaged_after_turning_back() -> None:
    array = random_array(16, 16, 16)
    plan = plan_windows((16, 16, 16), (16, 16, 16))
    ramp = torch.arange(16.0)[:, None, None].expand(1, 1, 16, 16, 16)
    backend = PretendBackend(lambda windows: ramp.expand(len(windows), 1, 16, 16, 16))

    found = blend(array, plan, backend, fill=[0.0], mirrorings=mirrorings((0,)), batch=2)

    torch.testing.assert_close(found, torch.full((1, 16, 16, 16), 7.5), rtol=1e-4, atol=1e-4)


def test_three_axes_can_be_mirrored_in_eight_ways() -> None:
    assert len(mirrorings((0, 1, 2))) == 8
    assert mirrorings(())[0] == ()


@pytest.mark.parametrize("batch", [1, 3, 8])
def test_mirrored_windows_are_counted_once(batch: int) -> None:
    plan = plan_windows((24, 16, 24), (16, 16, 16))
    counts: list[int] = []
    backend = PretendBackend(by_density)

    slabs = blend_windows(
        random_array(24, 16, 24),
        plan,
        backend,
        options(mirrorings=mirrorings((1, 2)), batch=batch),
        tick=counts.append,
    )
    list(slabs)

    assert backend.n_windows == 16
    assert counts == sorted(counts)
    assert counts[-1] == plan.n_windows == 4


def test_answers_that_are_no_numbers_are_refused() -> None:
    plan = plan_windows((16, 16, 16), (16, 16, 16))
    backend = PretendBackend(lambda windows: by_density(windows) * torch.nan)

    with pytest.raises(DeviceError, match="not finite"):
        blend(random_array(16, 16, 16), plan, backend)
