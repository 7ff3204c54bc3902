"""Weights: the very file the card means, all of its tensors and no others, or a clear refusal."""

import hashlib
import pickle
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file

from atlastumor.errors import CardError, WeightsError
from atlastumor.models.card import parse_card
from atlastumor.models.specs import WeightsRef
from atlastumor.models.weights import fit_weights, load_weights, save_weights
from atlastumor.networks import build_network, load_network
from Backend.models.card_examples import card_data, small_args


def a_network(seed=1):
    torch.manual_seed(seed)
    return build_network("resenc_unet", 3, small_args("resenc_unet"))


def a_card(folder, digest, size):
    data = card_data()
    data["network"] = {"name": "resenc_unet", "args": small_args("resenc_unet")}
    data["weights"] |= {"sha256": digest, "bytes": size}
    return parse_card(data, folder / "example-v1.json")


@pytest.fixture
def saved(tmp_path):
    """A network, and the card of its weights on disk."""
    network = a_network()
    digest, size = save_weights(network.state_dict(), tmp_path / "example-v1.safetensors")
    return network, a_card(tmp_path, digest, size)


def test_a_network_comes_back_as_it_was_saved(saved):
    network, card = saved
    x = torch.randn(1, 1, 16, 16, 16)

    loaded = load_network(card)

    with torch.inference_mode():
        assert torch.equal(loaded(x), network(x))
    assert not loaded.training


def test_hash_and_size_are_those_of_the_file(saved, tmp_path):
    _, card = saved
    data = (tmp_path / "example-v1.safetensors").read_bytes()

    assert card.weights.bytes == len(data)
    assert card.weights.sha256 == hashlib.sha256(data).hexdigest()


def test_a_tensor_with_many_names_is_stored_once(saved, tmp_path):
    network, _ = saved
    n_values = sum(p.numel() for p in network.parameters())

    stored = load_file(tmp_path / "example-v1.safetensors")

    assert sum(t.numel() for t in stored.values()) == n_values
    assert len(stored) < len(network.state_dict())


def test_a_state_dict_with_every_name_fits_too(saved):
    network, _ = saved
    other = a_network(seed=2)

    fit_weights(other, network.state_dict())

    assert torch.equal(other.state_dict()["encoder.stem.convs.0.conv.weight"],
                       network.state_dict()["encoder.stem.convs.0.conv.weight"])  # fmt: skip


def test_half_precision_files_hold_half_and_load_as_float32(saved, tmp_path):
    network, card = saved
    digest, size = save_weights(
        network.state_dict(), tmp_path / "example-v1.safetensors", half=True
    )

    state = load_weights(a_card(tmp_path, digest, size))

    assert size < 0.6 * card.weights.bytes
    assert {t.dtype for t in state.values()} == {torch.float32}


def test_saving_twice_makes_the_same_bytes_and_leaves_nothing_beside(saved, tmp_path):
    network, card = saved

    digest, _ = save_weights(network.state_dict(), tmp_path / "example-v1.safetensors")

    assert digest == card.weights.sha256
    assert [p.name for p in tmp_path.iterdir()] == ["example-v1.safetensors"]


def test_one_altered_bit_is_refused(saved, tmp_path):
    _, card = saved
    path = tmp_path / "example-v1.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)

    with pytest.raises(
        WeightsError, match=r"not the one that the card 'example-v1' means.*SHA-256"
    ):
        load_weights(card)


def test_missing_weights_are_named_with_what_to_do(saved, tmp_path):
    _, card = saved
    (tmp_path / "example-v1.safetensors").unlink()

    with pytest.raises(WeightsError, match=r"are missing: example-v1.safetensors\. Put it beside"):
        load_weights(card)


def test_published_weights_are_taken_from_the_models_folder_and_never_downloaded(saved, tmp_path):
    network, card = saved
    url = "https://example.org/models/far.safetensors"
    far = replace(card, weights=WeightsRef(card.weights.sha256, card.weights.bytes, url=url))

    with pytest.raises(WeightsError, match=f"Download {url} and put it into the models folder"):
        load_weights(far, models_dir=tmp_path)

    save_weights(network.state_dict(), tmp_path / "far.safetensors")
    assert load_weights(far, models_dir=tmp_path)


def test_a_pickle_is_never_read(tmp_path):
    class Trap:
        def __reduce__(self):
            return (pytest.fail, ("the pickle was run",))

    data = pickle.dumps(Trap())
    (tmp_path / "example-v1.safetensors").write_bytes(data)
    card = a_card(tmp_path, hashlib.sha256(data).hexdigest(), len(data))

    with pytest.raises(WeightsError, match="not a readable safetensors file"):
        load_weights(card)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda s: s.pop(next(iter(s))), "is missing"),
        (lambda s: s.update(stranger=torch.ones(1)), "'stranger'"),
        (lambda s: s.update({next(iter(s)): torch.ones(7)}), r"is \(7,\), not"),
    ],
)
def test_weights_that_do_not_fit_are_refused(saved, tmp_path, change, said):
    _, _ = saved
    state = load_file(tmp_path / "example-v1.safetensors")
    change(state)

    with pytest.raises(WeightsError, match=said):
        fit_weights(a_network(), state)


def test_all_differences_are_listed_and_long_lists_are_cut(saved):
    network, _ = saved
    state = {f"strange.{n}": torch.ones(1) for n in range(20)}
    state["decoder.seg_layers.0.bias"] = torch.ones(9)

    with pytest.raises(WeightsError) as raised:
        fit_weights(network, state)

    said = str(raised.value)
    assert "tensors are missing: 'decoder." in said
    assert "20 tensors are unknown: 'strange.0'" in said
    assert "and 12 more" in said
    assert "1 tensor is of another shape: 'decoder.seg_layers.0.bias' is (9,), not (3,)" in said
    assert len(said) < 2000


def test_a_patch_that_the_network_cannot_take_is_refused(saved):
    _, card = saved
    odd = replace(card, inference=replace(card.inference, patch=(32, 18, 16)))

    with pytest.raises(CardError, match=r"no multiple of \(4, 4, 2\)"):
        load_network(odd)


def test_a_network_far_larger_than_its_weights_is_refused_before_it_is_built(saved, monkeypatch):
    _, card = saved
    args = {"features_per_stage": [2048] * 3, "n_blocks_per_stage": [12] * 3}
    vast = replace(card, network=replace(card.network, args={**card.network.args, **args}))
    monkeypatch.setattr("torch.nn.Module.eval", lambda network: on_meta(network))

    with pytest.raises(WeightsError, match=r"has [0-9,]{10,} weights, its file [0-9,]+\. They do"):
        load_network(vast)


def on_meta(network):
    assert all(tensor.is_meta for tensor in network.parameters())
    return network


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e300])
def test_weights_that_are_no_finite_numbers_are_refused(tmp_path, value):
    state = {name: tensor.double() for name, tensor in a_network().state_dict().items()}
    state["encoder.stem.convs.0.conv.bias"][0] = value
    card = a_card(tmp_path, *save_weights(state, tmp_path / "example-v1.safetensors"))

    with pytest.raises(WeightsError, match=r"1 tensor is not finite: '.*stem.*bias'"):
        load_network(card)


def test_weights_that_cannot_be_written_are_an_error_of_the_system(tmp_path):
    with pytest.raises(OSError, match="os error"):
        save_weights(a_network().state_dict(), tmp_path / "nowhere" / "example-v1.safetensors")
