"""What becomes a channel, and what is refused or left out because nobody looked for it."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import nibabel
import numpy as np
import pytest

from atlastumor.cli import main
from atlastumor.collections import Annotation, CollectionCase
from atlastumor.cotraining.config import TrainingConfig
from atlastumor.cotraining.learnable import count_tumors_as_organs, find_learnable, list_channels
from atlastumor.cotraining.prepare import CachedCase, prepare_cases
from atlastumor.cotraining.starting import draft_card
from atlastumor.models.card import load_card
from Backend.cotraining.test_patches import SPEC
from Backend.cotraining.tiny_cohort import write_case, write_config

pytestmark = pytest.mark.usefixtures("one_thread")

LIVER, KIDNEY = frozenset({"liver"}), frozenset({"kidney"})
BOTH = LIVER | KIDNEY


def case(organs: frozenset[str], tumors: frozenset[str]) -> CollectionCase:
    return CollectionCase("one", Path("one.nii.gz"), annotated=Annotation(organs, tumors))


def draft(cases: list[CollectionCase], organs: tuple[str, ...] | None = None) -> list[str]:
    """What the channels of a model mean that these cases teach."""
    card = draft_card(TrainingConfig((), Path(), organs=organs), cases, None)
    assert [o.channel for o in card.outputs] == list(range(len(card.outputs)))
    tumors = [o.organ for o in card.outputs if o.kind == "tumor"]
    assert set(card.thresholds) == set(tumors)
    return [f"{o.kind} {o.organ}" if o.organ else o.kind for o in card.outputs]


def test_tumors_that_nobody_looked_for_get_no_channel() -> None:
    cases = [case(BOTH, LIVER), case(KIDNEY, frozenset())]

    assert draft(cases) == ["background", "organ liver", "organ kidney", "tumor liver"]
    assert draft(cases, ("kidney",)) == ["background", "organ kidney"]
    assert draft([*cases, case(frozenset(), KIDNEY)])[-1] == "tumor kidney"


def test_an_organ_of_which_only_tumors_are_outlined_gets_no_channel_of_its_own() -> None:
    assert draft([case(LIVER, LIVER), case(frozenset(), frozenset({"colon"}))]) == [
        "background",
        "organ liver",
        "tumor liver",
        "tumor colon",
    ]


def test_a_model_without_channels_for_tumors_of_the_kidney_segments_and_says_so(
    tmp_path: Path,
) -> None:
    known = Annotation(BOTH, LIVER)
    cases = [
        replace(write_case(tmp_path, f"c{n}", n, tumor=n == 0), annotated=known) for n in range(2)
    ]
    config = write_config(tmp_path, [cases[0], replace(cases[1], split="validation")])
    out = tmp_path / "out"

    trained = main(["train", str(config), "--device", "cpu"])
    words = ["--model", "tiny-v1", "--models-dir", str(out), "--device", "cpu"]
    segmented = main(["segment", str(cases[1].scan), "-o", str(tmp_path / "result"), *words])

    assert trained == segmented == 0
    assert (
        "searched for tumors of kidney: the model outlines that" in (out / "report.md").read_text()
    )
    kinds = [(o.kind, o.organ) for o in load_card(out / "tiny-v1.json").outputs]
    assert ("tumor", "kidney") not in kinds
    with (out / "run" / "validation.csv").open(newline="") as file:
        assert {row["organ"] for row in csv.DictReader(file)} == {"liver", "kidney", "all"}
    labels = next((tmp_path / "result").glob("*labels*.nii.gz"))
    assert 29 not in np.unique(nibabel.load(labels).dataobj)
    assert "does not look for its tumors" in "".join(
        path.read_text() for path in (tmp_path / "result").glob("*.json")
    )


def test_what_is_drawn_as_a_tumor_counts_as_its_organ_where_it_has_no_channel(
    tmp_path: Path,
) -> None:
    ill = replace(write_case(tmp_path, "ill", 0, tumor=True), annotated=Annotation(BOTH, KIDNEY))
    outputs = list_channels(find_learnable([ill], None))

    [cached] = prepare_cases([count_tumors_as_organs(ill, outputs)], SPEC, tmp_path / "cache")

    assert isinstance(cached, CachedCase)
    labels = cached.open()[1]
    drawn = np.asarray(nibabel.load(ill.labels[0].path).dataobj)
    assert np.count_nonzero(labels == 5) == np.count_nonzero((drawn == 1) | (drawn == 3))
    assert 27 not in labels


def on_the_cpu(_folder: Path) -> list[str]:
    return ["--device", "cpu"]


def for_nnunet(folder: Path) -> list[str]:
    return ["--export-nnunet", str(folder / "raw")]


@pytest.mark.parametrize("words", [on_the_cpu, for_nnunet])
@pytest.mark.parametrize(
    ("annotated", "what"),
    [(Annotation(BOTH, LIVER), "kidney"), (Annotation(LIVER, BOTH), "tumors of kidney")],
)
def test_a_channel_whose_cases_are_all_damaged_is_refused(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    annotated: Annotation,
    what: str,
    words: Callable[[Path], list[str]],
) -> None:
    sound = replace(
        write_case(tmp_path, "sound", 0, tumor=True), annotated=Annotation(LIVER, LIVER)
    )
    damaged = replace(write_case(tmp_path, "damaged", 1, tumor=True), annotated=annotated)
    damaged.scan.write_bytes(damaged.scan.read_bytes()[:1000])
    config = write_config(tmp_path, [sound, damaged])

    code = main(["train", str(config), *words(tmp_path)])

    said = capsys.readouterr().err
    assert code == 3
    assert f"annotated for {what} cannot be used" in said
    assert "damaged: " in said


@pytest.mark.parametrize("where", ["train", "validation"])
def test_a_case_with_empty_labels_is_named_and_skipped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], where: str
) -> None:
    cases = [write_case(tmp_path, f"case{n}", n, tumor=True) for n in range(3)]
    empty = replace(cases[1], id="empty", split=where)
    blank = np.zeros((40, 40, 40), np.uint8)
    nibabel.save(nibabel.Nifti1Image(blank, np.diag([4.0] * 3 + [1.0])), empty.labels[0].path)
    held_out = replace(cases[2], split="validation")
    config = write_config(tmp_path, [cases[0], empty, held_out], steps=1)

    code = main(["train", str(config), "--device", "cpu"])

    assert code == 0
    assert "Skipped empty: Its labels are empty, though liver, kidney" in capsys.readouterr().err
    assert "empty: Its labels are empty" in (tmp_path / "out" / "report.md").read_text()


def same_file(first: CollectionCase) -> CollectionCase:
    return first


def copied(first: CollectionCase) -> CollectionCase:
    other = first.scan.with_name("renamed.nii.gz")
    other.write_bytes(first.scan.read_bytes())
    return replace(first, scan=other)


@pytest.mark.parametrize("second", [same_file, copied])
def test_a_scan_in_both_sets_is_refused_though_the_cohort_has_no_fingerprints(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    second: Callable[[CollectionCase], CollectionCase],
) -> None:
    first = write_case(tmp_path, "first", 0, tumor=True)
    twin = replace(second(first), id="twin", split="validation")

    code = main(["train", str(write_config(tmp_path, [first, twin])), "--device", "cpu"])

    assert code == 3
    assert "'twin' is for validation, but 'first' is a copy" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
