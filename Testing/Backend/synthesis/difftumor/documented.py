"""The published checkpoints' names and shapes, written down from their description alone."""

from __future__ import annotations

import torch

from atlastumor.synthesis.diffusion.schedule import make_cosine_schedule

BUFFERS = [
    "betas",
    "alphas_cumprod",
    "alphas_cumprod_prev",
    "sqrt_alphas_cumprod",
    "sqrt_one_minus_alphas_cumprod",
    "log_one_minus_alphas_cumprod",
    "sqrt_recip_alphas_cumprod",
    "sqrt_recipm1_alphas_cumprod",
    "posterior_variance",
    "posterior_log_variance_clipped",
    "posterior_mean_coef1",
    "posterior_mean_coef2",
]

Shapes = dict[str, tuple[int, ...]]


def pair(name, *weight, n_out=None):
    """A weight and its bias."""
    return {f"{name}.weight": weight, f"{name}.bias": (weight[0] if n_out is None else n_out,)}


def res(name, n):
    return {
        **pair(f"{name}.norm1", n),
        **pair(f"{name}.conv1.conv", n, n, 3, 3, 3),
        **pair(f"{name}.norm2", n),
        **pair(f"{name}.conv2.conv", n, n, 3, 3, 3),
    }


def autoencoder_shapes(n_codes=16384) -> Shapes:
    return {
        **pair("encoder.conv_first.conv", 16, 1, 3, 3, 3),
        **pair("encoder.conv_blocks.0.down.conv", 32, 16, 4, 4, 4),
        **res("encoder.conv_blocks.0.res", 32),
        **pair("encoder.conv_blocks.1.down.conv", 64, 32, 4, 4, 4),
        **res("encoder.conv_blocks.1.res", 64),
        **pair("encoder.final_block.0", 64),
        **pair("decoder.final_block.0", 64),
        **pair("decoder.conv_blocks.0.up.convt", 64, 64, 4, 4, 4),
        **res("decoder.conv_blocks.0.res1", 64),
        **res("decoder.conv_blocks.0.res2", 64),
        **pair("decoder.conv_blocks.1.up.convt", 64, 32, 4, 4, 4, n_out=32),
        **res("decoder.conv_blocks.1.res1", 32),
        **res("decoder.conv_blocks.1.res2", 32),
        **pair("decoder.conv_last.conv", 1, 32, 3, 3, 3),
        **pair("pre_vq_conv.conv", 8, 64, 1, 1, 1),
        **pair("post_vq_conv.conv", 64, 8, 1, 1, 1),
        "codebook.embeddings": (n_codes, 8),
        "codebook.N": (n_codes,),
        "codebook.z_avg": (n_codes, 8),
    }


def resnet(name, n_in, n_out, *, timed=True):
    return {
        **(pair(f"{name}.mlp.1", 2 * n_out, 96) if timed else {}),
        **pair(f"{name}.block1.proj", n_out, n_in, 1, 3, 3),
        **pair(f"{name}.block1.norm", n_out),
        **pair(f"{name}.block2.proj", n_out, n_out, 1, 3, 3),
        **pair(f"{name}.block2.norm", n_out),
        **(pair(f"{name}.res_conv", n_out, n_in, 1, 1, 1) if n_in != n_out else {}),
    }


def softmax_attention(name, n, *, rotary=True):
    return {
        f"{name}.fn.norm.gamma": (1, n, 1, 1, 1),
        f"{name}.fn.fn.fn.to_qkv.weight": (768, n),
        f"{name}.fn.fn.fn.to_out.weight": (n, 256),
        **({f"{name}.fn.fn.fn.rotary_emb.freqs": (16,)} if rotary else {}),
    }


def level(name, n_in, n_out):
    return {
        **resnet(f"{name}.0", n_in, n_out),
        **resnet(f"{name}.1", n_out, n_out),
        f"{name}.2.fn.norm.gamma": (1, n_out, 1, 1, 1),
        f"{name}.2.fn.fn.to_qkv.weight": (768, n_out, 1, 1),
        **pair(f"{name}.2.fn.fn.to_out", n_out, 256, 1, 1),
        **softmax_attention(f"{name}.3", n_out),
    }


def denoiser_shapes() -> Shapes:
    return {
        "time_rel_pos_bias.relative_attention_bias.weight": (32, 8),
        **pair("init_conv", 24, 17, 1, 7, 7),
        **softmax_attention("init_temporal_attn", 24),
        **pair("time_mlp.1", 96, 24),
        **pair("time_mlp.3", 96, 96),
        **level("downs.0", 24, 24),
        **pair("downs.0.4", 24, 24, 1, 4, 4),
        **level("downs.1", 24, 48),
        **pair("downs.1.4", 48, 48, 1, 4, 4),
        **level("downs.2", 48, 96),
        **pair("downs.2.4", 96, 96, 1, 4, 4),
        **level("downs.3", 96, 192),
        **resnet("mid_block1", 192, 192),
        **softmax_attention("mid_spatial_attn", 192, rotary=False),
        **softmax_attention("mid_temporal_attn", 192),
        **resnet("mid_block2", 192, 192),
        **level("ups.0", 384, 96),
        **pair("ups.0.4", 96, 96, 1, 4, 4),
        **level("ups.1", 192, 48),
        **pair("ups.1.4", 48, 48, 1, 4, 4),
        **level("ups.2", 96, 24),
        **pair("ups.2.4", 24, 24, 1, 4, 4),
        **level("ups.3", 48, 24),
        **resnet("final_conv.0", 48, 24, timed=False),
        **pair("final_conv.1", 8, 24, 1, 1, 1),
    }


def fill(shapes: Shapes, seed: int) -> dict[str, torch.Tensor]:
    """Random tensors that keep activations of order one."""
    generator = torch.Generator().manual_seed(seed)
    state = {}
    for name, shape in shapes.items():
        noise = torch.randn(shape, generator=generator)
        if name.endswith("freqs"):
            state[name] = 10000.0 ** -(torch.arange(16) / 16)
        elif len(shape) == 1 or name.endswith("gamma"):
            is_gain = name.endswith(("gamma", "weight"))
            state[name] = 0.1 * noise + (1.0 if is_gain else 0.0)
        elif name.startswith("codebook") or "bias" in name:
            state[name] = noise
        else:
            state[name] = noise * (torch.tensor(shape[1:]).prod().item() ** -0.5)
    return state


def fake_autoencoder(seed=1, *, n_codes=16384):
    return fill(autoencoder_shapes(n_codes), seed)


def fake_denoiser(seed=2):
    return fill(denoiser_shapes(), seed)


def fake_ema(n_steps=4):
    """What a diffusion file holds under 'ema'."""
    schedule = make_cosine_schedule(n_steps)
    return {
        **{name: getattr(schedule, name) for name in BUFFERS},
        **{f"denoise_fn.{name}": tensor for name, tensor in fake_denoiser().items()},
        **{f"vqgan.{name}": tensor for name, tensor in fake_autoencoder().items()},
        "vqgan.perceptual_model.net.slice1.0.weight": torch.zeros(2),
        "vqgan.image_discriminator.model0.0.weight": torch.zeros(2),
        "vqgan.video_discriminator.model0.num_batches_tracked": torch.zeros((), dtype=torch.int64),
    }
