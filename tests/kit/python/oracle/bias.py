"""Scores: scale, position bias and cap in their order (operator documents: pse, pse_type, real_shift, pse_shift)."""
from __future__ import annotations

from typing import List, Optional

import numpy as np

from .lengths import Entry
from .parameters import Parameters

COMPRESSED_ROWS = 1024


def bias(p: Parameters, pse: Optional[np.ndarray], entry: Entry, every: List[Entry]) -> Optional[np.ndarray]:
    """(1 or N1, 1 or S1, S2), to be added where the order says."""
    if pse is None:
        return None
    if p.training and p.pse_type in (2, 3):
        return _from_slopes(p, pse, entry)
    if p.pse_form == "compressed":
        return _from_last_rows(pse, entry)
    if p.pse_form == "flat_score":
        return _flat(pse, p.head_num, entry, every, rows=True)
    if p.pse_form == "flat_column":
        return _flat(pse, p.head_num, entry, every, rows=False)
    return _plane(pse, entry)


def _plane(pse: np.ndarray, entry: Entry) -> np.ndarray:
    """Of (B|1, N1|1, S1|1, S2); missing leading axes count as 1."""
    whole = pse.reshape((1,) * (4 - pse.ndim) + pse.shape)
    plane = whole[entry.index if whole.shape[0] > 1 else 0]
    rows = slice(entry.mask_row, entry.mask_row + entry.rows) if plane.shape[1] > 1 else slice(None)
    return plane[:, rows][:, :, entry.columns]


def _from_slopes(p: Parameters, slopes: np.ndarray, entry: Entry) -> np.ndarray:
    """-slope * distance, or of its square root.  slopes: (N1) or (B, N1); no kv start counts without a q start."""
    q_start = p.q_start_idx[0] if p.q_start_idx else 0
    kv_start = p.kv_start_idx[0] if p.q_start_idx and p.kv_start_idx else 0
    i, j = np.arange(entry.rows)[:, np.newaxis], np.arange(entry.keys)[np.newaxis]
    distance = np.abs((j + kv_start) - (i + q_start)).astype(np.float64)
    if p.pse_type == 3:
        distance = np.sqrt(distance)
    of_entry = slopes if slopes.ndim == 1 else slopes[entry.index if len(slopes) > 1 else 0]
    return -of_entry[:, np.newaxis, np.newaxis] * distance


def _from_last_rows(pse: np.ndarray, entry: Entry) -> np.ndarray:
    """(B|1, N1|1, 1024, S): the last rows of a matrix that depends on i - j alone.

    Row m and column k of them stand for i - j = S - 1024 + m - k.  Above the diagonal nothing is read: 0.
    """
    planes = pse[entry.index if pse.shape[0] > 1 else 0]
    i, j = np.arange(entry.rows)[:, np.newaxis], np.arange(entry.keys)[np.newaxis]
    beyond = i - j - (pse.shape[-1] - COMPRESSED_ROWS)
    seen = j <= i
    m, k = np.where(seen, np.maximum(beyond, 0), 0), np.where(seen, np.maximum(-beyond, 0), 0)
    return np.where(seen, planes[:, m, k], 0)


def flat_span(heads: int, entry: Entry, every: List[Entry], rows: bool) -> slice:
    """Where the block [N1][S1_b][S2_b], or [N1][S2_b], of an entry lies in a flat tensor."""
    sizes = [heads * (e.rows if rows else 1) * e.keys for e in every]
    first = sum(sizes[:entry.index])
    return slice(first, first + sizes[entry.index])


def _flat(pse: np.ndarray, heads: int, entry: Entry, every: List[Entry], rows: bool) -> np.ndarray:
    block = pse[flat_span(heads, entry, every, rows)]
    return block.reshape(heads, entry.rows if rows else 1, entry.keys)


# The order of scale, bias and cap, and what a change of r = q.k makes of x.


def _adds_before_scale(p: Parameters) -> bool:
    """Type 1 of training.  Inference always multiplies first."""
    return p.training and p.pse_type == 1


def scores(p: Parameters, r: np.ndarray, pse: Optional[np.ndarray]) -> np.ndarray:
    """x of r = q.k: (q_scale*r + pse)*scale for type 1 of training, otherwise q_scale*r*scale + pse."""
    r = p.q_scale * r
    if pse is None:
        return _cap(p, r * p.scale)
    if _adds_before_scale(p):
        return _cap(p, (r + pse) * p.scale)
    if p.softcap_order == "after_bias":
        return _cap(p, r * p.scale + pse)
    return _cap(p, r * p.scale) + pse


def _cap(p: Parameters, x: np.ndarray) -> np.ndarray:
    return p.softcap * np.tanh(x / p.softcap) if p.softcap else x


def slope_of_cap(p: Parameters, r: np.ndarray, pse: Optional[np.ndarray]) -> np.ndarray:
    """The derivative of the cap where scores() applies it."""
    if not p.softcap:
        return np.ones_like(r)
    inside = p.q_scale * r * p.scale
    if pse is not None and _adds_before_scale(p):
        inside = (p.q_scale * r + pse) * p.scale
    elif pse is not None and p.softcap_order == "after_bias":
        inside = inside + pse
    with np.errstate(over="ignore"):  # an infinite cosh is a slope of 0
        return np.cosh(inside / p.softcap)**-2.0  # 1 - tanh^2 without its cancellation


def slope_of_bias(p: Parameters, cap: np.ndarray) -> np.ndarray:
    """dx / dpse, given slope_of_cap()."""
    if _adds_before_scale(p):
        return p.scale * cap
    return cap if p.softcap_order == "after_bias" else np.ones_like(cap)
