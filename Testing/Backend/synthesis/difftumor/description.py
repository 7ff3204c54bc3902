"""The networks and samplers a second time, from the description alone, in another style.

Plain functions of a state dict: loops and einsum where the package has modules. Slow, and short
enough to compare with the description by eye.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch.nn import functional as F  # noqa: N812


def same(x, state, name, k, s=1):
    p = k - s
    a, b = p // 2 + p % 2, p // 2
    x = F.pad(x, (a, b, a, b, a, b), mode="replicate")
    return F.conv3d(x, state[f"{name}.weight"], state[f"{name}.bias"], stride=s)


def same_transposed(x, state, name):
    x = F.pad(x, (1, 1, 1, 1, 1, 1), mode="replicate")
    return F.conv_transpose3d(
        x, state[f"{name}.weight"], state[f"{name}.bias"], stride=2, padding=3
    )


def norm_silu(x, state, name):
    x = F.group_norm(x, 32, state[f"{name}.weight"], state[f"{name}.bias"], 1e-6)
    return x * torch.sigmoid(x)


def res(x, state, name):
    y = same(norm_silu(x, state, f"{name}.norm1"), state, f"{name}.conv1.conv", 3)
    return x + same(norm_silu(y, state, f"{name}.norm2"), state, f"{name}.conv2.conv", 3)


def encode(x, state):
    x = same(x, state, "encoder.conv_first.conv", 3)
    for i in range(2):
        x = same(x, state, f"encoder.conv_blocks.{i}.down.conv", 4, 2)
        x = res(x, state, f"encoder.conv_blocks.{i}.res")
    return same(norm_silu(x, state, "encoder.final_block.0"), state, "pre_vq_conv.conv", 1)


def nearest_codes(latent, codes):
    """Dense: every distance at once. (B, 8, ...) to (B, ...)."""
    flat = np.moveaxis(latent.numpy(), 1, -1).reshape(-1, codes.shape[1]).astype(np.float64)
    e = codes.numpy().astype(np.float64)
    distance = (flat**2).sum(1)[:, None] - 2 * flat @ e.T + (e**2).sum(1)[None]
    return torch.from_numpy(distance.argmin(1)).view(latent.shape[0], *latent.shape[2:])


def decode(latent, state):
    codes = state["codebook.embeddings"]
    x = codes[nearest_codes(latent, codes)].permute(0, 4, 1, 2, 3)
    x = same(x, state, "post_vq_conv.conv", 1)
    x = norm_silu(x, state, "decoder.final_block.0")
    for i in range(2):
        x = same_transposed(x, state, f"decoder.conv_blocks.{i}.up.convt")
        x = res(x, state, f"decoder.conv_blocks.{i}.res1")
        x = res(x, state, f"decoder.conv_blocks.{i}.res2")
    return same(x, state, "decoder.conv_last.conv", 3)


def conv(x, state, name, stride=1, padding=0):
    return F.conv3d(
        x, state[f"{name}.weight"], state.get(f"{name}.bias"), stride=stride, padding=padding
    )


def block(x, state, name, scale=None, shift=None):
    x = conv(x, state, f"{name}.proj", padding=(0, 1, 1))
    x = F.group_norm(x, 8, state[f"{name}.norm.weight"], state[f"{name}.norm.bias"])
    if scale is not None:
        x = x * (scale + 1) + shift
    return x * torch.sigmoid(x)


def resnet(x, state, name, time=None):
    scale = shift = None
    if time is not None:
        both = (time * torch.sigmoid(time)) @ state[f"{name}.mlp.1.weight"].T
        both = (both + state[f"{name}.mlp.1.bias"])[..., None, None, None]
        n = both.shape[1] // 2
        scale, shift = both[:, :n], both[:, n:]
    y = block(block(x, state, f"{name}.block1", scale, shift), state, f"{name}.block2")
    return y + (conv(x, state, f"{name}.res_conv") if f"{name}.res_conv.weight" in state else x)


def layer_norm(x, gamma):
    mean = x.mean(1, keepdim=True)
    return (x - mean) / ((x - mean) ** 2).mean(1, keepdim=True).add(1e-5).sqrt() * gamma


def rotate(x, freqs):
    """(..., T, 32): pair p of token t is a complex number, turned by t times frequency p."""
    turn = torch.polar(torch.ones(1), torch.outer(torch.arange(float(x.shape[-2])), freqs))
    return torch.view_as_real(torch.view_as_complex(x.unflatten(-1, (16, 2))) * turn).flatten(-2)


def bucket(query, key):
    """T5, bidirectional, 32 buckets, distances up to 32."""
    base, distance = (16 if key > query else 0), abs(key - query)
    if distance < 8:
        return base + distance
    return base + min(15, 8 + int(math.log(distance / 8) / math.log(32 / 8) * 8))


def relative_bias(table, t):
    rows = [[bucket(q, k) for k in range(t)] for q in range(t)]
    return torch.stack([table[torch.tensor(rows), h] for h in range(8)])


def attend(tokens, state, name, bias=None, freqs=None):
    """Tokens (N, T, C); head h has rows 32 h to 32 h + 31 of each third."""
    qkv = tokens @ state[f"{name}.to_qkv.weight"].T
    heads = []
    for h in range(8):
        q, k, v = (qkv[..., 256 * i + 32 * h : 256 * i + 32 * h + 32] for i in range(3))
        q = q * 32**-0.5
        if freqs is not None:
            q, k = rotate(q, freqs), rotate(k, freqs)
        scores = torch.einsum("nid,njd->nij", q, k)
        scores = scores if bias is None else scores + bias[h]
        weights = torch.exp(scores - scores.amax(-1, keepdim=True))
        heads.append(torch.einsum("nij,njd->nid", weights / weights.sum(-1, keepdim=True), v))
    return torch.cat(heads, -1) @ state[f"{name}.to_out.weight"].T


def temporal(x, state, name, bias):
    y = layer_norm(x, state[f"{name}.fn.norm.gamma"])
    freqs = state[f"{name}.fn.fn.fn.rotary_emb.freqs"]
    tokens = torch.einsum("bczxy->xybzc", y).flatten(0, 2).contiguous()
    made = attend(tokens, state, f"{name}.fn.fn.fn", bias, freqs)
    made = made.unflatten(0, (x.shape[3], x.shape[4], x.shape[0]))
    return x + torch.einsum("xybzc->bczxy", made)


def spatial(x, state, name):
    y = layer_norm(x, state[f"{name}.fn.norm.gamma"])
    out = torch.empty_like(x)
    for z in range(x.shape[2]):
        tokens = y[:, :, z].flatten(2).mT
        out[:, :, z] = attend(tokens, state, f"{name}.fn.fn.fn").mT.unflatten(2, x.shape[3:])
    return x + out


def linear_spatial(x, state, name):
    y = layer_norm(x, state[f"{name}.fn.norm.gamma"])
    out = torch.empty_like(x)
    for z in range(x.shape[2]):
        flat = y[:, :, z].flatten(2)
        qkv = torch.einsum("oc,bcp->bop", state[f"{name}.fn.fn.to_qkv.weight"][:, :, 0, 0], flat)
        heads = []
        for h in range(8):
            q, k, v = (qkv[:, 256 * i + 32 * h : 256 * i + 32 * h + 32] for i in range(3))
            q, k = torch.softmax(q, 1) * 32**-0.5, torch.softmax(k, 2)
            heads.append(torch.einsum("bdn,ben,bdp->bep", k, v, q))
        weight = state[f"{name}.fn.fn.to_out.weight"][:, :, 0, 0]
        made = torch.einsum("oc,bcp->bop", weight, torch.cat(heads, 1))
        made = made + state[f"{name}.fn.fn.to_out.bias"][:, None]
        out[:, :, z] = made.unflatten(2, x.shape[3:])
    return x + out


def embed_time(t, state):
    angles = [t * math.exp(-math.log(1e4) / 11 * i) for i in range(12)]
    x = torch.tensor([math.sin(a) for a in angles] + [math.cos(a) for a in angles])[None]
    x = x @ state["time_mlp.1.weight"].T + state["time_mlp.1.bias"]
    x = 0.5 * x * (1 + torch.erf(x / math.sqrt(2)))
    return x @ state["time_mlp.3.weight"].T + state["time_mlp.3.bias"]


def run_level(x, state, name, time, bias):
    x = resnet(resnet(x, state, f"{name}.0", time), state, f"{name}.1", time)
    return temporal(linear_spatial(x, state, f"{name}.2"), state, f"{name}.3", bias)


def denoise(x, t, cond, state):
    bias = relative_bias(state["time_rel_pos_bias.relative_attention_bias.weight"], x.shape[2])
    time = embed_time(t, state)
    x = r = conv(torch.cat([x, cond], 1), state, "init_conv", padding=(0, 3, 3))
    x = temporal(x, state, "init_temporal_attn", bias)
    stack = []
    for n in range(4):
        x = run_level(x, state, f"downs.{n}", time, bias)
        stack.append(x)
        if n < 3:
            x = conv(x, state, f"downs.{n}.4", stride=(1, 2, 2), padding=(0, 1, 1))
    x = resnet(x, state, "mid_block1", time)
    x = temporal(spatial(x, state, "mid_spatial_attn"), state, "mid_temporal_attn", bias)
    x = resnet(x, state, "mid_block2", time)
    for n in range(4):
        x = run_level(torch.cat([x, stack.pop()], 1), state, f"ups.{n}", time, bias)
        if n < 3:
            weight, shift = state[f"ups.{n}.4.weight"], state[f"ups.{n}.4.bias"]
            x = F.conv_transpose3d(x, weight, shift, stride=(1, 2, 2), padding=(0, 1, 1))
    x = resnet(torch.cat([x, r], 1), state, "final_conv.0")
    return conv(x, state, "final_conv.1")


def cosine_betas(n):
    """In float64, one step at a time."""
    signal = [math.cos((t / n + 0.008) / 1.008 * math.pi / 2) ** 2 for t in range(n + 1)]
    return np.array([min(1 - signal[t + 1] / signal[t], 0.9999) for t in range(n)])


def ancestral(model, betas, x, noises):
    """DDPM in numpy float64; `noises` in the order in which they are added."""
    kept = np.cumprod(1 - betas)
    noises = iter(noises)
    for t in range(len(betas) - 1, -1, -1):
        before = kept[t - 1] if t else 1.0
        eps = model(x, t)
        x0 = np.clip((x - np.sqrt(1 - kept[t]) * eps) / np.sqrt(kept[t]), -1, 1)
        mean = np.sqrt(before) * betas[t] / (1 - kept[t]) * x0
        mean = mean + np.sqrt(1 - betas[t]) * (1 - before) / (1 - kept[t]) * x
        variance = betas[t] * (1 - before) / (1 - kept[t])
        x = mean + (np.sqrt(variance) * next(noises) if t else 0.0)
    return x


def ddim(model, betas, x, n):
    """DDIM at eta 0 in numpy float64; the last step leads to step 0."""
    kept = np.cumprod(1 - betas)
    steps = list(range(1, len(betas), len(betas) // n))
    for i in range(len(steps) - 1, -1, -1):
        here, there = kept[steps[i]], kept[steps[i - 1]] if i else kept[0]
        eps = model(x, steps[i])
        x0 = (x - np.sqrt(1 - here) * eps) / np.sqrt(here)
        x = np.sqrt(there) * x0 + np.sqrt(1 - there) * eps
    return x
