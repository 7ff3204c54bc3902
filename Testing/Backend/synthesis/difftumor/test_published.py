"""Which published file a tumor needs, and what is said when it is not there."""

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

import atlastumor
from atlastumor.errors import InputError, WeightsError
from atlastumor.models.catalog import list_published
from atlastumor.models.published import PublishedFile, find_file
from atlastumor.organs import KEYS
from atlastumor.synthesis.difftumor.published import find_published


@pytest.mark.parametrize(
    ("diameter_mm", "kind"), [(3, "early"), (20, "early"), (20.1, "noearly"), (90, "noearly")]
)
@pytest.mark.parametrize("organ", ["liver", "pancreas", "kidney"])
def test_the_file_follows_from_organ_and_size(organ, diameter_mm, kind):
    found = find_published(organ, diameter_mm)

    assert found.name == f"{organ}_{kind}.pt"
    assert found.url.startswith("https://")
    assert found.url.endswith(f"/DiffusionModel/{organ}_{kind}.pt")


def test_there_are_six():
    rows = [row for row in list_published() if row.method == "difftumor"]

    assert len({row.name for row in rows}) == len(rows) == 6
    assert {organ for row in rows for organ in row.organs} < set(KEYS)


@pytest.mark.parametrize("organ", ["colon", "esophagus", "uterus"])
def test_an_organ_without_a_model_is_named_with_those_that_have_one(organ):
    with pytest.raises(InputError, match=rf"no model of the {organ}.*liver, pancreas, kidney"):
        find_published(organ, 15)


@pytest.mark.parametrize("has_folder", [True, False])
def test_a_missing_file_is_named_with_size_source_and_license(has_folder, tmp_path):
    published = find_published("pancreas", 15)

    with pytest.raises(WeightsError) as caught:
        find_file(published, tmp_path if has_folder else None)

    sentence = str(caught.value)
    assert all(part in sentence for part in ("pancreas_early.pt", "290 MB", "CC BY-NC-ND 4.0"))
    assert published.url in sentence
    assert "models folder" in sentence


def test_a_file_is_found_and_a_converted_one_first(tmp_path):
    published = find_published("kidney", 15)
    (tmp_path / published.name).write_bytes(b"original")

    assert find_file(published, tmp_path) == tmp_path / "kidney_early.pt"

    (tmp_path / "kidney_early.safetensors").write_bytes(b"converted")
    assert find_file(published, tmp_path) == tmp_path / "kidney_early.safetensors"


def test_a_file_whose_hash_is_known_must_have_it(tmp_path):
    (tmp_path / "x.pt").write_bytes(b"as published")
    digest = hashlib.sha256(b"as published").hexdigest()
    published = PublishedFile("difftumor", "x.pt", "https://x", "any", 1, digest)

    assert find_file(published, tmp_path) == tmp_path / "x.pt"

    (tmp_path / "x.pt").write_bytes(b"altered")
    with pytest.raises(WeightsError, match=r"x\.pt is not the published one"):
        find_file(published, tmp_path)


def test_the_known_hash_is_the_livers():
    assert [row.name for row in list_published() if row.sha256] == ["liver_noearly.pt"]
    assert find_published("liver", 30).sha256.startswith("c2a21980e53e")


def test_knowing_the_method_and_its_files_needs_no_torch():
    code = (
        "import sys; from atlastumor.synthesis.methods import find_method;"
        "from atlastumor.models.catalog import list_published; list_published();"
        "assert find_method('difftumor').needs_weights; print('torch' in sys.modules)"
    )

    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(atlastumor.__file__).parents[1],
    )

    assert done.stdout.strip() == "False"
