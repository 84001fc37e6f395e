"""How far two answers may be apart when both are right: float64 rounding, in terms of the numbers that were summed.

For a row let A = max_j |scale q_scale| sum_d |q_d k_jd| + |pse_j| over its kept keys, at least |sink|: roundings of x
are relative to A, and those of p are as large.  So every p carries the factor f = 1 + A / 512, and what is made of p is
judged by the same sums over absolute values.  The limit is 1e-12 times

    out           f sum_j p'_j |v_j|         softmax_max   max(1, A)
    softmax_sum   f softmax_sum              lse           f max(1, |lse|)         probabilities  f p
    gradients     the sums of gradient.py with f P (|dY| |V'| keep + |dY| sum_j p'_j |v_j|) for dS, f P, |K|, |Q|, |dY|

int8 results are integers or halves: equal, unless the number that was rounded lies next to a tie.
"""
from __future__ import annotations

from typing import Any, List, Mapping, NamedTuple, Tuple

import numpy as np

from .attention import Problem, Results, answer, attend, attention
from .gradient import Gradients, Parts, gradient
from .head import Head, Softmax, weighted_sum
from .parameters import Arrays, Parameters

RELATIVE = 1e-12
UNDERFLOW = 1e-300  # added to every limit: numbers near the smallest have few digits
TIE = 1e-9  # an integer may be the neighbour where the number that was rounded is this close to the middle


class Difference(NamedTuple):
    """Of one output.  excess: the largest error over its limit; more than 1 is a disagreement, as is any NaN against a
    number (infinite)."""

    name: str
    excess: float
    place: Tuple[int, ...]
    got: float
    want: float


def compute(parameters: Mapping[str, Any], arrays: Arrays) -> Results:
    """The answer, with gradients where there is d_out."""
    backward = gradient(parameters, arrays) if "d_out" in arrays else {}
    return {**attention(parameters, arrays), **backward}


def differences(parameters: Mapping[str, Any], arrays: Arrays) -> List[Difference]:
    """Of everything that the oracle computes and the bundle also holds, which are the names both have in common.

    An output that only one of both has is reported with an infinite excess.
    """
    got, limits = compute(parameters, arrays), magnitudes(parameters, arrays)
    if "out_before_rounding" in got:
        limits["out"] = _limit_of_integers(got.pop("out_before_rounding"))
    absent = [name for name, array in arrays.items() if _is_output(name) and array.size > 0 and name not in got]
    missing = [Difference(name, np.inf, (), np.nan, np.nan) for name in absent]
    return missing + [_difference(name, value, arrays, limits) for name, value in got.items()]


def _is_output(name: str) -> bool:
    starts = ("softmax_", "probabilities.", "d_query", "d_key", "d_value", "d_pse", "d_sink")
    return (name in ("out", "lse") or name.startswith(starts)) and not name.endswith(".tolerance")


def _difference(name: str, got: np.ndarray, arrays: Arrays, limits: Results) -> Difference:
    want = arrays.get(name)
    if want is None or want.shape != got.shape:
        return Difference(name, np.inf, () if want is None else want.shape, np.nan, np.nan)
    if got.size == 0:
        return Difference(name, 0.0, (), 0.0, 0.0)
    with np.errstate(all="ignore"):
        excess = np.abs(got - want) / (RELATIVE * limits[name] + UNDERFLOW)
    same = (got == want) | (np.isnan(got) & np.isnan(want))
    excess = np.where(same, 0, np.where(np.isnan(excess), np.inf, excess))
    place = np.unravel_index(np.argmax(excess), excess.shape)
    return Difference(name, float(excess[place]), tuple(int(at) for at in place), float(got[place]), float(want[place]))


def magnitudes(parameters: Mapping[str, Any], arrays: Arrays) -> Results:
    """For each output the numbers whose 1e-12 is the limit, in its shape."""
    p = Parameters.of(parameters)
    with np.errstate(all="ignore"):
        result = answer(p, arrays, Problem(p, arrays), _magnitudes_of_head)
        if "d_out" in arrays:
            result.update(Gradients(p, arrays, _magnitudes_of_parts).all())
    return result


def _limit_of_integers(reals: np.ndarray) -> np.ndarray:
    """1 / RELATIVE where the neighbouring integer is as right, else 0."""
    return np.where(np.abs(reals - np.floor(reals) - 0.5) < TIE, 1 / RELATIVE, 0)


def _row_weight(p: Parameters, head: Head) -> np.ndarray:
    """A of each row."""
    a = np.abs(p.scale * p.q_scale) * (np.abs(head.q) @ np.abs(head.k).T)
    if head.pse is not None:
        a = a + np.abs(head.pse) * (max(1, abs(p.scale)) if p.pse_type == 1 else 1)
    return np.where(head.kept, a, 0).max(axis=1, initial=0 if head.sink is None else abs(head.sink))


def _magnitudes_of_head(p: Parameters, arrays: Arrays, head: Head) -> Tuple[np.ndarray, Softmax]:
    _, soft = attend(p, arrays, head)
    a = _row_weight(p, head)
    f = 1 + a / 512
    out = weighted_sum(f[:, np.newaxis] * head.dropped(soft.p), soft.kept, np.abs(head.v))
    lse = np.maximum(1, np.abs(soft.lse))
    return out, Softmax(f[:, np.newaxis] * soft.p, soft.kept, np.maximum(1, a), f * soft.total, f * lse)


def _magnitudes_of_parts(p: Parameters, arrays: Arrays, head: Head, d_out: np.ndarray) -> Parts:
    _, soft = attend(p, arrays, head)
    f = (1 + _row_weight(p, head) / 512)[:, np.newaxis]
    d_out, v = np.abs(d_out), np.abs(head.v)
    d_p, row = head.dropped(d_out @ v.T), (d_out * weighted_sum(head.dropped(soft.p), soft.kept, v)).sum(axis=1)
    d_x = np.where(head.kept, f * soft.p * (d_p + row[:, np.newaxis]), 0)
    scale = np.abs(p.scale * p.q_scale)
    p_sink = 0 if head.sink is None else np.exp(head.sink - soft.maximum) / soft.total
    sink = np.where(head.kept.any(axis=1), f[:, 0] * p_sink * row, 0).sum()
    return Parts(weighted_sum(scale * d_x, head.kept, np.abs(head.k)),
                 weighted_sum(scale * d_x.T, head.kept.T, np.abs(head.q)),
                 weighted_sum((f * head.dropped(soft.p)).T, soft.kept.T, d_out),
                 d_x * (np.abs(p.scale) if p.pse_type == 1 else 1), float(sink))
