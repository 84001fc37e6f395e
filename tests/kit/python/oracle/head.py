"""One query head: what the formulas name, its softmax, and sums over the keys that a row sees.

Operator documents: softmax_max, softmax_sum, learnable_sink, and what becomes of fully masked rows (inner_precise).
"""
from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

import numpy as np

from .parameters import Parameters

FLOAT_MAX = float(np.finfo(np.float32).max)


@dataclass
class Head:
    """One query head of one batch entry.  Shapes: q (S1, D), k (S2, D), v (S2, Dv), matrices (S1, S2)."""

    q: np.ndarray
    k: np.ndarray
    v: np.ndarray
    kept: np.ndarray
    keep: Optional[np.ndarray]  # factors of dropout
    pse: Optional[np.ndarray]  # broadcasts to (S1, S2)
    sink: Optional[float]
    products: np.ndarray  # q . k

    def dropped(self, matrix: np.ndarray) -> np.ndarray:
        return matrix if self.keep is None else matrix * self.keep


@dataclass
class Softmax:
    """Of one head: p before dropout, and a maximum, a sum and the log-sum-exp for each row."""

    p: np.ndarray
    kept: np.ndarray  # where p counts: all of a row that sees nothing and is answered uniformly
    maximum: np.ndarray
    total: np.ndarray
    lse: np.ndarray


def softmax(p: Parameters, x: np.ndarray, kept_keys: np.ndarray, sink: Optional[float]) -> Softmax:
    """Over the kept keys; a sink takes part in maximum and sum, neither scaled nor masked."""
    seen = np.where(kept_keys, x, -np.inf)
    maximum = seen.max(axis=1, initial=-np.inf if sink is None else sink)
    weights = np.where(kept_keys, np.exp(seen - maximum[:, np.newaxis]), 0)
    total = weights.sum(axis=1) + (0 if sink is None else np.exp(sink - maximum))
    result = Softmax(weights / total[:, np.newaxis], kept_keys, maximum, total, np.log(total) + maximum)
    return result if sink is not None else _with_invalid_rows(p, result)


def _with_invalid_rows(p: Parameters, result: Softmax) -> Softmax:
    """Rows that see nothing: no weights, -FLT_MAX and +FLT_MAX; or as if every key had the same score."""
    blind = ~result.kept.any(axis=1)
    uniform = p.invalid_row == "uniform" and result.kept.shape[1] > 0
    keys = result.kept.shape[1]
    result.p[blind] = 1 / keys if uniform else 0
    result.kept = result.kept | blind[:, np.newaxis] if uniform else result.kept
    result.maximum[blind] = -FLOAT_MAX
    result.total[blind] = keys if uniform else FLOAT_MAX
    result.lse[blind] = np.log(keys) - FLOAT_MAX if uniform else np.inf
    return result


def weighted_sum(weights: np.ndarray, kept_keys: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """weights @ rows, where what is not kept contributes nothing: not even the NaN that 0 * NaN is."""
    finite = np.isfinite(rows).all(axis=1)
    result = np.where(kept_keys, weights, 0)[:, finite] @ rows[finite]
    for j in np.flatnonzero(~finite):
        result[kept_keys[:, j]] += weights[kept_keys[:, j], j, np.newaxis] * rows[j]
    return result
