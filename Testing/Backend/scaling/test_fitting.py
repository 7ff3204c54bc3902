"""Power laws found back from curves whose law is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import curve_fit

from atlastumor.scaling.fitting import fit_power_law, predict

SIZES = np.array([2.0, 4, 8, 16, 32, 64])
LAWS = [(0.8, 0.5, 0.1), (0.5, 1.3, 0.0), (1.2, 0.2, 0.05), (0.9, 1.0, 0.4)]


@pytest.mark.parametrize("law", LAWS)
def test_a_law_is_found_back_from_its_own_curve(law: tuple[float, float, float]) -> None:
    a, b, c = law
    errors = a * SIZES**-b + c

    fitted = fit_power_law(SIZES, errors[None]).at(0)

    np.testing.assert_allclose(predict(fitted, SIZES), errors, atol=1e-4)
    np.testing.assert_allclose([fitted.a, fitted.b, fitted.c], law, rtol=0.02, atol=0.005)


def test_many_samples_are_fitted_as_each_alone() -> None:
    errors = np.array([a * SIZES**-b + c for a, b, c in LAWS])

    together = fit_power_law(SIZES, errors)

    for number, row in enumerate(errors):
        alone = fit_power_law(SIZES, row[None]).at(0)
        for name in ("a", "b", "c"):
            assert getattr(together.at(number), name) == pytest.approx(getattr(alone, name))


def test_no_other_law_within_the_bounds_leaves_less() -> None:
    rng = np.random.default_rng(3)
    errors = np.clip(0.7 * SIZES**-0.6 + 0.1 + rng.normal(0, 0.03, (20, SIZES.size)), 0, 1)

    laws = fit_power_law(SIZES, errors)

    for row, ours in zip(errors, predict(laws, SIZES), strict=True):
        bounds = ([0, 0.05, 0], [np.inf, 2.0, np.inf])
        found, _ = curve_fit(
            lambda n, a, b, c: a * n**-b + c, SIZES, row, (0.7, 0.6, 0.1), bounds=bounds
        )
        theirs = found[0] * SIZES ** -found[1] + found[2]
        assert ((ours - row) ** 2).sum() <= ((theirs - row) ** 2).sum() + 1e-6


def test_with_three_sizes_the_limit_is_nothing_and_with_two_there_is_no_fit() -> None:
    errors = np.array([0.6 * SIZES**-0.4 + 0.1] * 2)
    errors[0, 3:] = np.nan
    errors[1, 2:] = np.nan

    laws = fit_power_law(SIZES, errors)

    assert laws.c[0] == 0
    assert laws.a[0] > 0
    assert np.isnan([laws.a[1], laws.b[1], laws.c[1]]).all()


@pytest.mark.parametrize("n_sizes", [3, 6])
@pytest.mark.parametrize("ends", [(0.3, 0.3), (0.2, 0.5)])
def test_an_error_that_does_not_fall_is_its_mean(ends: tuple[float, float], n_sizes: int) -> None:
    errors = np.linspace(*ends, n_sizes)

    law = fit_power_law(SIZES[:n_sizes], errors[None])

    assert law.a[0] == pytest.approx(0, abs=1e-9)
    np.testing.assert_allclose(predict(law, SIZES)[0], errors.mean())


def test_a_size_without_a_value_does_not_change_the_law_of_the_others() -> None:
    errors = 0.8 * SIZES**-0.5 + 0.1
    holed = errors.copy()
    holed[2] = np.nan

    law = fit_power_law(SIZES, holed[None])

    np.testing.assert_allclose(predict(law, SIZES)[0], errors, atol=1e-3)
