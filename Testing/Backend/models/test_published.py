"""Weights that others published: where they are looked for, and what is said without them."""

from __future__ import annotations

from pathlib import Path

import pytest

from atlastumor.errors import UnknownKeyError, WeightsError
from atlastumor.models.catalog import (
    describe_purpose,
    find_published,
    list_needed,
    list_published,
)
from atlastumor.models.published import find_file, locate_file
from atlastumor.synthesis.methods import METHODS
from Backend.models.shelf import CONTENT, offer


@pytest.fixture(autouse=True)
def default_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A default folder that nobody else uses."""
    folder = tmp_path / "default"
    monkeypatch.setenv("ATLASTUMOR_MODELS_DIR", str(folder))
    return folder


def put(folder: Path, content: bytes = CONTENT, name: str = "w.pt") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(content)
    return folder / name


def test_the_users_folder_comes_before_the_default_one(
    default_folder: Path, tmp_path: Path
) -> None:
    published, own = offer("http://127.0.0.1:9"), tmp_path / "own"
    assert locate_file(published, own) is None

    there = put(default_folder)
    assert find_file(published) == find_file(published, own) == there
    here = put(own)
    assert find_file(published, own) == here
    converted = put(own, b"other bytes", "w.safetensors")
    assert find_file(published, own) == converted


def test_an_altered_file_is_refused(default_folder: Path) -> None:
    put(default_folder, CONTENT[:-1])

    with pytest.raises(WeightsError, match=r"not the published one.*atlastumor models fetch w\.pt"):
        find_file(offer("http://127.0.0.1:9"))


def test_a_missing_file_names_the_command_or_what_to_do_by_hand() -> None:
    published = offer("http://a.org")
    with pytest.raises(WeightsError, match=r"'atlastumor models fetch w\.pt', which shows its lic"):
        find_file(published)

    published = offer("http://a.org", sha256="")
    with pytest.raises(WeightsError, match=r"license \(CC.*download http://a\.org/w\.pt.*default'"):
        find_file(published)


def test_every_method_that_needs_weights_has_files_with_terms() -> None:
    methods = {published.method for published in list_published()}

    assert methods == {name for name, method in METHODS.items() if method.needs_weights}
    for published in list_published():
        assert published.license
        assert published.terms
        assert published.organs
        assert published.url.startswith("https://")
    assert all("commercial" in one.terms for one in list_published() if one.method == "difftumor")


def test_files_are_found_by_name_and_by_what_is_asked_for() -> None:
    assert find_published("liver_noearly") == find_published("liver_noearly.pt")
    with pytest.raises(UnknownKeyError, match=r"published file 'spleen'.*TGAN\.pt"):
        find_published("spleen")

    def names(*asked: object) -> list[str]:
        return [one.name for one in list_needed(*asked)]

    assert names("difftumor", "liver", 20.0) == ["liver_early.pt"]
    assert names("difftumor", "liver", 20.5) == ["liver_noearly.pt"]
    assert len(names("difftumor", "", 30.0)) == 3
    assert names("difftumor", "uterus", 30.0) == names("handcrafted", "liver", 30.0) == []
    assert names("freetumor", "", 30.0) == ["TGAN.pt"]
    assert describe_purpose(find_published("liver_noearly")) == "liver, above 20 mm"
    assert describe_purpose(find_published("liver_early")) == "liver, up to 20 mm"
    assert describe_purpose(find_published("TGAN")) == "liver, pancreas, kidney"
