"""Folders of nnU-Net v2 that cannot be used, and why; whatever is odd ends in a sentence."""

import copy

import pytest

from atlastumor.errors import AtlasTumorError, InputError, WeightsError
from atlastumor.models.importing import import_model
from Backend.models.importing.nnunet_mocks import (
    LABELS,
    make_dataset,
    make_network,
    make_plans,
    make_trained,
)


def changed(section, **values):
    plans = make_plans()
    place = plans["configurations"]["3d_fullres"] if section else plans
    place.update(values)
    return plans


PRIMUS = {"network_class_name": "x.Primus", "arch_kwargs": {}}


def make_long_plans():
    """Old plans of so many stages that their widths would fill the memory."""
    plans = make_plans(is_old=True)
    plans["configurations"]["3d_fullres"]["n_conv_per_stage_encoder"] = [2] * 1000
    return plans


ODD = {"network_class_name": "PlainConvUNet", "arch_kwargs": {"kernel_sizes": 3.5}}
REFUSED = [
    ({"configuration": "2d"}, "'2d' is 2-D"),
    ({"configuration": "3d_cascade_fullres"}, "second half of a cascade.*3d_lowres"),
    ({"configuration": "3d_lowres"}, "no configuration '3d_lowres'.*3d_fullres"),
    ({"plans": changed(0, image_reader_writer="Tiff3DIO")}, "'Tiff3DIO' read"),
    ({"plans": changed(0, transpose_forward=[0, 0, 1])}, "no permutation"),
    ({"plans": changed(1, normalization_schemes=["CTNormalization"] * 2)}, "wants 2 images"),
    ({"plans": changed(1, normalization_schemes=["Mine"])}, "'Mine' is not one of CTNorm"),
    ({"plans": changed(1, spacing=[1, 1])}, "'spacing' of configuration.*3 numbers"),
    ({"plans": changed(1, spacing=[1, 1, "1; import os"])}, "3 numbers is needed"),
    ({"plans": changed(1, resampling_fn_data="no_resampling_hack")}, "resamples with 'no_res"),
    ({"plans": changed(1, architecture=PRIMUS)}, "is a Primus.*PlainConvUNet, Residual"),
    ({"plans": changed(1, architecture={**PRIMUS, "arch_kwargs": 3})}, "'arch_kwargs' of"),
    ({"plans": changed(1, patch_size=[[1], {}, None])}, "'patch_size' of .* 3 numbers"),
    ({"plans": changed(1, inherits_from="3d_fullres")}, "no configuration '3d_fullres' that"),
    ({"plans": changed(1, inherits_from=[1])}, "not as the format 'nnunet' should be|no config"),
    ({"plans": changed(1, architecture=ODD)}, "format 'nnunet' should be"),
    ({"plans": make_long_plans()}, "number of stages is 1000; a whole number from 1 to 10"),
    ({"plans": changed(1, spacing=[1e9, 1e-9, 0])}, "input.spacing_mm"),
    ({"plans": changed(1, patch_size=[10**9, 8, 8])}, "inference.patch"),
    ({"dataset": make_dataset() | {"channel_names": {"0": "CT", "1": "PET"}}}, "wants 2 images"),
    ({"dataset": make_dataset({"background": 0, "liver": 2, "tumor": 5})}, "not numbered from 0"),
    ({"dataset": make_dataset({"background": 0, "spleen": 1, "x": 2})}, "None of the model's"),
    ({"dataset": make_dataset({**LABELS, "pancreas": 3})}, "Of which organ 'tumor' is"),
]


@pytest.mark.parametrize(("options", "said"), REFUSED, ids=[said for _, said in REFUSED])
def test_what_cannot_be_used_is_refused_with_its_reason(tmp_path, options, said):
    folder = make_trained(tmp_path / "nn", **options)

    with pytest.raises(AtlasTumorError, match=said):
        import_model(folder, tmp_path / "models")

    assert not list((tmp_path / "models").glob("*"))


def test_a_mask_for_normalization_is_refused(tmp_path):
    plans = changed(1, normalization_schemes=["ZScoreNormalization"], use_mask_for_norm=[True])

    with pytest.raises(InputError, match="inside a mask"):
        import_model(make_trained(tmp_path / "nn", plans), tmp_path / "models")


def test_weights_of_another_network_are_refused_with_the_differences(tmp_path):
    plans = copy.deepcopy(make_plans())
    arch = plans["configurations"]["3d_fullres"]["architecture"]["arch_kwargs"]
    arch["features_per_stage"] = [4, 8, 16]
    folder = make_trained(tmp_path / "nn", plans)

    with pytest.raises(WeightsError, match=r"of another shape: .* is \(12,\), not \(16,\)"):
        import_model(folder, tmp_path / "models")

    assert not list((tmp_path / "models").glob("*"))


def test_weights_of_another_trainers_network_are_refused(tmp_path):
    network = make_network("ResidualEncoderUNet", 3)
    folder = make_trained(tmp_path / "nn", networks={"0": network})

    with pytest.raises(WeightsError, match=r"tensors are missing: .*tensors are unknown: "):
        import_model(folder, tmp_path / "models")
