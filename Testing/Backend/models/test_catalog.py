"""The catalogue of published checkpoints: whole, honest, and of networks that can be built."""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import atlastumor
from atlastumor.errors import UnknownKeyError
from atlastumor.models.card import parse_card
from atlastumor.models.catalog import CatalogEntry, find_entry, list_entries, make_card
from atlastumor.models.catalog.table import write_table
from atlastumor.models.importing import import_model
from atlastumor.models.weights import load_weights
from atlastumor.networks import build_network, find_multiple
from atlastumor.organs import KEYS
from Backend.source_tree import REPOSITORY

ENTRIES = list_entries()
WEIGHTS = {"file": "x.safetensors", "sha256": "0" * 64, "bytes": 1}
FILLING = {
    "network": {"name": "plain_unet", "args": {}},
    "input": {
        "orientation": "RAS",
        "spacing_mm": [1, 1, 1],
        "clip_hu": [0, 1],
        "normalize": "unit",
        "resample_order": 3,
    },
    "inference": {"patch": [64, 64, 64]},
}
"""What a template leaves to the file."""


def templates() -> list[Any]:
    return [pytest.param(one, id=one.id) for one in ENTRIES if one.template is not None]


def architectures() -> list[Any]:
    """Each distinct network of the catalogue, with the parameters that it should have."""
    seen: dict[str, CatalogEntry] = {}
    for one in ENTRIES:
        if one.template is not None and "network" in one.template:
            seen.setdefault(f"{one.template['network']}{len(one.template['outputs'])}", one)
    return [pytest.param(one, id=one.id) for one in seen.values()]


def test_every_family_of_checkpoints_is_there() -> None:
    families = {entry.family for entry in ENTRIES}

    assert len(families) >= 25
    assert len({entry.id for entry in ENTRIES}) == len(ENTRIES)
    assert find_entry("difftumor-unet-liver").organs == ("liver",)
    with pytest.raises(UnknownKeyError, match="published model 'difftumor'"):
        find_entry("difftumor")


@pytest.mark.parametrize("entry", [pytest.param(one, id=one.id) for one in ENTRIES])
def test_every_entry_says_where_it_is_from_and_what_forbids_its_use(entry: CatalogEntry) -> None:
    assert entry.license.name
    assert entry.license.terms.endswith(".")
    assert entry.leakage.endswith(".")
    assert entry.training_data
    assert entry.source["facts"]
    assert set(entry.organs) <= set(KEYS)
    assert len({published.name for published in entry.files}) == len(entry.files)
    assert all(published.url.startswith("https://") for published in entry.files)
    assert (entry.importer == "none") == bool(entry.unsupported)
    assert entry.files or entry.importer == "none"
    assert "NC" not in entry.license.name or "ommercial" in entry.license.terms


@pytest.mark.parametrize("entry", templates())
def test_every_template_is_a_card_but_for_its_weights(entry: CatalogEntry) -> None:
    data = make_card(entry)
    if entry.importer == "plain":
        assert FILLING.keys() <= data.keys()

    card = parse_card({**FILLING, **data, "weights": WEIGHTS})

    assert {output.organ for output in card.outputs if output.kind == "tumor"} == set(entry.organs)
    assert set(card.thresholds) == set(entry.organs)
    assert entry.leakage in card.limits


@pytest.mark.parametrize("entry", architectures())
def test_every_network_can_be_built_and_has_as_many_parameters_as_is_documented(
    entry: CatalogEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    monkeypatch.setattr(torch, "linspace", partial(torch.linspace, device="cpu"))  # MONAI reads it

    assert entry.template is not None
    name, args = entry.template["network"]["name"], entry.template["network"]["args"]
    multiple = find_multiple(name, args)
    patch = entry.template["inference"]["patch"]
    assert all(side % step == 0 for side, step in zip(patch, multiple, strict=True))

    with torch.device("meta"):
        network = build_network(name, len(entry.template["outputs"]), args)

    count = sum(tensor.numel() for tensor in network.parameters())
    assert entry.parameters is not None
    assert count == pytest.approx(entry.parameters, rel=0.01)


@pytest.mark.parametrize(
    ("entry_id", "section", "prefix"),
    [("difftumor-unet-liver", "state_dict", ""), ("suprem-segresnet", "net", "module.")],
)
def test_a_file_as_its_authors_wrote_it_becomes_a_model(
    tmp_path: Path, entry_id: str, section: str, prefix: str
) -> None:
    import numpy as np
    import torch

    entry = find_entry(entry_id)
    assert entry.template is not None
    network = entry.template["network"]
    built = build_network(network["name"], len(entry.template["outputs"]), network["args"])
    state = {f"{prefix}{name}": tensor for name, tensor in built.state_dict().items()}
    path = tmp_path / "published.pth"
    torch.save({section: state, "epoch": 3, "best_acc": np.float64(0.5)}, path)

    card = import_model(path, tmp_path / "models", card=make_card(entry), id=entry.id)

    assert card.id == entry_id
    assert card.license == entry.license.title
    assert load_weights(card).keys() == built.state_dict().keys()


def test_reading_the_catalogue_needs_neither_torch_nor_scipy() -> None:
    code = (
        "import sys; from atlastumor.models import catalog; catalog.list_entries();"
        "import atlastumor.models.fetching; print({'torch', 'scipy'} & set(sys.modules))"
    )

    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(atlastumor.__file__).parents[1],
    )

    assert done.stdout.strip() == "set()"


def test_the_page_of_the_documentation_is_what_the_catalogue_says() -> None:
    page = (REPOSITORY / "Resources/Docs/catalog.md").read_text(encoding="utf-8")

    assert page == write_table()
