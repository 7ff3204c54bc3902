"""MONAI bundles: read as data, the same network as MONAI builds, nothing of theirs run."""

import json
import sys

import pytest
import torch

from atlastumor.errors import AtlasTumorError, DependencyError, InputError
from atlastumor.models.importing import import_model, recognize
from atlastumor.networks import load_network
from Backend.models.importing.bundle_mocks import (
    CONFIG,
    METADATA,
    UNET,
    change,
    make_bundle,
    make_network,
)

SPACING, RANGE = ["preprocessing", "transforms", 3], ["preprocessing", "transforms", 4]


def test_a_bundle_becomes_a_card(tmp_path):
    bundle = make_bundle(tmp_path / "zoo")

    card = import_model(bundle, tmp_path / "models")

    assert recognize(bundle) == "bundle"
    assert card.id == "pancreas-ct-segmentation"
    assert (card.input.orientation, card.input.spacing_mm) == ("RAS", (1.5, 1.5, 2.0))
    assert (card.input.clip_hu, card.input.normalize) == ((-57, 164), "unit")
    assert (card.input.resample, card.input.resample_order) == ("monai", 1)
    assert (card.inference.patch, card.inference.overlap) == ((16, 24, 32), 0.5)
    assert (card.inference.windows, card.inference.blend) == ("stepped", "constant")
    assert (card.inference.restore, card.inference.padding) == ("probabilities", 0.0)
    assert [o.kind for o in card.outputs] == ["background", "organ", "tumor"]
    assert card.source["copyright"] == "Copyright (c) Somebody"
    assert card.license == "unknown"


NETWORKS = [
    UNET,
    {**UNET, "norm": ["INSTANCE", {"affine": True}], "num_res_units": 0, "dropout": 0.2},
    {
        "_target_": "monai.networks.nets.SegResNet",
        "spatial_dims": 3,
        "in_channels": 1,
        "out_channels": 3,
        "init_filters": 8,
        "blocks_down": [1, 2],
        "blocks_up": [1],
        "upsample_mode": "deconv",
        "dropout_prob": 0.2,
    },
    {
        "_target_": "SegResNetDS",
        "in_channels": 1,
        "out_channels": 3,
        "init_filters": 4,
        "blocks_down": [1, 1, 1],
        "norm": "instance",
        "dsdepth": 2,
    },
    {
        "_target_": "DynUNet",
        "spatial_dims": 3,
        "in_channels": 1,
        "out_channels": 3,
        "filters": [4, 8, 12],
        "kernel_size": [3, 3, 3],
        "strides": [1, 2, 2],
        "upsample_kernel_size": [2, 2],
    },
    {
        "_target_": "DynUNet",
        "spatial_dims": 3,
        "in_channels": 1,
        "out_channels": 3,
        "norm_name": "instance",
        "kernel_size": [3, 3, 3],
        "strides": [1, 2, [2, 2, 1]],
        "upsample_kernel_size": [2, [2, 2, 1]],
    },
]


@pytest.mark.parametrize("spec", NETWORKS, ids=lambda spec: str(spec["_target_"]))
def test_the_imported_network_answers_as_monais(tmp_path, spec):
    network = make_network(spec)
    bundle = make_bundle(tmp_path / "zoo", change(["network_def"], spec), network=network)

    card = import_model(bundle, tmp_path / "models")

    window = torch.randn(1, 1, *card.inference.patch)
    with torch.inference_mode():
        torch.testing.assert_close(load_network(card)(window), network(window))


def test_swin_unetr_merges_patches_as_the_monai_that_trained_it(tmp_path):
    pytest.importorskip("einops")
    spec = {
        "_target_": "SwinUNETR",
        "in_channels": 1,
        "out_channels": 3,
        "feature_size": 12,
        "img_size": [32, 32, 32],
        "depths": [1, 1, 1, 1],
        "num_heads": [1, 1, 2, 2],
    }
    network = make_network({k: v for k, v in spec.items() if k != "img_size"})
    config = change(["patch"], [64, 32, 32], change(["network_def"], spec))

    for version, legacy in (("1.4.0", True), ("1.5.1", False)):
        metadata = {**METADATA, "monai_version": version}
        bundle = make_bundle(tmp_path / version, config, metadata, network=network)
        card = import_model(bundle, tmp_path / "models", id=f"swin-{version}")
        assert card.network.args["legacy_merging"] is legacy
    unsaid = make_bundle(tmp_path / "unsaid", config, {"name": "Swin"}, network=network)
    with pytest.raises(InputError, match="With which MONAI"):
        import_model(unsaid, tmp_path / "models")


def test_a_yaml_configuration_says_the_same(tmp_path):
    yaml = pytest.importorskip("yaml")
    by_json = import_model(make_bundle(tmp_path / "a"), tmp_path / "models", id="a")
    bundle = make_bundle(tmp_path / "b")
    (bundle / "configs" / "inference.json").unlink()
    (bundle / "configs" / "inference.yaml").write_text(yaml.safe_dump(CONFIG))

    by_yaml = import_model(bundle, tmp_path / "models", id="b")

    assert by_yaml.input == by_json.input
    assert by_yaml.inference == by_json.inference
    assert by_yaml.network == by_json.network


def test_without_pyyaml_the_package_that_is_missing_is_named(tmp_path, monkeypatch):
    bundle = make_bundle(tmp_path / "zoo")
    (bundle / "configs" / "inference.json").rename(bundle / "configs" / "inference.yaml")
    monkeypatch.setitem(sys.modules, "yaml", None)

    with pytest.raises(DependencyError, match="needs the package pyyaml"):
        import_model(bundle, tmp_path / "models")


def test_yaml_that_grows_out_of_itself_is_refused(tmp_path):
    pytest.importorskip("yaml")
    bundle = make_bundle(tmp_path / "zoo")
    (bundle / "configs" / "inference.json").unlink()
    levels = "\n".join(f"l{n + 1}: &l{n + 1} [{', '.join([f'*l{n}'] * 9)}]" for n in range(9))
    (bundle / "configs" / "inference.yaml").write_text(f"l0: &l0 [x, x, x]\n{levels}\n")

    with pytest.raises(InputError, match="refers to its own parts"):
        import_model(bundle, tmp_path / "models")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("!!python/object/apply:os.system ['echo']", "not valid YAML"),
        ("[" * 5000, "not valid YAML"),
        ("- a list", "holds a list where a table is due"),
    ],
)
def test_yaml_that_is_no_plain_table_is_refused(tmp_path, text, said):
    pytest.importorskip("yaml")
    bundle = make_bundle(tmp_path / "zoo")
    (bundle / "configs" / "inference.json").unlink()
    (bundle / "configs" / "inference.yaml").write_text(text)

    with pytest.raises(InputError, match=said):
        import_model(bundle, tmp_path / "models")


def test_labels_that_the_metadata_leave_out_are_told(tmp_path):
    bundle = make_bundle(tmp_path / "zoo", metadata={"name": "Nameless"})

    with pytest.raises(InputError, match="None of the model's labels"):
        import_model(bundle, tmp_path / "models", labels={"0": "background"})
    labels = {"0": "background", "1": "liver", "2": "liver tumor"}
    card = import_model(bundle, tmp_path / "models", labels=labels)

    assert [o.organ for o in card.outputs] == [None, "liver", "liver"]


def test_a_range_that_is_not_from_0_to_1_is_a_shift_and_a_scale(tmp_path):
    config = change([*RANGE, "b_min"], -1)

    card = import_model(make_bundle(tmp_path / "zoo", config), tmp_path / "models")

    assert (card.input.normalize, card.input.clip_hu) == ("zscore", (-57, 164))
    assert (card.input.mean, card.input.std) == (53.5, 110.5)


def test_a_crop_to_the_foreground_is_a_difference_that_is_written_down(tmp_path):
    config = change(["preprocessing", "transforms", 5, "_target_"], "CropForegroundd")
    del config["preprocessing"]["transforms"][5]["device"]

    card = import_model(make_bundle(tmp_path / "zoo", config), tmp_path / "models")

    assert "crops the scan" in card.source["differences"]


SIGMOID = [
    {"_target_": "Activationsd", "keys": "pred", "sigmoid": True},
    {"_target_": "AsDiscreted", "keys": "pred", "threshold": 0.5},
    {"_target_": "Invertd", "keys": "pred", "nearest_interp": True},
]


def test_sigmoids_are_decided_each_for_itself(tmp_path):
    config = change(["postprocessing", "transforms"], SIGMOID)

    card = import_model(make_bundle(tmp_path / "zoo", config), tmp_path / "models")

    assert (card.activation, card.inference.restore) == ("sigmoid", "labels")
    assert [o.kind for o in card.outputs] == ["other", "organ", "tumor"]


CODE = "$__import__('os').system('touch ran')"
REFUSED = [
    (change(["network_def", "_target_"], "VISTA3D"), "network 'VISTA3D' is not known"),
    (change(["network_def", "_target_"], "scripts.mine.Net"), "network 'Net' is not known"),
    (change(["network_def", "in_channels"], 3), "wants 3 images"),
    (change(["network_def", "spatial_dims"], 2), "is 2-D"),
    (change(["network_def", "channels"], None), "does not say its 'channels'"),
    (change(["network_def", "channels"], CODE), "is a program.*it is not run"),
    (change(["network_def", "norm"], "layer"), "normalization 'layer'"),
    (change(["network_def", "adn_ordering"], "AND"), "'adn_ordering' of the network is 'AND'"),
    (change(["network_def", "wings"], 2), "network.args.wings is not known"),
    (change(["network_def"], None), "does not describe its network"),
    (change(["network_def"], CODE), "is a program"),
    (change(["network_def", "norm"], "@norm"), "refers to 'norm', which is not there"),
    (change(["patch"], "@patch"), "refers to itself"),
    (change([*SPACING, "pixdim"], CODE), "is a program"),
    (change([*SPACING, "mode"], 3), "only bilinear"),
    (change(SPACING, None), "normalizes before it resamples"),
    (change([*SPACING, "_target_"], "Resized"), "'Resize' before the network is not known"),
    (change(["preprocessing"], None), "does not list its transforms"),
    (change(["inferer", "_target_"], "SimpleInferer"), "uses 'SimpleInferer'"),
    (change(["inferer", "roi_size"], [96, 96]), "'roi_size' is .* 3 numbers"),
    (change(["inferer", "padding_mode"], "reflect"), "pads by 'reflect'"),
    (change(["postprocessing", "transforms"], SIGMOID[1:]), "does not take the largest"),
    (change(["postprocessing", "transforms", 0, "softmax"], False), "neither softmax nor sig"),
    (change(["patch"], [16, 24, 30]), "no multiple of"),
    (change(["network_def", "out_channels"], 10**12), "from 1 to 256 is needed"),
    (change(["network_def", "out_channels"], None), "'out_channels'"),
]


@pytest.mark.parametrize(("config", "said"), REFUSED, ids=[said for _, said in REFUSED])
def test_what_is_not_understood_is_refused_by_name(tmp_path, monkeypatch, config, said):
    monkeypatch.chdir(tmp_path)
    bundle = make_bundle(tmp_path / "zoo", config)

    with pytest.raises(AtlasTumorError, match=said):
        import_model(bundle, tmp_path / "models")

    assert not (tmp_path / "ran").exists()
    assert not list((tmp_path / "models").glob("*"))


def test_references_that_double_at_each_step_are_refused(tmp_path):
    bomb = {f"l{n}": [f"@l{n + 1}"] * 9 for n in range(20)}
    config = change(["network_def", "channels"], "@l0", {**CONFIG, **bomb, "l20": 1})

    with pytest.raises(InputError, match="grows beyond all measure"):
        import_model(make_bundle(tmp_path / "zoo", config), tmp_path / "models")


def test_torchscript_is_a_program_and_refused(tmp_path):
    bundle = make_bundle(tmp_path / "zoo")
    (bundle / "models" / "model.pt").rename(bundle / "models" / "model.ts")

    with pytest.raises(InputError, match="TorchScript alone, which is a program"):
        import_model(bundle, tmp_path / "models")


def test_a_broken_configuration_is_refused(tmp_path):
    bundle = make_bundle(tmp_path / "zoo")
    (bundle / "configs" / "inference.json").write_text(json.dumps(CONFIG)[:-5])

    with pytest.raises(InputError, match=r"inference\.json is not valid JSON"):
        import_model(bundle, tmp_path / "models")


def test_a_configuration_that_is_no_text_is_told_once(tmp_path):
    bundle = make_bundle(tmp_path)
    (bundle / "configs" / "inference.json").write_bytes(b"\xff\xff")

    with pytest.raises(InputError) as caught:
        import_model(bundle, tmp_path / "models")

    assert str(caught.value) == "inference.json is no text."
