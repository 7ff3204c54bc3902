"""The page on scaling studies names what there is, and what it shows is what was run."""

from __future__ import annotations

import json
import re
from pathlib import Path

from atlastumor.scaling import config as scaling
from atlastumor.scaling.config import load_scaling

REPOSITORY = Path(__file__).resolve().parents[2]
PAGE = REPOSITORY / "Resources/Docs/scaling.md"
STUDY = REPOSITORY / "Testing/Benchmarks/scaling_phantoms.json"


def test_the_page_names_every_key_of_a_configuration() -> None:
    schema = Path(scaling.__file__).with_name("config_schema.json")
    keys = json.loads(schema.read_text(encoding="utf-8"))["properties"]
    rows = re.findall(r"^\| `(\w+)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)

    assert set(rows) == set(keys)


def test_the_configurations_of_the_page_and_of_its_study_load(tmp_path: Path) -> None:
    shown = re.search(r"```json\n(.+?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert shown is not None
    path = tmp_path / "study.json"
    path.write_text(shown[1], encoding="utf-8")

    page, study = load_scaling(path), load_scaling(STUDY)

    assert len(page.sizes) * len(page.folds) * len(page.seeds) == 24
    assert len(study.sizes) >= 4
    assert study.folds == (0.0, 3.0)
    assert len(study.seeds) >= 3
