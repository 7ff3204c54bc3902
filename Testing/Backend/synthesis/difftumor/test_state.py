"""Published checkpoints, as documented: loaded to the last name, or refused with a sentence."""

import pytest
import torch
from safetensors.torch import load_file

from atlastumor.errors import WeightsError
from atlastumor.synthesis.difftumor.state import convert_checkpoint, find_sampler, load_models
from atlastumor.synthesis.diffusion.samplers import sample_ancestral, sample_ddim
from Backend.synthesis.difftumor.documented import (
    BUFFERS,
    fake_autoencoder,
    fake_denoiser,
    fake_ema,
)

ROTARY = "downs.2.3.fn.fn.fn.rotary_emb.freqs"


def save(path, ema):
    torch.save({"step": 60000, "model": {}, "ema": ema, "scaler": {}}, path)
    return path


@pytest.fixture(scope="module")
def ema():
    return fake_ema()


@pytest.fixture(scope="module")
def early(tmp_path_factory, ema):
    return save(tmp_path_factory.mktemp("models") / "early.pt", ema)


def assert_holds(network, state):
    own = network.state_dict()
    assert own.keys() == state.keys()
    assert all(torch.equal(own[name], tensor) for name, tensor in state.items())


def test_every_tensor_arrives_where_its_name_says(early):
    models = load_models(early)

    assert_holds(models.denoiser, fake_denoiser())
    assert_holds(models.autoencoder, fake_autoencoder())
    assert not models.denoiser.training
    assert not models.autoencoder.training


def test_the_schedule_is_the_files_own_and_tells_the_sampler(early, ema, tmp_path):
    stored = {**ema, "betas": ema["betas"] * torch.tensor([1.001, 1, 1, 1])}
    other = load_models(save(tmp_path / "x.pt", stored))
    later = load_models(save(tmp_path / "y.pt", fake_ema(200)))

    assert torch.equal(other.schedule.betas, stored["betas"])  # not computed anew
    assert other.sampler is load_models(early).sampler is sample_ancestral
    assert later.sampler is sample_ddim
    assert later.schedule.n_steps == 200


def test_an_autoencoder_of_its_own_takes_precedence(early, tmp_path):
    state = fake_autoencoder(seed=9)
    torch.save(
        {"state_dict": {**state, "perceptual_model.lin0.weight": torch.zeros(3)}, "epoch": 1},
        tmp_path / "AutoencoderModel.ckpt",
    )

    models = load_models(early, tmp_path / "AutoencoderModel.ckpt")

    assert_holds(models.autoencoder, state)


def test_the_autoencoder_of_another_diffusion_file_will_do(early):
    assert_holds(load_models(early, early).autoencoder, fake_autoencoder())


def test_without_any_autoencoder_it_says_what_to_do(ema, tmp_path):
    bare = {name: tensor for name, tensor in ema.items() if not name.startswith("vqgan.")}

    with pytest.raises(WeightsError, match="holds no autoencoder; name a file"):
        load_models(save(tmp_path / "x.pt", bare))


def test_half_precision_is_read_as_single(ema, tmp_path):
    half = {n: t.half() if n.startswith("denoise_fn.") else t for n, t in ema.items()}

    weight = load_models(save(tmp_path / "x.pt", half)).denoiser.init_conv.weight

    assert weight.dtype == torch.float32
    torch.testing.assert_close(weight, ema["denoise_fn.init_conv.weight"], atol=1e-3, rtol=1e-3)


ALTERED = {
    "a missing tensor": (
        lambda s: s.pop("denoise_fn.ups.1.3.fn.fn.fn.to_out.weight"),
        r"'ups\.1\.3\.fn\.fn\.fn\.to_out\.weight' is missing \(1 missing, 0 unknown",
    ),
    "a missing copy of the shared tensor": (
        lambda s: s.pop(f"denoise_fn.{ROTARY}"),
        "rotary_emb.freqs' is missing",
    ),
    "a missing part of the autoencoder": (
        lambda s: s.pop("vqgan.codebook.embeddings"),
        "autoencoder: 'codebook.embeddings' is missing",
    ),
    "a missing buffer": (lambda s: s.pop("posterior_variance"), "'posterior_variance' is missing"),
    "an unknown tensor": (
        lambda s: s.update({"denoise_fn.downs.0.5.weight": torch.zeros(2)}),
        r"'downs\.0\.5\.weight' is unknown \(0 missing, 1 unknown",
    ),
    "an unknown part": (
        lambda s: s.update({"text_encoder.weight": torch.zeros(2)}),
        r"'text_encoder\.weight' is unknown",
    ),
    "an unknown part of the autoencoder": (
        lambda s: s.update({"vqgan.extra": torch.zeros(2)}),
        "'extra' is unknown",
    ),
    "a renamed tensor": (
        lambda s: s.update({"denoise_fn.first": s.pop("denoise_fn.init_conv.weight")}),
        r"'init_conv\.weight' is missing \(1 missing, 1 unknown",
    ),
    "another shape": (
        lambda s: s.update({"denoise_fn.init_conv.weight": torch.zeros(24, 26, 1, 7, 7)}),
        r"'init_conv\.weight' is \(24, 26, 1, 7, 7\), not \(24, 17, 1, 7, 7\)",
    ),
    "a smaller codebook": (
        lambda s: s.update({"vqgan.codebook.embeddings": torch.zeros(1024, 8)}),
        r"is \(1024, 8\), not \(16384, 8\)",
    ),
    "no numbers": (
        lambda s: s.update({"denoise_fn.init_conv.bias": torch.full((24,), torch.nan)}),
        "no finite numbers",
    ),
    "whole numbers": (
        lambda s: s.update({"denoise_fn.init_conv.bias": torch.zeros(24, dtype=torch.int64)}),
        "no finite numbers",
    ),
    "copies that differ": (
        lambda s: s.update({f"denoise_fn.{ROTARY}": torch.ones(16)}),
        "copies of one shared tensor",
    ),
    "a schedule of two lengths": (
        lambda s: s.update({"betas": fake_ema(200)["betas"]}),
        "differ in length",
    ),
    "a schedule that contradicts itself": (
        lambda s: s.update({"alphas_cumprod": s["alphas_cumprod"].flip(0)}),
        "'alphas_cumprod' does not follow from 'betas'",
    ),
    "a schedule nobody published": (
        lambda s: s.update({name: fake_ema(10)[name] for name in BUFFERS}),
        "a schedule of 10 steps",
    ),
}


@pytest.mark.parametrize("what", ALTERED)
def test_an_altered_checkpoint_is_refused(what, ema, tmp_path):
    alter, sentence = ALTERED[what]
    state = dict(ema)
    alter(state)

    with pytest.raises(WeightsError, match=sentence) as caught:
        load_models(save(tmp_path / "altered.pt", state))

    assert "altered.pt" in str(caught.value) or what == "a schedule nobody published"


def test_a_segmentation_checkpoint_is_not_taken_for_one(tmp_path):
    torch.save({"state_dict": {"model.0.conv.weight": torch.zeros(3)}}, tmp_path / "x.pt")

    with pytest.raises(WeightsError, match="no diffusion model of DiffTumor"):
        load_models(tmp_path / "x.pt")


def test_a_converted_checkpoint_is_the_same_model_without_what_training_needs(early, tmp_path):
    _, size = convert_checkpoint(early, tmp_path / "early.safetensors")

    stored = load_file(tmp_path / "early.safetensors")
    models = load_models(tmp_path / "early.safetensors")
    assert size == (tmp_path / "early.safetensors").stat().st_size < early.stat().st_size
    assert len(stored) == 12 + 300 + 71
    assert_holds(models.denoiser, fake_denoiser())
    assert_holds(models.autoencoder, fake_autoencoder())
    assert torch.equal(models.schedule.betas, load_models(early).schedule.betas)


def test_the_number_of_steps_tells_the_sampler():
    assert find_sampler(4) is sample_ancestral
    assert find_sampler(200) is sample_ddim
    with pytest.raises(WeightsError, match="1000 steps"):
        find_sampler(1000)
