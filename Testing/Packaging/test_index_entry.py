"""The rules of the Extensions Index that can be checked without a network.

Source: Slicer/ExtensionsIndex, `scripts/check_description_files.py` and the pull request template;
the schema is Slicer's `slicer-extension-catalog-entry-schema-v1.0.1.json`.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from PIL import Image

from Packaging.building import REPOSITORY

ENTRY = REPOSITORY / "Resources/ExtensionIndex/AtlasTumor.json"
RAW = "https://raw.githubusercontent.com/AtlasTumor/SlicerAtlasTumor/main/"


@pytest.fixture
def an_entry() -> dict[str, object]:
    return json.loads(ENTRY.read_text(encoding="utf-8"))


@pytest.fixture
def the_cmake() -> str:
    return (REPOSITORY / "CMakeLists.txt").read_text(encoding="utf-8")


def metadata(cmake: str, field: str) -> str:
    """Read a field as the index does: one literal line."""
    (value,) = re.findall(rf'^set\(EXTENSION_{field} "([^"]+)"\)$', cmake, re.MULTILINE)
    return value


def test_the_entry_holds_the_keys_of_the_schema_and_no_others(an_entry: dict[str, object]) -> None:
    required = {"$schema", "category", "scm_url"}
    known = required | {
        "scm_revision",
        "scm_type",
        "build_dependencies",
        "build_subdirectory",
        "enabled",
        "tier",
    }

    assert required <= set(an_entry) <= known
    assert str(an_entry["$schema"]).endswith("catalog-entry-schema-v1.0.1.json#")
    assert an_entry["category"] == "Segmentation"
    assert an_entry["tier"] in {1, 3, 5}


def test_the_repository_is_named_slicer_and_the_extension_is_not(
    an_entry: dict[str, object],
) -> None:
    url = str(an_entry["scm_url"])

    assert url.startswith("https://")
    assert url.rsplit("/", maxsplit=1)[1] == "SlicerAtlasTumor"
    assert not ENTRY.stem.lower().startswith("slicer")


def test_the_project_has_the_name_of_the_entry(the_cmake: str) -> None:
    (name,) = re.findall(r"^project\(\s*([^\s)]+)", the_cmake, re.MULTILINE)

    assert name == ENTRY.stem


def test_the_extensions_needed_are_the_same_in_the_entry_and_in_cmake(
    an_entry: dict[str, object], the_cmake: str
) -> None:
    assert metadata(the_cmake, "DEPENDS").split() == an_entry["build_dependencies"]


def test_the_homepage_lies_in_the_repository_of_the_entry(
    an_entry: dict[str, object], the_cmake: str
) -> None:
    assert metadata(the_cmake, "HOMEPAGE").startswith(str(an_entry["scm_url"]))


@pytest.mark.parametrize("field", ["ICONURL", "SCREENSHOTURLS"])
def test_pictures_named_in_the_metadata_are_in_the_repository(the_cmake: str, field: str) -> None:
    for url in metadata(the_cmake, field).split():
        assert url.startswith(RAW)
        with Image.open(REPOSITORY / url.removeprefix(RAW)) as picture:
            assert picture.format == "PNG"
            assert min(picture.size) >= 128


def test_the_description_names_use_licenses_and_patents(the_cmake: str) -> None:
    description = metadata(the_cmake, "DESCRIPTION")

    for word in ("not for clinical use", "license", "patents", "no data leave"):
        assert word in description.lower()


def test_the_license_stands_at_the_root_under_the_name_the_index_wants() -> None:
    text = (REPOSITORY / "LICENSE.txt").read_text(encoding="utf-8")

    assert "Apache License" in text


@pytest.mark.parametrize("section", ["Quick start", "Modules", "Limits", "Citation", "License"])
def test_the_readme_has_what_reviewers_look_for(section: str) -> None:
    readme = Path(REPOSITORY / "README.md").read_text(encoding="utf-8")

    assert f"\n## {section}\n" in readme
