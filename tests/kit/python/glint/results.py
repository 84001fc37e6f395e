"""What operators return."""
from dataclasses import dataclass
from typing import Any, Iterator, Optional

import numpy as np


@dataclass
class ScoreResult:
    """flash_attention_score: unpacks to attention_out, softmax_max, softmax_sum.

    attention_out: like query, with value's head size.  softmax_max, softmax_sum: float32 (B, N, S1, 8), TND (T, N, 8),
    each number eight times.  seed, offset, numels: the state of dropout; numels is 0 when keep_prob is 1.
    """
    attention_out: Any
    softmax_max: np.ndarray
    softmax_sum: np.ndarray
    seed: int = 0
    offset: int = 0
    numels: int = 0

    def __iter__(self) -> Iterator[Any]:
        return iter((self.attention_out, self.softmax_max, self.softmax_sum))


@dataclass
class GradResult:
    """flash_attention_score_grad: unpacks to dq, dk, dv, like query, key and value; dpse, dsink: None if not wanted."""
    dq: Any
    dk: Any
    dv: Any
    dpse: Any = None
    dsink: Optional[np.ndarray] = None

    def __iter__(self) -> Iterator[Any]:
        return iter((self.dq, self.dk, self.dv))


@dataclass
class InferenceResult:
    """Operators of inference: unpacks to attention_out, softmax_lse.

    attention_out: of query's type (float16 under an int8 query; int8 with quant_scale2).  softmax_lse: float32
    (B, N, S1, 1), TND (T, N, 1), +inf for rows that see nothing; None if not wanted.
    """
    attention_out: Any
    softmax_lse: Optional[np.ndarray] = None

    def __iter__(self) -> Iterator[Any]:
        return iter((self.attention_out, self.softmax_lse))


@dataclass
class Answer:
    """The oracle's answer: float64 arrays, None where the operator has no such output.

    Outputs have the shapes of the operator's.  softmax_lse: of training (B, N, S1) or (T, N).  probabilities: before
    dropout, (B, N, longest S1, longest S2).  weighted_abs_v: sum of p * |v|, like attention_out; score_abs: the largest
    score of a row with every product taken absolutely, (B, N, S1) or (T, N): what rounding errors are proportional to.
    """
    attention_out: np.ndarray
    softmax_max: np.ndarray
    softmax_sum: np.ndarray
    softmax_lse: np.ndarray
    dq: Optional[np.ndarray] = None
    dk: Optional[np.ndarray] = None
    dv: Optional[np.ndarray] = None
    dpse: Optional[np.ndarray] = None
    dsink: Optional[np.ndarray] = None
    probabilities: Optional[np.ndarray] = None
    weighted_abs_v: Optional[np.ndarray] = None
    score_abs: Optional[np.ndarray] = None
