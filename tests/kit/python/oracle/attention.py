"""Attention of every operator in float64: what the operator documents state, head by head, S1 x S2 matrices at a time.

    x = scores(q . k)            scale, position bias and cap in their order           bias.py
    p = softmax(x, sink)         over the keys that the row sees                       masks.py
    out = (p * keep) @ v         keep: 0 or 1 / keep_prob                              dropout.py

Nothing here is shared with the library that the bundles come from.
"""
from __future__ import annotations

from typing import Any, Callable, Dict, Iterator, Mapping, Tuple

import numpy as np

from . import int8, layouts
from .bias import bias, scores
from .cache import Cache
from .dropout import keep_factors
from .head import FLOAT_MAX, Head, Softmax, softmax, weighted_sum
from .lengths import Entry, entries, query_spans
from .masks import kept, mask_is_read, with_four_axes
from .parameters import Arrays, Parameters

Results = Dict[str, np.ndarray]


class Problem:
    """All heads of a case."""

    def __init__(self, p: Parameters, arrays: Arrays):
        self.p, self.arrays = p, arrays
        self.query = self.split_query("query")
        if "query_rope" in arrays:
            self.query = np.concatenate([self.query, self.split_query("query_rope")], axis=3)
        self.cache = Cache(p, arrays)
        queries = query_spans(p, *self.query.shape[0:3:2])
        caches = self.cache.spans(len(queries))
        self.entries = entries(p, queries, caches, self.cache.shared_prefix, self.cache.paged)
        self.mask = arrays.get("attn_mask")
        if self.mask is not None and mask_is_read(p):
            self.mask = with_four_axes(self.mask, self.query.shape[2])
        self.sink = arrays.get("sink")

    def split_query(self, name: str) -> np.ndarray:
        return layouts.to_heads(self.arrays[name], self.p.input_layout, self.p.head_num)

    def heads(self) -> Iterator[Tuple[Entry, int, Head]]:
        """(entry, n, head) for every query head; n / G is its key head."""
        for entry in self.entries:
            keys, values = self.cache.keys(entry), self.cache.values(entry)
            sees = kept(self.p, self.mask, entry, self.entries)
            pse = bias(self.p, self.arrays.get("pse"), entry, self.entries)
            keep = keep_factors(self.p, self.arrays.get("drop_mask"), entry, self.entries)
            axis, first, rows = entry.query
            for n in range(self.p.head_num):
                q = self.query[axis, n, first:first + rows]
                k = keys[n // self.group]
                yield entry, n, Head(q, k, values[n // self.group], sees[n % len(sees)],
                                     None if keep is None else keep[n], None if pse is None else pse[n % len(pse)],
                                     None if self.sink is None else float(self.sink[n]), q @ k.T)

    @property
    def group(self) -> int:
        """G: that many query heads in a row share a key head."""
        return self.p.head_num // self.cache.heads


def attend(p: Parameters, arrays: Arrays, head: Head) -> Tuple[np.ndarray, Softmax]:
    """(S1, Dv) and the softmax of one head."""
    if "dequant_scale1" in arrays:
        return int8.attend(p, arrays, head)
    soft = softmax(p, scores(p, head.products, head.pse), head.kept, head.sink)
    return weighted_sum(head.dropped(soft.p), soft.kept, head.v), soft


HeadAnswer = Callable[[Parameters, Arrays, Head], Tuple[np.ndarray, Softmax]]


def attention(parameters: Mapping[str, Any], arrays: Arrays) -> Results:
    """out, softmax_max, softmax_sum, lse, and probabilities.B.N if they are asked for and the query is not int8.

    parameters: as parameters.py names them.  arrays: reals, in the names and shapes of a bundle.  softmax_max,
    softmax_sum and lse: (B, N1, S1), or (T, N1) of packed layouts.  With quant_scale2 `out` holds integers, and
    out_before_rounding the reals that became them.
    """
    p = Parameters.of(parameters)
    with np.errstate(all="ignore"):
        return answer(p, arrays, Problem(p, arrays), attend)


def answer(p: Parameters, arrays: Arrays, problem: Problem, head_answer: HeadAnswer) -> Results:
    """What head_answer gives for each head, put together in the layouts of the results."""
    out, statistics = _untouched(p, problem)
    result: Results = {}
    for entry, n, head in problem.heads():
        axis, first, rows = entry.query
        here = (axis, n, slice(first, first + rows))
        out[here], soft = head_answer(p, arrays, head)
        if not (problem.cache.empty and head.sink is None):
            for name, values in zip(statistics, (soft.maximum, soft.total, soft.lse)):
                statistics[name][here] = values
        if p.keep_probabilities and "dequant_scale1" not in arrays:
            result[f"probabilities.{entry.index}.{n}"] = soft.p
    if "quant_scale2" in arrays:
        out = int8.scaled_output(out, arrays)
        result["out_before_rounding"] = layouts.from_heads(out, p.output_layout)
        out = int8.quantised(out)
    result["out"] = layouts.from_heads(out, p.output_layout)
    result.update({name: layouts.statistics_from_heads(rows, p.packed) for name, rows in statistics.items()})
    return result


def _untouched(p: Parameters, problem: Problem) -> Tuple[np.ndarray, Results]:
    """What rows outside of every sequence hold; a key tensor without any row gives statistics of 0."""
    batch, heads, rows = problem.query.shape[:3]
    out = np.zeros((batch, heads, rows, problem.cache.value_width))
    maximum, total = (0.0, 0.0) if problem.cache.empty else (-FLOAT_MAX, FLOAT_MAX)
    of = np.ones((batch, heads, rows))
    return out, {"softmax_max": maximum * of, "softmax_sum": total * of, "lse": np.inf * of}
