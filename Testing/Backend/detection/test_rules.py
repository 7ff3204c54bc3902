from __future__ import annotations

import pytest

from atlastumor.detection.rules import HIT_RULES, HitRule, find_hit_rule
from atlastumor.errors import InputError, UnknownKeyError


def test_the_default_rule_is_a_union_iou_of_a_tenth_without_a_guard() -> None:
    rule = next(iter(HIT_RULES.values()))

    assert (rule.name, rule.threshold, rule.guard) == ("union-iou", 0.10, False)


def test_rules_that_one_huge_component_could_win_carry_the_guard() -> None:
    guarded = {name for name, rule in HIT_RULES.items() if rule.guard}

    assert guarded == {"any-overlap", "coverage"}


def test_every_rule_says_in_a_sentence_what_it_does() -> None:
    texts = {rule.text for rule in HIT_RULES.values()}

    assert len(texts) == len(HIT_RULES)
    assert all(text.startswith("A lesion is found if ") and text.endswith(".") for text in texts)
    assert "0.25" in find_hit_rule("coverage", 0.25).text
    assert "10 times the lesion and 30 % of the organ" in find_hit_rule("any-overlap").text


def test_a_threshold_replaces_the_default_and_leaves_the_guard() -> None:
    rule = find_hit_rule("coverage", 0.35)

    assert (rule.threshold, rule.hundredths, rule.guard) == (0.35, 35, True)


def test_an_unknown_rule_lists_the_known_ones() -> None:
    with pytest.raises(UnknownKeyError, match="Choose one of: any-overlap, best-iou"):
        find_hit_rule("dice")


@pytest.mark.parametrize("threshold", [0.0, -0.1, 0.005, 0.123, 1.01, float("nan")])
def test_a_ratio_needs_a_threshold_in_whole_hundredths(threshold: float) -> None:
    with pytest.raises(InputError, match="whole hundredths"):
        HitRule("union-iou", threshold, guard=False)


def test_a_rule_without_a_ratio_takes_no_threshold() -> None:
    with pytest.raises(InputError, match="'peak' has no threshold"):
        find_hit_rule("peak", 0.5)
