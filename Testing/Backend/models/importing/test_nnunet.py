"""Folders of nnU-Net v2: their networks answer here what they answer there."""

import json
import shutil
from pathlib import Path

import pytest
import torch

from atlastumor.errors import Cancelled, InputError
from atlastumor.models.card import find_card
from atlastumor.models.importing import import_model, recognize
from atlastumor.networks import load_network
from atlastumor.progress import CancelToken
from Backend.models.importing.nnunet_mocks import (
    make_dataset,
    make_network,
    make_plans,
    make_trained,
    save_checkpoint,
)


def answer_there(networks, window, forward):
    """Mean logits of upstream's networks for a window (i, j, k), turned there and back."""
    theirs = window.permute(2, 1, 0).permute(forward)
    with torch.inference_mode():
        logits = torch.stack([network(theirs[None, None])[0][0] for network in networks]).mean(0)
    order = [list(forward).index(axis) for axis in (2, 1, 0)]
    return logits.permute(0, *(1 + axis for axis in order))


def answer_here(card, window):
    with torch.inference_mode():
        return load_network(card)(window[None, None])[0]


@pytest.mark.parametrize("class_name", ["PlainConvUNet", "ResidualEncoderUNet"])
@pytest.mark.parametrize("is_old", [False, True])
@pytest.mark.parametrize("forward", [[0, 1, 2], [2, 0, 1]])
def test_the_imported_network_answers_as_upstreams(tmp_path, class_name, is_old, forward):
    plans = make_plans(class_name, is_old=is_old) | {"transpose_forward": forward}
    network = make_network(class_name, 3)
    folder = make_trained(tmp_path / "nn", plans, networks={"0": network})

    card = import_model(folder, tmp_path / "models")

    window = torch.randn(card.inference.patch)
    there = answer_there([network], window, forward)
    torch.testing.assert_close(answer_here(card, window), there, rtol=1e-4, atol=1e-4)


def test_a_plan_becomes_a_card_with_its_axes_turned(tmp_path):
    card = import_model(make_trained(tmp_path / "nn"), tmp_path / "models")

    assert card.id == "dataset003-liver-3d-fullres"
    assert card.input.orientation == "stored"
    assert card.input.spacing_mm == (1.5, 2.0, 5.0)
    assert card.input.clip_hu == (-120.0, 230.0)
    assert (card.input.normalize, card.input.mean, card.input.std) == ("zscore", 80.0, 60.0)
    assert (card.input.resample_order, card.input.crop_zeros) == (3, True)
    assert card.inference.patch == (24, 16, 8)
    assert card.inference.mirror_axes == (0, 1, 2)
    assert (card.inference.padding, card.inference.skip_air) == (0.0, False)
    assert card.inference.sums == "float16"
    assert [(o.kind, o.organ) for o in card.outputs[1:]] == [("organ", "liver"), ("tumor", "liver")]
    assert card.activation == "softmax"
    assert card.thresholds == {"liver": None}
    assert card.license == "unknown"
    assert card.evaluation == ()
    assert "clinical" in card.limits


def test_where_a_model_came_from_is_written_down(tmp_path):
    folder = make_trained(tmp_path / "nn")

    card = import_model(folder, tmp_path / "models")

    assert card.source["files"] == "checkpoint_final.pth"
    assert len(card.source["sha256"]) == 64
    assert card.source["importer"].endswith(", nnunet")
    assert card.source["trainer"] == "nnUNetTrainer"
    assert str(tmp_path) not in json.dumps(dict(card.source))


def test_a_model_is_found_in_the_users_folder_by_its_id(tmp_path, monkeypatch):
    monkeypatch.setenv("ATLASTUMOR_MODELS_DIR", str(tmp_path / "models"))

    card = import_model(make_trained(tmp_path / "nn"), id="mine")

    assert find_card("mine") == card
    assert {p.name for p in (tmp_path / "models").iterdir()} == {"mine.json", "mine.safetensors"}


def test_folds_become_an_ensemble_whose_logits_are_averaged(tmp_path):
    networks = {str(n): make_network("PlainConvUNet", 3, seed=n) for n in range(2)}
    folder = make_trained(tmp_path / "nn", networks={**networks, "all": networks["0"]})

    card = import_model(folder, tmp_path / "models")

    assert card.network.name == "ensemble"
    assert card.network.args["members"] == 2
    assert card.source["files"] == "fold_0/checkpoint_final.pth, fold_1/checkpoint_final.pth"
    window = torch.randn(card.inference.patch)
    there = answer_there(networks.values(), window, [0, 1, 2])
    torch.testing.assert_close(answer_here(card, window), there, rtol=1e-4, atol=1e-4)


def test_a_fold_of_all_data_serves_where_there_is_no_other(tmp_path):
    network = make_network("PlainConvUNet", 3)
    folder = make_trained(tmp_path / "nn", networks={"all": network})

    assert import_model(folder, tmp_path / "models").network.name == "plain_unet"


def test_a_checkpoint_may_lie_alone_in_a_folder(tmp_path):
    fold = make_trained(tmp_path / "nn") / "fold_0"

    card = import_model(fold, tmp_path / "models")

    assert recognize(fold) == "nnunet"
    assert card.id == "dataset003-liver-3d-fullres"


def test_regions_decide_each_for_itself_in_their_order(tmp_path):
    labels = {"background": 0, "kidney": [1, 2, 3], "masses": [2, 3], "tumor": 2}
    dataset = make_dataset(labels)
    networks = {"0": make_network("PlainConvUNet", 3)}
    folder = make_trained(tmp_path / "nn", None, dataset, networks=networks)

    card = import_model(folder, tmp_path / "models", labels={"masses": "other"})

    assert card.activation == "regions"
    assert [(o.kind, o.organ) for o in card.outputs] == [
        ("organ", "kidney"),
        ("other", None),
        ("tumor", "kidney"),
    ]


@pytest.mark.parametrize(
    ("scheme", "normalize"),
    [
        ("ZScoreNormalization", "zscore_image"),
        ("RescaleTo01Normalization", "minmax_image"),
        ("NoNormalization", "none"),
    ],
)
def test_every_normalization_is_known(tmp_path, scheme, normalize):
    plans = make_plans()
    plans["configurations"]["3d_fullres"]["normalization_schemes"] = [scheme]

    card = import_model(make_trained(tmp_path / "nn", plans), tmp_path / "models")

    assert card.input.normalize == normalize
    assert card.input.clip_hu is None


def test_linear_resampling_with_torch_and_reoriented_images_are_known(tmp_path):
    plans = make_plans() | {"image_reader_writer": "NibabelIOWithReorient"}
    plans["configurations"]["3d_fullres"] |= {
        "resampling_fn_data": "resample_torch_fornnunet",
        "resampling_fn_data_kwargs": {"is_seg": False, "force_separate_z": False},
    }

    card = import_model(make_trained(tmp_path / "nn", plans), tmp_path / "models")

    assert (card.input.orientation, card.input.resample_order) == ("RAS", 1)


def test_an_export_is_imported_as_the_zip_that_it_is(tmp_path):
    make_trained(tmp_path / "nn")
    two_d = make_plans() | {"dataset_name": "Dataset003_Liver"}
    make_trained(tmp_path / "other", two_d, configuration="2d")
    shutil.move(
        tmp_path / "other/Dataset003_Liver/nnUNetTrainer__nnUNetPlans__2d",
        tmp_path / "nn/Dataset003_Liver",
    )
    archive = Path(shutil.make_archive(str(tmp_path / "export"), "zip", tmp_path / "nn"))

    assert recognize(archive) == "nnunet"
    assert import_model(archive, tmp_path / "models").inference.patch == (24, 16, 8)


def test_a_checkpoint_alone_is_enough(tmp_path):
    network, path = make_network("PlainConvUNet", 3), tmp_path / "liver.pth"
    save_checkpoint(network, path, make_plans(), make_dataset(), prefix="module.", mirror=(0, 2))

    card = import_model(path, tmp_path / "models")

    assert recognize(path) == "nnunet"
    assert card.inference.mirror_axes == (0, 2)  # the network's k and i are our k and i
    assert card.source["files"] == "liver.pth"


def test_a_checkpoint_of_another_configuration_than_was_asked_for_is_refused(tmp_path):
    network, path = make_network("PlainConvUNet", 3), tmp_path / "liver.pth"
    save_checkpoint(network, path, make_plans(), make_dataset())

    with pytest.raises(InputError, match="'3d_fullres'; '3d_lowres' was asked for"):
        import_model(path, tmp_path / "models", configuration="3d_lowres")
    card = import_model(path, tmp_path / "models", configuration="3d_fullres")

    assert card.title.endswith("3d_fullres")


def test_a_configuration_that_inherits_is_whole(tmp_path):
    folder = make_trained(tmp_path / "nn", configuration="3d_bs4")

    assert import_model(folder, tmp_path / "models").id == "dataset003-liver-3d-bs4"


def test_several_trained_models_are_listed_and_one_is_named(tmp_path):
    make_trained(tmp_path / "nn")
    make_trained(tmp_path / "other", configuration="3d_bs4")
    shutil.move(
        tmp_path / "other/Dataset003_Liver/nnUNetTrainer__nnUNetPlans__3d_bs4",
        tmp_path / "nn/Dataset003_Liver",
    )

    with pytest.raises(InputError, match=r"Several.*3d_bs4.*3d_fullres"):
        import_model(tmp_path / "nn", tmp_path / "models")
    card = import_model(tmp_path / "nn", tmp_path / "models", configuration="3d_bs4")

    assert card.title.endswith("3d_bs4")


def test_an_id_that_is_taken_is_refused(tmp_path):
    folder = make_trained(tmp_path / "nn")
    import_model(folder, tmp_path / "models")

    with pytest.raises(InputError, match="There is a model 'dataset003-liver-3d-fullres' already"):
        import_model(folder, tmp_path / "models")
    with pytest.raises(InputError, match="'atlastumor-phantom-v0' already"):
        import_model(folder, tmp_path / "models", id="atlastumor-phantom-v0")


@pytest.mark.parametrize("steps", [1, 2, 3, 4, 5])
def test_a_stopped_import_leaves_nothing(tmp_path, steps):
    folder, token, seen = make_trained(tmp_path / "nn"), CancelToken(), []

    def stop(fraction, _stage):
        seen.append(fraction)
        if len(seen) == steps:
            token.cancel()

    with pytest.raises(Cancelled):
        import_model(folder, tmp_path / "models", progress=stop, cancel=token)

    assert not list((tmp_path / "models").glob("*"))
    assert seen == sorted(seen)


def test_an_import_stops_while_it_unpacks(tmp_path):
    make_trained(tmp_path / "nn")
    archive = Path(shutil.make_archive(str(tmp_path / "export"), "zip", tmp_path / "nn"))
    token = CancelToken()

    with pytest.raises(Cancelled):
        import_model(archive, tmp_path / "models", progress=lambda *_: token.cancel(), cancel=token)

    assert not list((tmp_path / "models").glob("*"))


def test_what_is_known_beforehand_comes_first(tmp_path):
    told = {
        "id": "told",
        "title": "Told",
        "license": "CC BY 4.0",
        "source": {"paper": "A paper"},
        "outputs": [
            {"channel": 0, "kind": "background", "organ": None},
            {"channel": 1, "kind": "organ", "organ": "pancreas"},
            {"channel": 2, "kind": "tumor", "organ": "pancreas"},
        ],
    }

    card = import_model(make_trained(tmp_path / "nn"), tmp_path / "models", card=told)

    assert (card.id, card.title, card.license) == ("told", "Told", "CC BY 4.0")
    assert card.outputs[2].organ == "pancreas"
    assert card.source["paper"] == "A paper"
    assert card.source["trainer"] == "nnUNetTrainer"
