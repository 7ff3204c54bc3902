"""What an evaluation keeps for a rerun counts for the card that it was measured with alone."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from atlastumor.detection import CaseMatch, LesionMatch
from atlastumor.detection.reference import find_reference_lesions
from atlastumor.detection.sweep import SweepOptions, sweep_case
from atlastumor.detection.sweep_files import save_sweep
from atlastumor.errors import InputError
from atlastumor.evaluation import __main__ as command
from atlastumor.evaluation import phantoms, thresholds
from atlastumor.evaluation.card_hash import hash_for_scores, hash_for_sweeps
from atlastumor.evaluation.case import CaseScore
from atlastumor.evaluation.phantoms import score_phantoms
from atlastumor.evaluation.thresholds import sweep_phantoms
from atlastumor.models.card import CARDS_DIR, DEFAULT_MODEL
from atlastumor.organs import KEYS

MODEL = "mine"
ChangeCard = Callable[..., None]


@pytest.fixture
def change_card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ChangeCard:
    """A copy of the embedded model's card, and a way to replace keys in it."""
    folder = tmp_path / "models"
    folder.mkdir()
    monkeypatch.setenv("ATLASTUMOR_MODELS_DIR", str(folder))
    path = folder / f"{MODEL}.json"
    card = json.loads((CARDS_DIR / f"{DEFAULT_MODEL}.json").read_text(encoding="utf-8"))
    del card["quantization"]

    def change(**changes: Any) -> None:
        card.update(changes)
        path.write_text(json.dumps(card), encoding="utf-8")

    change(id=MODEL)
    return change


def a_score(case: str) -> CaseScore:
    match = CaseMatch((LesionMatch("colon", 0.5, 0.2),), ("liver",))
    return CaseScore(case, {"colon": 0.5}, match, 2.5)


@pytest.fixture
def scored(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Seeds of phantoms that were measured, without any network."""
    seeds: list[int] = []

    def score_one(_model: str, _precision: str, seed: int) -> CaseScore:
        seeds.append(seed)
        return a_score(str(seed))

    monkeypatch.setattr(phantoms, "ProcessPoolExecutor", ThreadPoolExecutor)
    monkeypatch.setattr(phantoms, "_score_one", score_one)
    return seeds


@pytest.fixture
def swept(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Seeds of phantoms that were swept, without any network."""
    seeds: list[int] = []

    empty = np.zeros((6, 5, 4), np.float32)
    lesions = find_reference_lesions(empty > 0, spacing_mm=(1.0, 2.0, 3.0))

    def sweep_one(_model: str, seed: int, folder: Path) -> int:
        if not (folder / f"{seed}-{KEYS[0]}.npz").exists():
            seeds.append(seed)
            for key in KEYS:
                sweep = sweep_case("one", key, empty, lesions, options=SweepOptions(floor=0.3))
                save_sweep(sweep, folder / f"{seed}-{key}.npz")
        return seed

    monkeypatch.setattr(thresholds, "ProcessPoolExecutor", ThreadPoolExecutor)
    monkeypatch.setattr(thresholds, "_sweep_one", sweep_one)
    return seeds


def test_thresholds_count_for_scores_alone_and_measurements_for_nothing(
    change_card: ChangeCard,
) -> None:
    before = hash_for_scores(MODEL), hash_for_sweeps(MODEL)

    change_card(evaluation=[{"data": "d", "date": "2026-01-01", "metric": "m", "value": {"n": 1}}])
    assert (hash_for_scores(MODEL), hash_for_sweeps(MODEL)) == before
    change_card(thresholds=dict.fromkeys(KEYS, 0.65))
    assert hash_for_scores(MODEL) != before[0]
    assert hash_for_sweeps(MODEL) == before[1]


@pytest.mark.parametrize("name", ["outline", "min_lesion_ml", "organ_margin_mm", "min_fill"])
def test_how_tumors_are_cleaned_up_counts_for_scores_and_sweeps(
    change_card: ChangeCard, name: str
) -> None:
    before = hash_for_scores(MODEL), hash_for_sweeps(MODEL)
    card = json.loads((CARDS_DIR / f"{DEFAULT_MODEL}.json").read_text(encoding="utf-8"))
    value = dict.fromkeys(KEYS, 0.4) if name == "min_fill" else 0.4

    change_card(postprocess=card["postprocess"] | {name: value})

    assert hash_for_scores(MODEL) != before[0]
    assert hash_for_sweeps(MODEL) != before[1]


def test_ranges_for_8_bits_count_for_scores_in_8_bits_alone(change_card: ChangeCard) -> None:
    def hashes() -> tuple[str, str, str]:
        return hash_for_scores(MODEL), hash_for_sweeps(MODEL), hash_for_scores(MODEL, "fp32")

    before, in_8_bits = hashes(), hash_for_scores(MODEL, "int8")

    change_card(quantization={"ranges": {"a.weight": [0, 1]}, "data": "d"})

    assert hashes() == before
    assert hash_for_scores(MODEL, "int8") != in_8_bits
    assert len({*before, in_8_bits}) == 4


def test_ranges_that_auto_may_take_count_for_sweeps(change_card: ChangeCard) -> None:
    spec = {"ranges": {"a.weight": [0, 1]}, "data": "d", "preferred": True}
    change_card(quantization=spec)
    before = hash_for_sweeps(MODEL)

    change_card(quantization=spec | {"ranges": {"a.weight": [0, 2]}})

    assert hash_for_sweeps(MODEL) != before


@pytest.mark.parametrize(("means", "asked"), [(True, "int8"), (False, "auto")])
def test_scores_in_8_bits_do_not_pass_for_others(
    change_card: ChangeCard, monkeypatch: pytest.MonkeyPatch, means: bool, asked: str
) -> None:
    change_card()
    asked_for: list[str] = []
    monkeypatch.setattr(command, "_means_int8", lambda _: means)
    monkeypatch.setattr(
        command,
        "score_phantoms",
        lambda *_, **options: asked_for.append(options["precision"]) or [],
    )
    monkeypatch.setattr(sys, "argv", ["evaluation", "--model", MODEL, "phantoms"])

    command.main()

    assert asked_for == [asked]


def test_what_is_kept_is_named_by_the_card(
    change_card: ChangeCard, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[str] = []

    def keep(_model: str, _seeds: range, **options: Any) -> None:
        kept.append(str(options.get("journal") or options["folder"]))
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "score_phantoms", keep)
    monkeypatch.setattr(command, "sweep_phantoms", keep)
    for threshold in (0.6, 0.7):
        change_card(thresholds=dict.fromkeys(KEYS, threshold))
        for what in ("phantoms", "thresholds"):
            monkeypatch.setattr(sys, "argv", ["evaluation", "--model", MODEL, what])
            with pytest.raises(KeyboardInterrupt):
                command.main()

    journal, sweeps, other_journal, other_sweeps = kept
    assert journal != other_journal == f"evaluation-{MODEL}-{hash_for_scores(MODEL)}.jsonl"
    assert sweeps == other_sweeps == f"sweeps-{MODEL}-{hash_for_sweeps(MODEL)}"


@pytest.mark.usefixtures("change_card")
def test_the_journal_gives_back_what_was_measured(tmp_path: Path, scored: list[int]) -> None:
    journal = tmp_path / "journal.jsonl"

    first = score_phantoms(MODEL, [7, 8], journal=journal)
    second = score_phantoms(MODEL, [8, 9, 7], journal=journal)

    assert first == [a_score("7"), a_score("8")]
    assert second == [a_score("8"), a_score("9"), a_score("7")]
    assert sorted(scored) == [7, 8, 9]


@pytest.mark.usefixtures("change_card")
@pytest.mark.parametrize("n_left", [1, 5, 40, -1])
def test_a_case_whose_line_a_kill_cut_off_is_measured_again(
    tmp_path: Path, scored: list[int], n_left: int
) -> None:
    journal = tmp_path / "journal.jsonl"
    score_phantoms(MODEL, [7, 8], journal=journal)
    first, second = journal.read_text(encoding="ascii").splitlines(keepends=True)
    journal.write_text(first + second[:n_left], encoding="ascii")
    scored.clear()

    for _ in range(2):
        scores = score_phantoms(MODEL, [7, 8], journal=journal)

        assert scores == [a_score("7"), a_score("8")]
    assert scored == [8]
    assert journal.read_text(encoding="ascii") == first + second


def test_a_journal_of_another_card_is_refused(
    tmp_path: Path, change_card: ChangeCard, scored: list[int]
) -> None:
    journal = tmp_path / "journal.jsonl"
    score_phantoms(MODEL, [7], journal=journal)
    change_card(thresholds=dict.fromkeys(KEYS, 0.65))

    with pytest.raises(InputError, match=r"not measured with this card .* with --journal, or"):
        score_phantoms(MODEL, [7], journal=journal)
    assert scored == [7]


@pytest.mark.usefixtures("change_card", "scored")
@pytest.mark.parametrize("text", ["notes", "notes\n", '{"case": "7"}\n', "\n"])
def test_a_file_that_is_no_journal_is_refused_and_left_as_it_is(tmp_path: Path, text: str) -> None:
    journal = tmp_path / "journal.jsonl"
    journal.write_text(text, encoding="ascii")

    with pytest.raises(InputError, match="not measured with this card"):
        score_phantoms(MODEL, [7], journal=journal)
    assert journal.read_text(encoding="ascii") == text


@pytest.mark.usefixtures("change_card", "scored")
def test_a_journal_broken_before_its_end_is_refused(tmp_path: Path) -> None:
    journal = tmp_path / "journal.jsonl"
    score_phantoms(MODEL, [7, 8], journal=journal)
    first, second = journal.read_text(encoding="ascii").splitlines(keepends=True)
    journal.write_text(first[:50] + "\n" + second, encoding="ascii")

    with pytest.raises(InputError, match=r"is damaged\. Name another with --journal"):
        score_phantoms(MODEL, [7, 8], journal=journal)


def test_sweeps_are_taken_up_whatever_the_thresholds_but_for_no_other_card(
    tmp_path: Path, change_card: ChangeCard, swept: list[int]
) -> None:
    folder = tmp_path / "a new one" / "sweeps"
    sweep_phantoms(MODEL, [7], folder=folder)
    change_card(thresholds=dict.fromkeys(KEYS, 0.65))
    sweeps = sweep_phantoms(MODEL, [7, 8], folder=folder)

    assert swept == [7, 8]
    assert {key: len(cases) for key, cases in sweeps.items()} == dict.fromkeys(KEYS, 2)
    change_card(version="0.1.1")
    with pytest.raises(InputError, match=r"sweeps of another card .* Name another folder, or"):
        sweep_phantoms(MODEL, [7], folder=folder)


@pytest.mark.usefixtures("change_card")
def test_sweeps_of_nobody_knows_which_card_are_refused(tmp_path: Path, swept: list[int]) -> None:
    (tmp_path / f"7-{KEYS[0]}.npz").write_bytes(b"")

    with pytest.raises(InputError, match="sweeps of another card \\(unknown, where"):
        sweep_phantoms(MODEL, [7], folder=tmp_path)
    assert not swept
