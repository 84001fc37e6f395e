"""Which keys a query row sees (operator documents: sparse_mode, pre_tokens, next_tokens, prefix, atten_mask).

In a mask 1 drops and 0 keeps.  A row i of S1 and a key j of S2 are counted within their sequence; delta = S2 - S1 moves
the diagonal into the lower right corner.
"""
from __future__ import annotations

from typing import List, Optional

import numpy as np

from .lengths import Entry, tokens_switched_off
from .parameters import Parameters


def kept(p: Parameters, mask: Optional[np.ndarray], entry: Entry, every: List[Entry]) -> np.ndarray:
    """Boolean (1 or N1, S1, S2): true where the row sees the key."""
    i, j = np.arange(entry.rows)[:, np.newaxis], np.arange(entry.keys)[np.newaxis]
    by_mode = np.broadcast_to(_by_mode(p, mask, entry, every, i, j), (entry.rows, entry.keys))[np.newaxis]
    if mask is None or not mask_is_read(p):
        return by_mode
    return by_mode & (_plane(mask, entry) == 0)


def mask_is_read(p: Parameters) -> bool:
    """The triangles of the compressed modes are known; mode 9 has a tree in place of a mask."""
    return p.sparse_mode in (0, 1, 5) or (p.op == "incre" and p.sparse_mode != 9)


def _by_mode(p: Parameters, mask: Optional[np.ndarray], entry: Entry, every: List[Entry], i: np.ndarray,
             j: np.ndarray) -> np.ndarray:
    """What the mode keeps, without the contents of a dense mask."""
    delta = entry.keys - entry.rows
    everything = np.ones((1, 1), bool)
    if p.sparse_mode == 9:
        return _tree(mask, entry, every)
    if p.op == "incre" or (mask is None and not p.implied_mask):
        return everything
    if p.sparse_mode == 0 and not tokens_switched_off(p):
        return _band(p, i, j, 0)
    if p.sparse_mode == 2:
        return j <= i
    if p.sparse_mode == 3:
        return j <= i + delta
    if p.sparse_mode == 4:
        return _band(p, i, j, delta)
    if p.sparse_mode == 6 or (p.sparse_mode == 5 and _prefix_is_valid(p, every)):
        return (j <= i + delta) | (j < p.prefix[entry.index])
    if p.sparse_mode == 7:
        return _band(p, i, j, delta) if entry.index == _with_queries(every)[-1] else j <= i + delta
    if p.sparse_mode == 8:
        return _band(p, i, j, delta) if entry.index == _with_queries(every)[0] else j <= i
    return everything


def _band(p: Parameters, i: np.ndarray, j: np.ndarray, shift: int) -> np.ndarray:
    corner = i + shift
    return (corner - j <= p.pre_tokens) & (j - corner <= p.next_tokens)


def _with_queries(every: List[Entry]) -> List[int]:
    return [entry.index for entry in every if entry.rows > 0] or [-1]


def _prefix_is_valid(p: Parameters, every: List[Entry]) -> bool:
    """As a whole: one for each entry, none below the keys that the triangle keeps anyway, none above S2."""
    if len(p.prefix) != len(every):
        return False
    return all(max(0, e.keys - e.rows) <= n <= e.keys for n, e in zip(p.prefix, every))


def _tree(mask: np.ndarray, entry: Entry, every: List[Entry]) -> np.ndarray:
    """Mode 9: all keys before the last S1, and of those what the tree keeps: (B or 1, S1, S1), or flat, b by b."""
    rows = entry.rows
    if mask.ndim == 1:
        first = sum(e.rows**2 for e in every[:entry.index])
        tree = mask[first:first + rows**2].reshape(rows, rows)
    else:
        planes = mask.reshape(mask.shape[-3:])
        tree = planes[entry.index if len(planes) > 1 else 0][:rows, :rows]
    return np.concatenate([np.ones((rows, entry.keys - rows), bool), tree == 0], axis=1)


def _plane(mask: np.ndarray, entry: Entry) -> np.ndarray:
    """The part (1 or N1, 1 or S1, S2) of a mask of four axes that belongs to the entry."""
    plane = mask[entry.index if mask.shape[0] > 1 else 0]
    rows = slice(entry.mask_row, entry.mask_row + entry.rows) if plane.shape[1] > 1 else slice(None)
    return plane[:, rows][:, :, entry.columns]


def with_four_axes(mask: np.ndarray, query_rows: int) -> np.ndarray:
    """(B|1, N1|1, S1|1, S2) of a mask (S1,S2), (B|1,S1,S2) or (B|1,N1|1,S1,S2); of one query row also of (B,S2)."""
    if mask.ndim == 4:
        return mask
    if mask.ndim == 3:
        return mask[:, np.newaxis]
    return mask[:, np.newaxis, np.newaxis] if query_rows == 1 else mask[np.newaxis, np.newaxis]
