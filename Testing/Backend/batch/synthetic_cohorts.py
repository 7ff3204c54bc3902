"""Small cohorts with synthetic tumors."""

from __future__ import annotations

from pathlib import Path

from atlastumor.batch.growing import CohortSettings, Recipe
from atlastumor.batch.healthy import find_healthy
from atlastumor.batch.quality import Critic
from atlastumor.batch.synthesis import SyntheticCohort, make_cohort
from atlastumor.progress import CancelToken
from atlastumor.synthesis.handcrafted import Handcrafted
from Backend.batch.critics import Pleased
from Backend.batch.healthy_folders import write_flat, write_folder, write_masks

DATA = Path("nnunet/Dataset900_AtlasTumorSynthetic")
SMALL = (1.0, 0.0, 0.0)


def write_three(folder: Path) -> Path:
    """Cases a, b and c, each in its own layout."""
    write_flat(folder, "a", seed=1)
    write_folder(folder, "b", seed=2)
    write_masks(folder, "c")
    return folder


def make(
    healthy: Path,
    out: Path,
    critic: Critic | None = None,
    *,
    only: set[str] | None = None,
    cancel: CancelToken | None = None,
    **settings: object,
) -> SyntheticCohort:
    """Make a cohort of small tumors, two per scan."""
    critic = critic or Pleased()
    usual = {"per_scan": 2, "mix": SMALL, "seed": 7, "tries": 4}  # all are kept
    if isinstance(critic, Pleased):  # it would find every tumor before it is there
        usual["min_quality"] = 0.0
    chosen = CohortSettings(**(usual | settings))
    recipe = Recipe(chosen, Handcrafted(), critic, {"model": "fake"})
    cases, problems = find_healthy(healthy)
    cases = tuple(case for case in cases if only is None or case.name in only)
    return make_cohort(cases, out, recipe, problems=problems, cancel=cancel)
