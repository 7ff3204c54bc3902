"""Folders of nnU-Net v1: plans as pickles of plain data, tensors under v1's names."""

import json
import pickle
from collections import OrderedDict

import numpy as np
import pytest
import torch

from atlastumor.errors import AtlasTumorError, InputError, WeightsError
from atlastumor.models.importing import import_model, recognize
from atlastumor.networks import build_network, load_network
from Backend.networks.nnunet_v1 import generic_state, run_generic

LABELS = {"1": "liver", "2": "liver tumor"}
POOLS = [[1, 2, 2], [2, 2, 2]]
KERNELS = [[1, 3, 3], [3, 3, 3], [3, 3, 3]]


def make_plans():
    """As nnU-Net v1's planner writes them: numpy numbers everywhere, axes (k, j, i)."""
    facts = {"median": 85.0, "mean": 80.0, "sd": 60.0, "mn": -900.0, "mx": 900.0}
    facts |= {"percentile_00_5": np.float32(-120.0), "percentile_99_5": np.float64(230.0)}
    stage = {
        "batch_size": 2,
        "num_pool_per_axis": [1, 2, 2],
        "patch_size": np.array([8, 16, 24]),
        "median_patient_size_in_voxels": np.array([40, 60, 70]),
        "current_spacing": np.array([5.0, 2.0, 1.5]),
        "original_spacing": np.array([5.0, 2.0, 1.5]),
        "do_dummy_2D_data_aug": False,
        "pool_op_kernel_sizes": POOLS,
        "conv_kernel_sizes": KERNELS,
    }
    return {
        "num_stages": 1,
        "num_modalities": 1,
        "modalities": {0: "CT"},
        "normalization_schemes": OrderedDict({0: "CT"}),
        "dataset_properties": {"intensityproperties": OrderedDict({0: facts})},
        "num_classes": 2,
        "all_classes": [1, 2],
        "base_num_features": 4,
        "conv_per_stage": 2,
        "use_mask_for_norm": OrderedDict({0: False}),
        "transpose_forward": [0, 1, 2],
        "transpose_backward": [0, 1, 2],
        "data_identifier": "nnUNetData_plans_v2.1",
        "plans_per_stage": {0: stage},
        "preprocessor_name": "GenericPreprocessor",
    }


def make_state():
    return generic_state([4, 8, 16], KERNELS, [[1, 1, 1], *POOLS], 3)


def make_trained(
    folder, plans=None, state=None, *, configuration="3d_fullres", trainer="nnUNetTrainerV2"
):
    trained = folder / "nnUNet" / configuration / "Task003_Liver" / f"{trainer}__nnUNetPlansv2.1"
    (trained / "fold_0").mkdir(parents=True)
    (trained / "plans.pkl").write_bytes(pickle.dumps(plans or make_plans()))
    file = trained / "fold_0" / "model_final_checkpoint.model"
    saved = {"epoch": 1000, "state_dict": state or make_state(), "plot_stuff": ([0.1], [], [], [])}
    torch.save(saved, file)
    return trained


def test_a_folder_becomes_a_card_and_answers_as_there(tmp_path):
    make_trained(tmp_path / "v1")

    card = import_model(tmp_path / "v1", tmp_path / "models", labels=LABELS)

    assert recognize(tmp_path / "v1") == "nnunet_v1"
    assert card.id == "task003-liver-3d-fullres"
    assert (card.input.spacing_mm, card.inference.patch) == ((1.5, 2.0, 5.0), (24, 16, 8))
    assert (card.input.mean, card.input.std, card.input.clip_hu) == (80, 60, (-120, 230))
    assert card.inference.mirror_axes == (0, 1, 2)
    assert [o.kind for o in card.outputs] == ["background", "organ", "tumor"]
    assert "averages the probabilities" in card.source["differences"]
    window = torch.randn(card.inference.patch)
    with torch.inference_mode():
        there = run_generic(make_state(), window.permute(2, 1, 0)[None, None], [[1] * 3, *POOLS])
        here = load_network(card)(window[None, None])
    torch.testing.assert_close(here, there.permute(0, 1, 4, 3, 2), rtol=1e-3, atol=1e-3)


def test_labels_are_asked_for_since_the_folder_does_not_name_them(tmp_path):
    make_trained(tmp_path / "v1")

    with pytest.raises(InputError, match=r"'background', 'class 1', 'class 2'.*labels"):
        import_model(tmp_path / "v1", tmp_path / "models")


def test_labels_are_taken_from_the_data_sets_description_beside_it(tmp_path):
    trained = make_trained(tmp_path / "v1")
    labels = {"0": "background", "1": "liver", "2": "cancer"}
    (trained.parent / "dataset.json").write_text(json.dumps({"labels": labels}))

    card = import_model(tmp_path / "v1", tmp_path / "models")

    assert [o.organ for o in card.outputs] == [None, "liver", "liver"]


def test_its_own_cleaning_up_becomes_ours_where_we_have_it(tmp_path):
    trained = make_trained(tmp_path / "v1", trainer="nnUNetTrainerV2_noMirroring")
    (trained / "postprocessing.json").write_text(json.dumps({"for_which_classes": [1, [1, 2]]}))

    card = import_model(tmp_path / "v1", tmp_path / "models", labels=LABELS)

    assert card.postprocess.largest_component == ("liver",)
    assert "[[1, 2]]" in card.source["postprocessing"]
    assert card.inference.mirror_axes == ()


@pytest.mark.parametrize(
    "trainer",
    ["nnUNetTrainerV2_noDataAugmentation", "nnUNetTrainerNoDA", "nnUNetTrainerNoMirroring"],
)
def test_a_trainer_that_did_not_mirror_is_not_mirrored_here(tmp_path, trainer):
    make_trained(tmp_path / "v1", trainer=trainer)

    card = import_model(tmp_path / "v1", tmp_path / "models", labels=LABELS)

    assert card.inference.mirror_axes == ()


@pytest.mark.parametrize(
    "name", ["ReLU", "GeLU", "Mish", "GN", "LReLU_slope_2en1", "lReLU_convReLUIN"]
)
def test_a_trainer_with_other_layers_of_the_same_tensors_is_refused(tmp_path, name):
    make_trained(tmp_path / "v1", trainer=f"nnUNetTrainerV2_{name}")

    with pytest.raises(InputError, match=rf"'nnUNetTrainerV2_{name}__.*other activations"):
        import_model(tmp_path / "v1", tmp_path / "models", labels=LABELS)


def test_of_two_stages_the_folder_says_which_it_is(tmp_path):
    fine = make_plans()["plans_per_stage"][0]
    stages = {0: {**fine, "current_spacing": np.array([10.0, 4.0, 3.0])}, 1: fine}
    make_trained(tmp_path / "coarse", changed(plans_per_stage=stages), configuration="3d_lowres")
    make_trained(tmp_path / "either", changed(plans_per_stage=stages), configuration="copied")

    card = import_model(tmp_path / "coarse", tmp_path / "models", labels=LABELS)

    assert card.input.spacing_mm == (3.0, 4.0, 10.0)
    with pytest.raises(InputError, match="a coarse and a fine network, and no folder"):
        import_model(tmp_path / "either", tmp_path / "models", labels=LABELS)


def test_stu_net_is_known_by_its_trainer(tmp_path):
    args = {
        "features_per_stage": [16, 32, 64, 128, 256, 256],
        "strides": [[1, 1, 1], [2, 2, 1], [2, 2, 2], *[[1, 1, 1]] * 3],
    }
    torch.manual_seed(0)
    state = build_network("stunet", 3, args).state_dict()
    trained = make_trained(tmp_path / "v1", None, state, trainer="STUNetTrainer_small")
    fold = trained / "fold_0"
    (fold / "model_final_checkpoint.model").rename(fold / "small_ep4k.model")

    card = import_model(tmp_path / "v1", tmp_path / "models", labels=LABELS)

    assert card.network.name == "stunet"
    assert card.source["files"] == "small_ep4k.model"


def changed(stage=None, **values):
    plans = make_plans()
    plans["plans_per_stage"][0].update(stage or {})
    plans.update(values)
    return plans


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"configuration": "3d_cascade_fullres"}, "second half of a cascade"),
        ({"plans": changed({"patch_size": np.array([16, 16])})}, "is 2-D"),
        ({"plans": changed(num_modalities=2)}, "one CT"),
        ({"plans": changed(use_mask_for_norm={0: True})}, "'CT' inside a mask is not one of"),
        ({"plans": changed(normalization_schemes={0: "mine"})}, "'mine' is not one of CT"),
        ({"plans": changed(plans_per_stage={})}, "a table"),
        ({"state": {"a": torch.zeros(1)}}, "1 tensor is unknown: 'a'"),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_reason(tmp_path, options, said):
    make_trained(tmp_path / "v1", **options)

    with pytest.raises(AtlasTumorError, match=said):
        import_model(tmp_path / "v1", tmp_path / "models", labels=LABELS)


def test_plans_that_would_run_code_are_refused(tmp_path):
    class Trap:
        def __reduce__(self):
            return (pytest.fail, ("the pickle was run",))

    make_trained(tmp_path / "v1", plans=changed(extra=Trap()))

    with pytest.raises(WeightsError, match=r"plans\.pkl was refused"):
        import_model(tmp_path / "v1", tmp_path / "models", labels=LABELS)
