"""The gradient of training attention in float64 (operator documents: flash_attention_score_grad).

    dV = (P * keep)' dY      dP = (dY V') * keep      dS = P * (dP - rowsum(dY * O))
    dQ = scale dS K          dK = scale dS' Q         dsink = -sum P_sink rowsum(dY * O)

dS is that of x; a cap lies between x and q . k and multiplies it by its slope.
"""
from __future__ import annotations

from typing import Any, Callable, Mapping, NamedTuple

import numpy as np

from . import layouts
from .attention import Problem, Results, attend
from .bias import flat_span, slope_of_bias, slope_of_cap
from .head import Head, weighted_sum
from .lengths import Entry
from .parameters import Arrays, Parameters


class Parts(NamedTuple):
    """What one query head adds: query (S1, D), key (S2, D), value (S2, Dv), pse (S1, S2), sink."""

    query: np.ndarray
    key: np.ndarray
    value: np.ndarray
    pse: np.ndarray
    sink: float


def gradient(parameters: Mapping[str, Any], arrays: Arrays) -> Results:
    """d_query, d_key, d_value, and d_query_rope, d_key_rope, d_pse, d_sink where there is such an input.

    arrays also holds d_out, in the layout and shape of `out`.  Shapes as those of the inputs.  A compressed or
    generated bias has no gradient.
    """
    with np.errstate(all="ignore"):
        return Gradients(Parameters.of(parameters), arrays, head_parts).all()


def head_parts(p: Parameters, arrays: Arrays, head: Head, d_out: np.ndarray) -> Parts:
    """The formulas above.  d_out: (S1, Dv)."""
    out, soft = attend(p, arrays, head)
    d_p = head.dropped(d_out @ head.v.T)
    row_dot = (d_out * out).sum(axis=1)
    d_x = np.where(head.kept, soft.p * (d_p - row_dot[:, np.newaxis]), 0)
    cap = slope_of_cap(p, head.products, head.pse)
    d_product = np.where(head.kept, d_x * cap, 0) * p.scale * p.q_scale
    d_value = weighted_sum(head.dropped(soft.p).T, soft.kept.T, d_out)
    d_pse = np.where(head.kept, d_x * slope_of_bias(p, cap), 0)
    sink = 0.0
    if head.sink is not None:
        p_sink = np.exp(head.sink - soft.maximum) / soft.total
        sink = -float(np.where(head.kept.any(axis=1), p_sink * row_dot, 0).sum())
    return Parts(weighted_sum(d_product, head.kept, head.k), weighted_sum(d_product.T, head.kept.T, head.q), d_value,
                 d_pse, sink)


class Gradients:
    """Sums of parts over heads and entries, in (B, N, S, D)."""

    def __init__(self, p: Parameters, arrays: Arrays, parts: Callable[[Parameters, Arrays, Head, np.ndarray], Parts]):
        self.p, self.arrays, self.parts = p, arrays, parts
        self.problem = Problem(p, arrays)
        self.d_out = layouts.to_heads(arrays["d_out"], p.output_layout, p.head_num)
        self.d_query = np.zeros_like(self.problem.query)
        self.d_key, self.d_value = (np.zeros_like(rows) for rows in self.problem.cache.whole())
        has_pse = "pse" in arrays and p.pse_type in (0, 1) and p.pse_form != "compressed"
        self.d_pse = np.zeros(arrays["pse"].shape) if has_pse else None
        self.d_sink = np.zeros(arrays["sink"].shape) if "sink" in arrays else None

    def all(self) -> Results:
        for entry, n, head in self.problem.heads():
            self._add(entry, n, head)
        result = {**self._split("d_query", self.d_query, "query"), **self._split("d_key", self.d_key, "key")}
        result["d_value"] = layouts.from_heads(self.d_value, self.p.input_layout)
        optional = {"d_pse": self.d_pse, "d_sink": self.d_sink}
        return {**result, **{name: value for name, value in optional.items() if value is not None}}

    def _split(self, name: str, rows: np.ndarray, of: str) -> Results:
        """The gradient of the input, and of its rope, which are the last of the columns."""
        if f"{of}_rope" not in self.arrays:
            return {name: layouts.from_heads(rows, self.p.input_layout)}
        heads = self.p.head_num if of == "query" else self.problem.cache.heads
        width = layouts.to_heads(self.arrays[of], self.p.input_layout, heads).shape[3]
        return {name: layouts.from_heads(rows[..., :width], self.p.input_layout),
                f"{name}_rope": layouts.from_heads(rows[..., width:], self.p.input_layout)}

    def _add(self, entry: Entry, n: int, head: Head) -> None:
        axis, first, rows = entry.query
        parts = self.parts(self.p, self.arrays, head, self.d_out[axis, n, first:first + rows])
        key_axis, key_first, keys = entry.cache
        at = (key_axis, n // self.problem.group, slice(key_first, key_first + keys))
        self.d_query[axis, n, first:first + rows] = parts.query
        self.d_key[at] += parts.key
        self.d_value[at] += parts.value
        if self.d_pse is not None:
            self._add_pse(entry, n, parts.pse)
        if self.d_sink is not None:
            self.d_sink[n] += parts.sink

    def _add_pse(self, entry: Entry, n: int, d_pse: np.ndarray) -> None:
        """Summed over the axes along which pse repeats."""
        if self.p.pse_form != "dense":
            rows = self.p.pse_form == "flat_score"
            block = self.d_pse[flat_span(self.p.head_num, entry, self.problem.entries, rows)]
            plane = block.reshape(self.p.head_num, entry.rows if rows else 1, entry.keys)[n]
        else:
            whole = self.d_pse.reshape((1,) * (4 - self.d_pse.ndim) + self.d_pse.shape)
            plane = whole[entry.index % whole.shape[0], n % whole.shape[1]]
            rows = len(plane) > 1
        if rows:
            plane[:entry.rows, :entry.keys] += d_pse
        else:
            plane[:, :entry.keys] += d_pse.sum(axis=0)
