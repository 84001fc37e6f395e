"""Layouts: every tensor becomes (batch, heads, rows, width), and the results go back.

B batch, S rows, N heads, D width, H = N*D, T rows of all sequences together (operator documents: input_layout).
"""
from __future__ import annotations

import numpy as np

# The axes of the tensor, in the order in which (batch, heads, rows, width) are taken from it.
_AXES = {"BNSD": (0, 1, 2, 3), "BSND": (0, 2, 1, 3), "NBSD": (1, 0, 2, 3), "SBND": (1, 2, 0, 3), "TND": (1, 0, 2),
         "NTD": (0, 1, 2)}
_WITH_HEADS = {"BSH": "BSND", "SBH": "SBND"}  # H = N*D, head by head


def to_heads(tensor: np.ndarray, layout: str, heads: int) -> np.ndarray:
    """(batch, heads, rows, width) of a tensor; packed layouts are one batch entry."""
    if layout in _WITH_HEADS:
        first, second, hidden = tensor.shape
        tensor = tensor.reshape(first, second, heads, hidden // heads)
        layout = _WITH_HEADS[layout]
    split = tensor.transpose(_AXES[layout])
    return split[np.newaxis] if split.ndim == 3 else split


def from_heads(tensor: np.ndarray, layout: str) -> np.ndarray:
    """The inverse of to_heads."""
    with_heads = _WITH_HEADS.get(layout, layout)
    axes = _AXES[with_heads]
    whole = (tensor[0] if len(axes) == 3 else tensor).transpose(np.argsort(axes))
    if layout in _WITH_HEADS:
        whole = whole.reshape(*whole.shape[:2], whole.shape[2] * whole.shape[3])
    return np.ascontiguousarray(whole)


def statistics_from_heads(rows: np.ndarray, packed: bool) -> np.ndarray:
    """(batch, heads, rows) as softmax_max, softmax_sum and lse are: itself, or (T, N) for packed layouts."""
    return np.ascontiguousarray(rows[0].T) if packed else rows


def heads_of(tensor: np.ndarray, layout: str, width: int) -> int:
    """N by the shape; H layouts need D for it."""
    return tensor.shape[-1] // width if layout in _WITH_HEADS else tensor.shape[_AXES[layout][-3]]
