"""What other people call organs and tumors, and what it means to us."""

import pytest

from atlastumor.errors import InputError, UnknownKeyError
from atlastumor.models.importing.labels import assign_outputs, read_meaning

OTHER = ("other", None, None)


@pytest.mark.parametrize(
    ("name", "meaning"),
    [
        ("liver", ("organ", "liver", None)),
        ("Liver", ("organ", "liver", None)),
        ("kidneys", ("organ", "kidney", None)),
        ("kidney_left", ("organ", "kidney", "left")),
        ("Right Kidney", ("organ", "kidney", "right")),
        ("LKidney", OTHER),
        ("kidney_l", ("organ", "kidney", "left")),
        ("oesophagus", ("organ", "esophagus", None)),
        ("renal parenchyma", ("organ", "kidney", None)),
        ("liver_and_tumor", ("organ", "liver", None)),
        ("kidney+tumor", ("organ", "kidney", None)),
        ("Liver & tumour", ("organ", "liver", None)),
        ("liver_tumour", ("tumor", "liver", None)),
        ("LiverTumor", ("tumor", "liver", None)),
        ("hepatic lesion", ("tumor", "liver", None)),
        ("pancreatic_lesion", ("tumor", "pancreas", None)),
        ("colon cancer primaries", ("tumor", "colon", None)),
        ("Endometrioma_tumor", ("tumor", "uterus", None)),
        ("endometrioma", ("tumor", "uterus", None)),
        ("PDAC", ("tumor", "pancreas", None)),
        ("renal cell carcinoma", ("tumor", "kidney", None)),
        ("liver metastases", ("tumor", "liver", None)),
        ("whole liver", ("organ", "liver", None)),
        ("benign liver lesion", OTHER),
        ("pancreatic duct", OTHER),
        ("left kidney tumor", ("tumor", "kidney", None)),
        ("tumor", ("tumor", None, None)),
        ("Cancer", ("tumor", None, None)),
        ("lesions", ("tumor", None, None)),
        ("background", ("background", None, None)),
        ("left liver", OTHER),
        ("hepatic vessel", OTHER),
        ("kidney_cyst", OTHER),
        ("liver_segment_1", OTHER),
        ("prostate/uterus", OTHER),
        ("pancreas liver tumor", OTHER),
        ("spleen", OTHER),
        ("class 1", OTHER),
        ("", OTHER),
    ],
)
def test_a_label_means_what_its_words_say(name, meaning):
    assert read_meaning(name) == meaning


def kinds(outputs):
    return [(o["kind"], o["organ"], o.get("side")) for o in outputs]


def test_a_tumor_without_organ_belongs_to_the_only_organ_there_is():
    outputs = assign_outputs(["background", "liver", "cancer"], activation="softmax")

    assert kinds(outputs) == [
        ("background", None, None),
        ("organ", "liver", None),
        ("tumor", "liver", None),
    ]
    assert [o["channel"] for o in outputs] == [0, 1, 2]


def test_what_means_nothing_to_us_is_other():
    outputs = assign_outputs(["background", "spleen", "kidney_left"], activation="softmax")

    assert kinds(outputs)[1:] == [("other", None, None), ("organ", "kidney", "left")]


def test_a_tumor_of_one_of_several_organs_is_refused_with_the_labels():
    names = ["background", "liver", "pancreas", "lesion"]

    with pytest.raises(InputError, match=r"Of which organ 'lesion' is.*'liver', 'pancreas'"):
        assign_outputs(names, activation="softmax")


def test_the_user_says_whose_tumor_it_is():
    names = ["background", "liver", "pancreas", "lesion"]

    by_organ = assign_outputs(names, activation="softmax", organ="pancreas")
    by_label = assign_outputs(names, activation="softmax", labels={"Lesion": "pancreas tumor"})
    by_number = assign_outputs(names, activation="softmax", labels={"3": "pancreatic lesion"})

    assert kinds(by_organ)[3] == ("tumor", "pancreas", None)
    assert by_organ == by_label == by_number


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ({"MCN": "pancreas"}, "no label 'mcn'; its labels are 'background'"),
        ({"1": "gizzard"}, "'gizzard', means nothing here"),
        ({"4": "liver"}, "no label '4'"),
    ],
)
def test_what_the_user_says_must_make_sense(labels, said):
    with pytest.raises(InputError, match=said):
        assign_outputs(["background", "a", "b"], activation="softmax", labels=labels)


def test_a_lesion_of_any_organ_is_said_to_be_one():
    outputs = assign_outputs(
        ["background", "tumor"], activation="softmax", labels={"1": "any lesion"}
    )

    assert kinds(outputs)[1] == ("lesion", None, None)


def test_more_labels_than_a_network_can_have_are_refused():
    with pytest.raises(InputError, match="has 257 labels; 1 to 256"):
        assign_outputs(["background"] + ["liver"] * 256, activation="softmax")


def test_an_unknown_organ_is_refused():
    with pytest.raises(UnknownKeyError):
        assign_outputs(["background", "lesion"], activation="softmax", organ="gizzard")


def test_labels_of_one_meaning_are_refused_until_one_is_called_other():
    names = ["background", "kidney", "kidney tumor", "renal mass"]

    with pytest.raises(InputError, match="'kidney tumor', 'renal mass' mean the same"):
        assign_outputs(names, activation="softmax")
    outputs = assign_outputs(names, activation="softmax", labels={"renal mass": "other"})

    assert [o["kind"] for o in outputs] == ["background", "organ", "tumor", "other"]


def test_a_model_of_nothing_of_ours_is_refused_with_its_labels():
    with pytest.raises(InputError, match=r"None of the model's labels.*'spleen', 'class 2'"):
        assign_outputs(["background", "spleen", "class 2"], activation="softmax")


def test_softmax_begins_with_the_background():
    with pytest.raises(InputError, match="first label must be the background"):
        assign_outputs(["liver", "background"], activation="softmax")


def test_a_background_among_sigmoids_counts_for_nothing():
    outputs = assign_outputs(["background", "liver"], activation="sigmoid")

    assert [o["kind"] for o in outputs] == ["other", "organ"]


def test_what_a_stranger_writes_does_not_steer_the_terminal():
    with pytest.raises(InputError) as raised:
        assign_outputs(["background", "\x1b[2Jspleen\n"], activation="softmax")

    assert str(raised.value).isprintable()
