"""int8 in and out (operator documents: deq_scale1, quant_scale1, deq_scale2, quant_scale2, quant_offset2).

Scores and outputs pass through half precision and P through int8, with a running maximum over blocks of keys, because
P is quantised relative to the maximum so far.  What the documents compute in float32 is float64 here: only roundings
to half and to int8 belong to the definition.
"""
from __future__ import annotations

from typing import Tuple

import numpy as np

from .head import Head, Softmax, softmax
from .parameters import Arrays, Parameters

HALF_MAX = 65504.0
SCALE_BITS = np.uint32(0xFFFFE000)  # of both dequant scales: 19 bits of the float


def half(values: np.ndarray) -> np.ndarray:
    """Rounded to half precision, saturating."""
    return np.clip(values, -HALF_MAX, HALF_MAX).astype(np.float16).astype(np.float64)


def quantised(values: np.ndarray) -> np.ndarray:
    """Rounded to the nearest integer, to even at ties, and saturated to int8."""
    return np.clip(np.rint(values), -128, 127)


def _dequantised(integers: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """half(float32(integers) * scale), where the scale has 19 bits."""
    short = (scale.reshape(-1).astype(np.float32).view(np.uint32) & SCALE_BITS).view(np.float32)[0]
    return half((integers.astype(np.float32) * short).astype(np.float64))


def int8_scores(p: Parameters, arrays: Arrays, head: Head) -> np.ndarray:
    """x = half(half(s * scale1) * half(scale)) [+ half(pse)]."""
    x = half(_dequantised(head.products, arrays["dequant_scale1"]) * half(np.float64(p.scale)))
    return x if head.pse is None else half(x + half(head.pse))


def attend(p: Parameters, arrays: Arrays, head: Head) -> Tuple[np.ndarray, Softmax]:
    """(S1, Dv) and the softmax of one head, whose p is not quantised."""
    x = int8_scores(p, arrays, head)
    soft = softmax(p, x, head.kept, head.sink)
    out = _blockwise(p, arrays, head, np.where(head.kept, x, -np.inf))
    total = np.where(head.kept.any(axis=1), half(soft.total), 1)
    return half(out / total[:, np.newaxis]), soft


def _blockwise(p: Parameters, arrays: Arrays, head: Head, x: np.ndarray) -> np.ndarray:
    """sum_j P_j v_j relative to the last running maximum."""
    of_p = half(arrays["quant_scale1"].flat[0])
    running = np.full(len(x), -np.inf if head.sink is None else head.sink)
    out = np.zeros((len(x), head.v.shape[1]))
    for first in range(0, x.shape[1], p.key_block):
        block = slice(first, first + p.key_block)
        now = np.maximum(running, x[:, block].max(axis=1, initial=-np.inf))
        weights = _exp_to(x[:, block], now)
        integers = quantised(half(half(weights) * of_p))
        products = _dequantised(integers @ head.v[block], arrays["dequant_scale2"])
        out = out * _exp_to(running[:, np.newaxis], now) + products
        running = now
    return out


def _exp_to(x: np.ndarray, maximum: np.ndarray) -> np.ndarray:
    """exp(x - maximum), 0 for what is not kept, also before anything was kept."""
    return np.where(np.isneginf(x), 0, np.exp(x - maximum[:, np.newaxis]))


def scaled_output(out: np.ndarray, arrays: Arrays) -> np.ndarray:
    """out * scale2 + offset2 of (B, N1, S1, Dv), not yet rounded: one factor, or one for each n and d."""
    scale, offset = arrays["quant_scale2"], arrays.get("quant_offset2", np.zeros(1))
    per_channel = (1, out.shape[1], 1, out.shape[3])
    return (out * scale.reshape(per_channel if scale.size > 1 else 1)
            + offset.reshape(per_channel if offset.size > 1 else 1))
