"""Checkpoints with a card beside them, and models of this software; keeping and removing them."""

import json

import pytest
import torch
from safetensors.torch import load_file

from atlastumor.errors import CardError, InputError, UnknownKeyError, WeightsError
from atlastumor.models.card import find_card
from atlastumor.models.importing import import_model, recognize
from atlastumor.models.store import remove_model, verify_model
from atlastumor.models.weights import save_weights
from atlastumor.networks import build_network, load_network
from Backend.models.card_examples import card_data, small_args


def a_network():
    torch.manual_seed(5)
    return build_network("segresnet", 3, small_args("segresnet"))


@pytest.fixture
def a_checkpoint(tmp_path):
    path = tmp_path / "published.pt"
    state = {f"module.{name}": tensor for name, tensor in a_network().state_dict().items()}
    torch.save({"state_dict": state, "epoch": 3}, path)
    return path


def told():
    card = card_data() | {"license": "Apache-2.0", "thresholds": {}}
    del card["weights"]
    return card


def test_a_checkpoint_and_a_card_become_a_model(a_checkpoint, tmp_path):
    card = import_model(a_checkpoint, tmp_path / "models", card=told(), id="mine")

    assert (card.id, card.license, card.network.name) == ("mine", "Apache-2.0", "segresnet")
    assert card.source["files"] == "published.pt"
    window = torch.randn(1, 1, 16, 16, 16)
    with torch.inference_mode():
        assert torch.equal(load_network(card)(window), a_network()(window))


def test_the_card_may_be_a_file(a_checkpoint, tmp_path):
    (tmp_path / "card.json").write_text(json.dumps(told()))

    card = import_model(a_checkpoint, tmp_path / "models", card=tmp_path / "card.json")

    assert card.id == "example-v1"


def test_a_checkpoint_alone_says_what_it_lacks(a_checkpoint, tmp_path):
    assert recognize(a_checkpoint) == "plain"
    with pytest.raises(InputError, match=r"network, input, inference, outputs"):
        import_model(a_checkpoint, tmp_path / "models")
    lacking = told()
    del lacking["input"]["spacing_mm"]
    with pytest.raises(CardError, match=r"input\.spacing_mm is missing"):
        import_model(a_checkpoint, tmp_path / "models", card=lacking)


def test_a_real_file_that_differs_is_refused_with_the_differences(tmp_path):
    state = a_network().state_dict()
    state["convInit.conv.weight"] = torch.zeros(16, 1, 3, 3, 3)
    state["extra.weight"] = torch.zeros(3)
    del state["conv_final.2.conv.bias"]
    torch.save(state, tmp_path / "other.pt")

    with pytest.raises(WeightsError) as raised:
        import_model(tmp_path / "other.pt", tmp_path / "models", card=told())

    said = str(raised.value)
    assert "1 tensor is missing: 'conv_final.2.conv.bias'" in said
    assert "1 tensor is unknown: 'extra.weight'" in said
    assert "'convInit.conv.weight' is (16, 1, 3, 3, 3), not (8, 1, 3, 3, 3)" in said
    assert not list((tmp_path / "models").iterdir())


@pytest.fixture
def own_folder(tmp_path):
    folder = tmp_path / "given"
    folder.mkdir()
    weights = folder / "example-v1.safetensors"
    digest, size = save_weights(a_network().state_dict(), weights, half=True)
    card = card_data()
    card["weights"] |= {"sha256": digest, "bytes": size}
    card["evaluation"] = [{"data": "somewhere", "value": 0.5}]
    (folder / "example-v1.json").write_text(json.dumps(card))
    (folder / "notes.json").write_text("[]")
    return folder


@pytest.mark.parametrize("name", [".", "example-v1.json"])
def test_a_model_of_this_software_comes_as_it_is(own_folder, tmp_path, name):
    card = import_model(own_folder / name, tmp_path / "models", id="renamed")

    before = load_file(own_folder / "example-v1.safetensors")
    after = load_file(tmp_path / "models" / "renamed.safetensors")
    assert card.evaluation == ({"data": "somewhere", "value": 0.5},)
    assert before.keys() == after.keys()
    assert all(torch.equal(before[key], after[key]) for key in before)
    assert {tensor.dtype for tensor in after.values()} == {torch.float16}


def test_altered_weights_of_this_software_are_refused(own_folder, tmp_path):
    path = own_folder / "example-v1.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)

    with pytest.raises(WeightsError, match="not the one that the card 'example-v1' means"):
        import_model(own_folder, tmp_path / "models")


@pytest.mark.parametrize("name", ["absent", "empty", "text.txt"])
def test_what_is_no_model_is_told_what_models_are(tmp_path, name):
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "readme.md").write_text("nothing")
    (tmp_path / "text.txt").write_text("nothing")

    with pytest.raises((InputError, WeightsError), match=r"is not there|is no model|text\.txt"):
        import_model(tmp_path / name, tmp_path / "models")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_torchscript_is_refused_whatever_its_name(tmp_path):
    script = torch.jit.trace(torch.nn.Conv3d(1, 1, 1), torch.zeros(1, 1, 2, 2, 2))
    torch.jit.save(script, tmp_path / "model.pt")

    with pytest.raises(WeightsError, match=r"model\.pt was refused"):
        import_model(tmp_path / "model.pt", tmp_path / "models", card=told())


def test_a_pickle_that_wants_more_than_data_is_refused_by_what_it_wants(tmp_path):
    class Trap:
        def __reduce__(self):
            return (exec, ("raise SystemExit",))

    torch.save({"state_dict": {}, "config": Trap()}, tmp_path / "model.pt")

    with pytest.raises(WeightsError, match="exec"):
        import_model(tmp_path / "model.pt", tmp_path / "models", card=told())


def test_a_folder_of_several_checkpoints_lists_them(a_checkpoint, tmp_path):
    (tmp_path / "other.pth").write_bytes(a_checkpoint.read_bytes())

    with pytest.raises(InputError, match=r"several checkpoints \('other.pth', 'published.pt'\)"):
        import_model(tmp_path, tmp_path / "models")


def test_a_configuration_of_a_checkpoint_that_has_none_is_refused(a_checkpoint, tmp_path):
    with pytest.raises(InputError, match=r"'plain', without configurations.*'3d_lowres'"):
        import_model(a_checkpoint, tmp_path / "models", card=told(), configuration="3d_lowres")

    assert not (tmp_path / "models").exists()


def test_a_folder_that_holds_more_than_a_model_is_not_searched(tmp_path):
    deep = tmp_path / "disk" / "/".join("abcdefghij")
    deep.mkdir(parents=True)

    with pytest.raises(InputError, match="more in 'disk' than a model has"):
        import_model(tmp_path / "disk", tmp_path / "models")


def test_a_kept_model_is_verified_and_one_altered_bit_is_seen(a_checkpoint, tmp_path):
    models = tmp_path / "models"
    card = import_model(a_checkpoint, models, card=told())

    assert verify_model("example-v1", models) == card
    path = models / "example-v1.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(WeightsError, match="SHA-256"):
        verify_model("example-v1", models)


def test_a_removed_model_is_gone(a_checkpoint, tmp_path):
    models = tmp_path / "models"
    import_model(a_checkpoint, models, card=told())

    gone = remove_model("example-v1", models)

    assert sorted(path.name for path in gone) == ["example-v1.json", "example-v1.safetensors"]
    assert not list(models.iterdir())
    with pytest.raises(UnknownKeyError):
        find_card("example-v1", [models])


def test_weights_that_another_card_names_stay(a_checkpoint, tmp_path):
    models = tmp_path / "models"
    import_model(a_checkpoint, models, card=told())
    data = json.loads((models / "example-v1.json").read_text()) | {"id": "other"}
    (models / "other.json").write_text(json.dumps(data))

    remove_model("example-v1", models)

    assert sorted(path.name for path in models.iterdir()) == [
        "example-v1.safetensors",
        "other.json",
    ]


def test_what_came_with_this_software_stays():
    with pytest.raises(InputError, match="came with this software"):
        remove_model("atlastumor-phantom-v0")
    with pytest.raises(UnknownKeyError):
        remove_model("nobody")
