"""Cards: what they say comes through, and whatever is wrong is named by file and key."""

import copy
import json
import subprocess
import sys
from pathlib import Path

import pytest

from atlastumor.errors import CardError, UnknownKeyError
from atlastumor.models.card import (
    CARDS_DIR,
    DEFAULT_MODEL,
    card_to_dict,
    find_card,
    list_cards,
    load_card,
    parse_card,
)
from atlastumor.networks import NETWORKS
from atlastumor.organs import KEYS
from Backend.models.card_examples import card_data

MISSING = object()


def altered(path, value):
    """The example card with one value replaced, added or taken away."""
    data = copy.deepcopy(card_data())
    *parents, last = path
    place = data
    for key in parents:
        place = place[key]
    if value is MISSING:
        del place[last]
    else:
        place[last] = value
    return data


def test_a_card_comes_through_with_types(tmp_path):
    path = tmp_path / "example-v1.json"
    path.write_text(json.dumps(card_data()))

    card = load_card(path)

    assert card.path == path
    assert card.input.spacing_mm == (1.5, 1.5, 2.0)
    assert card.inference.patch == (32, 48, 16)
    assert [o.kind for o in card.outputs] == ["background", "organ", "tumor"]
    assert card.thresholds == {"liver": 0.5}
    assert card.postprocess.largest_component == ("liver",)
    assert card.weights.name == "example-v1.safetensors"


def test_a_card_survives_being_written_and_read():
    card = parse_card(card_data())

    assert parse_card(json.loads(json.dumps(card_to_dict(card)))) == card


def test_ranges_for_8_bits_survive_being_written_and_read():
    ranges = {"down.0.conv.weight": [-0.5, 2.5], "up.1.conv.weight": [0, 7]}
    card = parse_card(altered(["quantization"], {"ranges": ranges, "data": "a scan"}))

    assert card.quantization.ranges == {key: tuple(ends) for key, ends in ranges.items()}
    assert parse_card(json.loads(json.dumps(card_to_dict(card)))) == card
    assert not card.quantization.preferred
    assert parse_card(card_data()).quantization is None
    assert "quantization" not in card_to_dict(parse_card(card_data()))


@pytest.mark.parametrize(
    ("ranges", "said"),
    [
        ({}, "must name at least one convolution"),
        ({"a.weight": [1, 2]}, r"a\.weight must hold 0 and rise, not go from 1 to 2"),
        ({"a.weight": [-1, 0]}, "must hold 0 and rise"),
        ({"a.weight": [1]}, "must have 2 items"),
    ],
)
def test_ranges_that_mean_nothing_are_refused(ranges, said):
    with pytest.raises(CardError, match=said):
        parse_card(altered(["quantization"], {"ranges": ranges, "data": "a scan"}))


def test_what_a_card_may_leave_out_has_its_default():
    data = card_data()
    data["inference"] = {"patch": [16, 16, 16]}
    data["postprocess"] = {}

    card = parse_card(data)

    assert (card.inference.overlap, card.inference.mirror_axes) == (0.5, ())
    assert card.postprocess.min_lesion_ml == 0.0
    assert (card.inference.windows, card.inference.blend) == ("even", "gaussian")
    assert (card.inference.restore, card.inference.skip_air) == ("logits", True)
    assert (card.input.resample, card.input.crop_zeros) == ("nnunet", False)


@pytest.mark.parametrize("orientation", ["RAS", "LPS", "RAI", "SAL", "stored"])
def test_a_network_may_want_its_axes_in_any_way(orientation):
    assert parse_card(altered(["input", "orientation"], orientation)).input.orientation == (
        orientation
    )


def test_channels_nobody_asked_for_may_be_many():
    data = card_data()
    data["outputs"] += [{"channel": channel, "kind": "other"} for channel in (3, 4)]

    assert [o.organ for o in parse_card(data).outputs] == [None, "liver", "liver", None, None]


def test_a_card_of_no_organ_is_refused():
    data = card_data() | {"thresholds": {}, "postprocess": {}}
    data["outputs"] = [{"channel": 0, "kind": "background"}, {"channel": 1, "kind": "other"}]

    with pytest.raises(CardError, match="outputs must name at least one organ"):
        parse_card(data)


def test_resampling_as_monai_is_linear():
    data = card_data()
    data["input"] |= {"resample": "monai", "resample_order": 3}

    with pytest.raises(CardError, match='"monai" needs resample_order 1'):
        parse_card(data)


WRONG = [
    (["id"], MISSING, "id is missing"),
    (["weights", "sha256"], MISSING, "weights.sha256 is missing"),
    (["surprise"], 1, "surprise is not a key here; known are"),
    (["input", "windw_hu"], [0, 1], "input.windw_hu is not a key"),
    (["schema"], 2, "schema must be one of 1, not 2"),
    (["schema"], True, "schema must be an integer, not true"),
    (["id"], "../x", "id must look like"),
    (["id"], "x\n", "id must look like"),
    (["title"], "", "title must not be empty"),
    (["weights", "file"], "../secret.safetensors", "weights.file must look like"),
    (["weights", "file"], "/etc/passwd.safetensors", "weights.file must look like"),
    (["weights", "file"], "weights.pth", "weights.file must look like"),
    (["weights", "url"], "https://example.org/a.safetensors", "either file or url, and not both"),
    (["weights", "file"], MISSING, "either file or url"),
    (["weights", "bytes"], 0, "weights.bytes must be at least 1, not 0"),
    (["input", "spacing_mm"], [1, 1], "input.spacing_mm must have 3 items, not 2"),
    (["input", "spacing_mm", 1], 30, r"input.spacing_mm\[1\] must be at most 20, not 30"),
    (["input", "spacing_mm", 2], "1", r"input.spacing_mm\[2\] must be a number"),
    (["input", "clip_hu"], [250, -175], "input.clip_hu must rise"),
    (["input", "normalize"], "zscore", "input.mean and input.std are missing"),
    (["input", "mean"], 100.0, "mean nothing beside"),
    (["input", "orientation"], "xyz", "input.orientation must look like"),
    (["input", "orientation"], "RLS", "input.orientation must name three axes"),
    (["input", "clip_hu"], None, 'input.clip_hu is missing, which "unit" needs'),
    (["input", "normalize"], "log", "input.normalize must be one of"),
    (["input", "resample"], "itk", "input.resample must be one of"),
    (["input", "resample_order"], 2, "input.resample_order must be one of 1, 3"),
    (["inference", "patch"], [2, 16, 16], r"inference.patch\[0\] must be at least 4"),
    (["inference", "windows"], "dense", "inference.windows must be one of"),
    (["inference", "blend"], "mean", "inference.blend must be one of"),
    (["inference", "restore"], "votes", "inference.restore must be one of"),
    (["inference", "patch", 0], 100_000, r"inference.patch\[0\] must be at most 512"),
    (["inference", "overlap"], 1.0, "inference.overlap must be at most 0.9"),
    (["inference", "mirror_axes"], [0, 0], "inference.mirror_axes must not repeat"),
    (["outputs"], [], "outputs must have 1 to 256 items, not 0"),
    (["outputs", 2, "channel"], 3, "channels 0 to 2 in order"),
    (["outputs", 2, "organ"], "spleen", r"outputs\[2\].organ must be one of"),
    (["outputs", 2, "organ"], None, r"outputs\[2\].organ must be one of"),
    (["outputs", 2, "kind"], "organ", "means the same as another channel"),
    (["outputs", 1, "side"], "left", r"outputs\[1\].side is for the halves"),
    (["outputs", 0, "organ"], "liver", "is background and has neither"),
    (["outputs", 2, "kind"], "other", "is other and has neither organ nor side"),
    (["activation"], "sigmoid", "must have no background"),
    (["activation"], "regions", "must have no background"),
    (["activation"], "tanh", "activation must be one of"),
    (["thresholds"], {"kidney": 0.5}, "thresholds.kidney has no tumor channel"),
    (["thresholds", "liver"], 1.5, "thresholds.liver must be at most 1"),
    (["postprocess", "largest_component"], ["kidney"], "names kidney, which has no organ"),
    (["postprocess", "min_fill"], {"kidney": 0.2}, "min_fill names kidney, which has no tumor"),
    (["postprocess", "min_fill"], {"liver": 1.5}, "postprocess.min_fill.liver"),
    (["evaluation"], {}, "evaluation must be an array"),
    (["limits"], None, "limits must be a string, not null"),
]


@pytest.mark.parametrize(("path", "value", "said"), WRONG)
def test_whatever_is_wrong_is_named_by_key(path, value, said):
    with pytest.raises(CardError, match=said) as raised:
        parse_card(altered(path, value), Path("folder/mine.json"))

    assert "mine.json" in str(raised.value)
    assert "folder" not in str(raised.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "not valid JSON"),
        ("{", "not valid JSON"),
        ("[]", "must be an object"),
        ('{"id": "a", "id": "b"}', "'id' comes twice"),
        ('{"schema": NaN}', "NaN is not a number"),
        ("[" * 100_000, "nested too deeply"),
        ("\ud800", "not valid JSON"),
    ],
)
def test_a_file_that_is_no_card_is_named(tmp_path, text, said):
    path = tmp_path / "mine.json"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))

    with pytest.raises(CardError, match=said):
        load_card(path)


def test_a_card_that_is_absent_or_huge_is_refused(tmp_path):
    (tmp_path / "huge.json").write_bytes(b" " * 1_000_001)

    with pytest.raises(CardError, match=r"absent\.json cannot be read"):
        load_card(tmp_path / "absent.json")
    with pytest.raises(CardError, match="larger than 1 MB"):
        load_card(tmp_path / "huge.json")


def test_cards_of_other_folders_are_found_by_id(tmp_path):
    (tmp_path / "mine.json").write_text(json.dumps(card_data()))

    assert find_card("example-v1", [tmp_path, tmp_path / "absent"]).title == "Example"
    with pytest.raises(UnknownKeyError, match="There is no model 'other'"):
        find_card("other", [tmp_path])


def test_cards_in_the_users_models_folder_are_found_unasked(tmp_path, monkeypatch):
    monkeypatch.setenv("ATLASTUMOR_MODELS_DIR", str(tmp_path))
    (tmp_path / "example-v1.json").write_text(json.dumps(card_data()))
    (tmp_path / ".example-v2.json").write_text("half written")

    assert find_card("example-v1").title == "Example"
    assert [card.id for card in list_cards([tmp_path])] == [DEFAULT_MODEL, "example-v1"]


def test_a_card_under_its_own_name_is_found_beside_a_broken_one(tmp_path):
    (tmp_path / "example-v1.json").write_text(json.dumps(card_data()))
    (tmp_path / "broken.json").write_text("{")

    assert find_card("example-v1", [tmp_path]).title == "Example"
    with pytest.raises(CardError, match=r"broken\.json is not valid JSON"):
        find_card("other", [tmp_path])


def test_two_cards_with_one_id_are_refused(tmp_path):
    for name in ("a.json", "b.json"):
        (tmp_path / name).write_text(json.dumps(card_data()))

    with pytest.raises(CardError, match="Two model cards have the id 'example-v1'"):
        list_cards([tmp_path])


def test_every_card_of_the_package_fits_the_package():
    for card in list_cards():
        assert card.path == CARDS_DIR / f"{card.id}.json"
        assert card.network.name in NETWORKS
        assert {o.organ for o in card.outputs if o.organ is not None} <= set(KEYS)
        assert "clinical" in card.limits


def test_cards_and_networks_are_imported_without_torch():
    code = (
        "import sys, atlastumor.models, atlastumor.networks\n"
        "assert not {'torch', 'monai', 'dynamic_network_architectures'} & set(sys.modules)"
    )
    library = Path(__file__).parents[3] / "AtlasTumorLib"
    done = subprocess.run([sys.executable, "-c", code], cwd=library, capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
