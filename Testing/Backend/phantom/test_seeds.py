"""Seeds to train on: a thousand for every training, and none of those kept for tests."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from atlastumor.errors import InputError
from atlastumor.phantom import TRAINING_SEED_END, list_training_seeds
from atlastumor.training import pool
from Backend.training.tiny_recipe import TINY


def test_every_pool_has_a_thousand_seeds_of_its_own() -> None:
    lists = [list_training_seeds(seed, 1000) for seed in (0, 1, 2, 999)]

    assert [(one[0], one[-1]) for one in lists[:3]] == [(0, 999), (1000, 1999), (2000, 2999)]
    assert lists[3][-1] == TRAINING_SEED_END - 1
    assert list(list_training_seeds(61, 3)) == [61_000, 61_001, 61_002]


@pytest.mark.parametrize(
    ("seed", "n_anatomies"), [(2000, 1), (5000, 500), (1000, 1), (-1, 1), (1, 1001), (1, 0)]
)
def test_no_pool_is_made_of_phantoms_kept_for_tests_or_of_another_pool(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int, n_anatomies: int
) -> None:
    monkeypatch.setattr(pool, "ProcessPoolExecutor", None)  # no work is begun
    recipe = replace(TINY, seed=seed, n_anatomies=n_anatomies)

    with pytest.raises(InputError, match=rf"Seed {seed} with {n_anatomies} .* 0 to 999 and 1 to"):
        pool.make_pool(tmp_path / "pool", recipe, workers=1)

    assert not (tmp_path / "pool").exists()
