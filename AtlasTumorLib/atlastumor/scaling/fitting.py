"""Power laws of error against data, fitted to many samples at once.

What is fitted is error(n) = a n^-b + c with a >= 0, 0.05 <= b <= 2 and c >= 0, by least squares,
each size with one weight. With three sizes c is 0, unless their mean (a = 0) is nearer; with fewer
there is no fit. For every b the best a and c are known in closed form, and b is searched over a
grid that is then refined, so nothing depends on where a search begins.

Source:
    Hestness et al., Deep learning scaling is predictable, empirically, arXiv 1712.00409, for the
    form with an irreducible error.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["LEAST_SIZES", "PowerLaw", "fit_power_law", "predict"]

LEAST_SIZES = 3
"""Fewer sizes are not fitted."""
_WITH_LIMIT = 4  # sizes from which on the limit c is fitted, too
_EXPONENTS = (0.05, 2.0)
_COARSE, _FINE = 60, 21

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class PowerLaw:
    """error(n) = a n^-b + c, of one curve or of many samples.

    Args:
        a: Error that data takes away, at n = 1, (...); 0 where error does not fall.
        b: Exponent, (...); NaN where a is 0.
        c: Error that no data takes away, (...).
    """

    a: Floats
    b: Floats
    c: Floats

    def at(self, number: int) -> PowerLaw:
        """One of the samples."""
        return PowerLaw(self.a[number], self.b[number], self.c[number])


def predict(law: PowerLaw, n: npt.ArrayLike) -> Floats:
    """Give the error at sizes.

    Args:
        law: Fitted, (...).
        n: Sizes, (N,).

    Returns:
        Errors, (..., N).
    """
    b = np.where(law.a > 0, law.b, 1.0)
    sizes = np.asarray(n, float)
    errors: Floats = law.a[..., None] * sizes ** -b[..., None] + law.c[..., None]
    return errors


def fit_power_law(sizes: npt.ArrayLike, errors: Floats) -> PowerLaw:
    """Fit a power law to every row.

    Args:
        sizes: Rising, (N,).
        errors: (M, N), not negative; a size that is NaN in a row is left out of that row.

    Returns:
        The laws, (M,); NaN where fewer than three sizes are known.
    """
    n = np.asarray(sizes, float)
    known = np.isfinite(errors)
    counts = known.sum(axis=1)
    values = np.where(known, errors, 0.0)
    has_limit = counts >= _WITH_LIMIT
    grid = np.geomspace(*_EXPONENTS, _COARSE)
    first = _best(n, values, known, has_limit, np.broadcast_to(grid, (len(errors), _COARSE)))
    step = grid[1] / grid[0]
    around = np.geomspace(1 / step, step, _FINE)
    exponents = np.clip(first.b[:, None] * around, *_EXPONENTS)
    law = _prefer_mean(_best(n, values, known, has_limit, exponents), n, values, known)
    unknown = counts < LEAST_SIZES
    a = np.where(unknown, np.nan, law.a)
    b = np.where(unknown | (law.a <= 0), np.nan, law.b)
    return PowerLaw(a, b, np.where(unknown, np.nan, law.c))


def _prefer_mean(
    law: PowerLaw, n: Floats, errors: Floats, known: npt.NDArray[np.bool_]
) -> PowerLaw:
    """Take the mean where it is nearer: without c, a law falls though the error does not."""
    mean = errors.sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    left = ((predict(law, n) - errors) ** 2 * known).sum(axis=1)
    is_flat = ((mean[:, None] - errors) ** 2 * known).sum(axis=1) <= left
    return PowerLaw(np.where(is_flat, 0.0, law.a), law.b, np.where(is_flat, mean, law.c))


def _best(
    n: Floats,
    errors: Floats,
    known: npt.NDArray[np.bool_],
    has_limit: npt.NDArray[np.bool_],
    exponents: Floats,
) -> PowerLaw:
    """Of the exponents of each row, (M, B), take the one that leaves least, with its a and c."""
    x = np.exp(-exponents[..., None] * np.log(n / n[0])) * known[:, None]  # (M, B, N)
    y = errors[:, None]
    count = np.maximum(known.sum(axis=1), 1)[:, None]
    mean_x, mean_y = x.sum(axis=-1) / count, y.sum(axis=-1) / count
    sxx, sxy = (x * x).sum(axis=-1), (x * y).sum(axis=-1)
    spread = sxx - count * mean_x**2
    a = np.divide(sxy - count * mean_x * mean_y, spread, where=spread > 0, out=np.zeros_like(sxx))
    c = mean_y - a * mean_x
    flat = a < 0  # error does not fall: what is left is its mean
    a, c = np.where(flat, 0.0, a), np.where(flat, mean_y, c)
    bare = (c < 0) | ~has_limit[:, None]
    through = np.divide(sxy, sxx, where=sxx > 0, out=np.zeros_like(sxx))
    a, c = np.where(bare, through, a), np.where(bare, 0.0, c)
    left = ((a[..., None] * x + c[..., None] * known[:, None] - y) ** 2).sum(axis=-1)
    chosen = left.argmin(axis=1)[:, None]
    a, b, c = (np.take_along_axis(one, chosen, axis=1)[:, 0] for one in (a, exponents, c))
    return PowerLaw(a * n[0] ** b, b, c)
