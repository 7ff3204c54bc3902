from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from atlastumor.cli import main
from atlastumor.detection.operating_point import thresholds_for
from atlastumor.errors import CardError, InputError, UnknownKeyError
from atlastumor.models.card import (
    DEFAULT_MODEL,
    ModelCard,
    find_card,
    list_cards,
    list_recipes,
    load_card,
    parse_card,
)
from atlastumor.models.catalog import find_entry, make_card
from atlastumor.models.importing.installing import check_free
from atlastumor.models.recipe import RECIPES_DIR, Recipe, complete_recipe, parse_recipe
from atlastumor.models.store import remove_model
from atlastumor.organs import KEYS
from Backend.operating_points import make_point

from .card_examples import card_data

OWN = sorted(path for path in RECIPES_DIR.glob("*.json") if path.stem != "schema")
POINT = make_point(
    model_id="mix",
    weights_sha256="",
    organ="colon",
    data_set="forty scans",
    hit_text="A rule.",
    sensitivity=0.925,
    fp_per_scan=1.5,
    n_lesions=40,
    n_scans=30,
)
WEIGHTS = {"file": "none.safetensors", "sha256": "0" * 64, "bytes": 1}


@pytest.fixture
def a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A models folder with three models and the recipe "mix"."""
    monkeypatch.setenv("ATLASTUMOR_MODELS_DIR", str(tmp_path))
    livers = card_data() | {"id": "livers", "license": "MIT"}
    organs = card_data() | {"id": "organs", "thresholds": {}, "postprocess": {}}
    organs["outputs"] = [
        {"channel": 0, "kind": "background"},
        {"channel": 1, "kind": "organ", "organ": "colon"},
    ]
    lesions = card_data() | {"id": "lesions", "thresholds": {}, "postprocess": {}}
    lesions["outputs"] = [{"channel": 0, "kind": "background"}, {"channel": 1, "kind": "lesion"}]
    for card in (livers, organs, lesions):
        (tmp_path / f"{card['id']}.json").write_text(json.dumps(card))
    write(tmp_path)
    return tmp_path


def write(folder: Path, change: Callable[[dict[str, Any]], object] = lambda _data: None) -> None:
    """Write the recipe "mix", changed."""
    data = {
        "schema": 1,
        "id": "mix",
        "title": "Mix",
        "version": "1.0",
        "summary": "For tests.",
        "parts": [
            {"organs": ["liver"], "models": ["livers"]},
            {"organs": ["colon"], "models": ["lesions"], "within": "organs"},
        ],
        "thresholds": {"colon": 0.4},
        "limits": "For tests.",
    }
    change(data)
    (folder / "mix.json").write_text(json.dumps(data))


def test_a_recipe_in_the_models_folder_is_listed_and_found_like_a_card(a_folder: Path) -> None:
    recipe = find_card("mix")

    assert isinstance(recipe, Recipe)
    assert [model.id for model in list_cards()] == [
        DEFAULT_MODEL,
        "lesions",
        "livers",
        "organs",
        "mix",
    ]
    assert [(o.kind, o.organ) for o in recipe.outputs] == [
        ("organ", "liver"),
        ("tumor", "liver"),
        ("organ", "colon"),
        ("tumor", "colon"),
    ]
    assert recipe.license == "MIT (livers); Apache-2.0 (lesions, organs)"
    assert recipe.weights.bytes == 3
    assert recipe.path == a_folder / "mix.json"


def test_its_hash_stands_for_weights_and_for_who_tells_about_what(a_folder: Path) -> None:
    before = find_card("mix").weights.sha256

    write(a_folder, lambda data: data["parts"].reverse())
    turned = find_card("mix").weights.sha256
    card = json.loads((a_folder / "livers.json").read_text())
    card["weights"]["sha256"] = "1" * 64
    (a_folder / "livers.json").write_text(json.dumps(card))

    assert len({before, turned, find_card("mix").weights.sha256}) == 3


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: d.pop("limits"), "limits is missing"),
        (lambda d: d.update(weights={}), "weights is not a key"),
        (lambda d: d["parts"][0].update(weight=1), r"parts\[0\]\.weight is not a key"),
        (lambda d: d["parts"].clear(), "parts must have 1 to 20 items"),
        (lambda d: d["parts"][0]["models"].append("livers"), r"parts\[0\]\.models must not repeat"),
        (lambda d: d["parts"][0]["models"].clear(), r"parts\[0\]\.models must have 1 to 20"),
        (
            lambda d: d["parts"][0]["organs"].append("spleen"),
            r"parts\[0\]\.organs must be of liver",
        ),
        (
            lambda d: d["parts"][1]["organs"].append("liver"),
            r"parts\[\d\]\.organs names liver, .*twice",
        ),
        (lambda d: d["parts"][0].update(models=["mix"]), r"parts\[0\] names the recipe itself"),
        (lambda d: d["thresholds"].update(uterus=0.5), r"thresholds\.uterus is of no organ"),
        (lambda d: d["thresholds"].update(colon=2), r"thresholds\.colon must be at most 1"),
        (lambda d: d["parts"][0].update(models=["../../x"]), r"parts\[0\]\.models\[0\] must look"),
        (lambda d: d["parts"][0].update(models=["nobody", "no-one"]), "not here: nobody, no-one"),
        (lambda d: d["parts"][1].update(within="nobody"), "models fetch nobody"),
        (
            lambda d: d["parts"][0].update(organs=["uterus"]),
            r"parts\[0\]\.organs names uterus, whose tumors 'livers' does not find",
        ),
        (lambda d: d["parts"][1].pop("within"), r"parts\[1\]\.within is missing: 'lesions'"),
        (
            lambda d: d["parts"][1].update(within="livers"),
            r"parts\[1\]\.within: 'livers' does not outline the colon",
        ),
        (
            lambda d: d["parts"][0].update(models=["other"]),
            r"parts\[0\]\.models names 'other', which is a recipe",
        ),
        (
            lambda d: d["parts"][1].update(within="other"),
            r"parts\[1\]\.within names 'other', which is a recipe",
        ),
    ],
)
def test_a_bad_recipe_is_refused_with_its_key(
    a_folder: Path, change: Callable[[dict[str, Any]], object], said: str
) -> None:
    other = json.loads((a_folder / "mix.json").read_text()) | {"id": "other"}
    (a_folder / "other.json").write_text(json.dumps(other))
    write(a_folder, change)

    with pytest.raises(CardError, match=said):
        find_card("mix")


def test_one_whose_models_are_missing_is_no_model_yet_and_harms_no_other(
    a_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (a_folder / "organs.json").unlink()

    assert "mix" not in {model.id for model in list_cards()}
    assert "mix" in {recipe.id for recipe in list_recipes()}
    assert isinstance(find_card("livers"), ModelCard)
    with pytest.raises(UnknownKeyError, match="livers"):
        find_card("nobody")
    assert main(["models", "list"]) == 0
    assert "needs organs" in capsys.readouterr().out
    assert main(["models", "show", "mix"]) == 0
    assert "not ready   The recipe 'mix' needs models that are not" in capsys.readouterr().out


def test_a_recipe_is_shown_and_removed_without_its_models(
    a_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["models", "show", "mix"]) == 0
    said = capsys.readouterr().out
    assert "from lesions, within the outlines of organs" in said
    assert main(["models", "show", "mix", "--json"]) == 0

    assert remove_model("mix") == (a_folder / "mix.json",)
    assert sorted(path.stem for path in a_folder.iterdir()) == ["lesions", "livers", "organs"]


def test_a_recipe_can_be_removed_when_its_models_are_gone(a_folder: Path) -> None:
    (a_folder / "organs.json").unlink()

    assert main(["models", "remove", "mix", "--yes"]) == 0
    assert sorted(path.stem for path in a_folder.iterdir()) == ["lesions", "livers"]


def test_a_model_is_shown_and_removed_whatever_lies_beside_it(
    a_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (a_folder / "alien.json").write_text("{")
    (a_folder / "folder.json").mkdir()

    assert main(["models", "show", "livers"]) == 0
    assert "(livers)" in capsys.readouterr().out
    assert main(["models", "remove", "livers", "--yes"]) == 0
    assert not (a_folder / "livers.json").exists()


def test_no_recipe_is_taken_for_a_card(a_folder: Path) -> None:
    with pytest.raises(CardError, match=r"mix\.json cannot be used"):
        load_card(a_folder / "mix.json")


@pytest.mark.parametrize("path", OWN, ids=lambda path: path.stem)
def test_every_recipe_of_the_package_fits_the_published_models_that_it_names(path: Path) -> None:
    recipe = parse_recipe(json.loads(path.read_text(encoding="utf-8")), path)
    cards = {DEFAULT_MODEL: find_card(DEFAULT_MODEL)}
    for name in set(recipe.names) - {DEFAULT_MODEL}:
        cards[name] = parse_card(card_of(name))
        assert name in recipe.summary

    complete = complete_recipe(recipe, cards)

    assert recipe.id == path.stem
    assert "clinical" in recipe.limits
    assert {o.organ for o in complete.outputs} <= set(KEYS)
    assert {o.organ for o in complete.outputs if o.kind == "organ"} == set(recipe.organs)


def card_of(name: str) -> dict[str, Any]:
    """The card of a published model, with what only its file says made up."""
    known = make_card(find_entry(name))
    made_up = {key: value for key, value in card_data().items() if key not in known}
    for key in ("input", "inference"):
        known[key] = card_data()[key] | known.get(key, {})
    return {**made_up, **known, "weights": WEIGHTS}


def test_the_packages_recipes_say_which_models_to_fetch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ATLASTUMOR_MODELS_DIR", str(tmp_path))

    assert {recipe.id for recipe in list_recipes()} == {path.stem for path in OWN}
    assert [model.id for model in list_cards()] == [DEFAULT_MODEL]
    with pytest.raises(CardError, match="models fetch freetumor-flare universal-swin"):
        find_card("six-organs")


def test_a_recipe_of_the_package_cannot_be_removed(
    a_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("atlastumor.models.store.RECIPES_DIR", a_folder)

    with pytest.raises(InputError, match="stays"):
        remove_model("mix")


def test_no_model_is_imported_under_the_id_of_a_recipe_that_waits_for_its_models(
    tmp_path: Path,
) -> None:
    with pytest.raises(InputError, match="There is a model 'six-organs' already"):
        check_free("six-organs", tmp_path)


def test_operating_points_belong_to_a_recipe_as_to_a_model(a_folder: Path) -> None:
    recipe = find_card("mix")
    point = replace(POINT, model_id="mix", weights_sha256=recipe.weights.sha256, organ="colon")

    assert thresholds_for([point], recipe) == {"colon": 0.25}
    write(a_folder, lambda data: data["parts"].reverse())
    with pytest.raises(InputError, match="other weights of 'mix'"):
        thresholds_for([point], find_card("mix"))
