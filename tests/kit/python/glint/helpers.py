"""What belongs beside attention: merging results over parts of the keys, and rotary positions."""
from typing import Any, Optional, Sequence, Tuple, Union

import numpy as np

from . import arrays
from ._call import Call
from .arrays import Tensor
from .results import InferenceResult

Positions = Optional[Union[int, Sequence[int], np.ndarray]]


def merge_state(parts: Sequence[Tuple[Tensor, Tensor]], *, num_heads: int, input_layout: str = "BSH",
                copy: bool = False) -> InferenceResult:
    """Results over parts of the keys become the result over all of them.

    parts: (attention_out, softmax_lse) as the operators of inference return them, at least one; a part that saw
        nothing, lse +-inf, changes no bit.  input_layout: BSH, SBH, BNSD or BSND, of attention_out.
    """
    if not parts:
        raise ValueError("parts: wants at least one")
    outs = [arrays.adopt("parts", out) for out, _ in parts]
    lses = [arrays.adopt("parts", lse) for _, lse in parts]
    result = InferenceResult(arrays.empty(outs[0].shape, outs[0]), np.empty(lses[0].shape, np.float32))
    call = Call("merge_state", copy)
    call.set({"outs": outs, "lses": lses, "num_heads": num_heads, "input_layout": input_layout})
    call.write("attention_out", result.attention_out)
    call.write("softmax_lse", result.softmax_lse)
    call.help()
    return result


def rotary(x: Tensor, *, num_heads: int, input_layout: str = "BSH", first_positions: Positions = None,
           positions: Optional[Tensor] = None, style: str = "half_split", rotary_dim: int = 0, theta: float = 10000.0,
           cos_table: Optional[Tensor] = None, sin_table: Optional[Tensor] = None, out: Optional[Tensor] = None,
           copy: bool = False) -> Any:
    """x with pairs of numbers of each row turned by position * theta^(-2i / rotary_dim).  Returns out.

    x: float16, bfloat16 or float32 in BSH, SBH, BNSD or BSND.  first_positions: the position of row 0, one number for
        all entries or one for each; or positions: of each row, (B, S).  style: "half_split", pairs
        (i, i + rotary_dim / 2), or "interleaved", pairs (2i, 2i + 1).  rotary_dim: even; 0: the head size.
    cos_table, sin_table: instead of theta, float32 (positions, rotary_dim / 2).  out: x itself for in place.
    """
    if style not in ("half_split", "interleaved"):
        raise ValueError(f"style: {style!r} is none of half_split, interleaved")
    x = arrays.adopt("x", x)
    out = arrays.empty(x.shape, x) if out is None else out
    each = None if positions is None else np.ascontiguousarray(positions, dtype=np.int64).ravel()
    first = [first_positions] if isinstance(first_positions, (int, np.integer)) else first_positions
    call = Call("rotary", copy)
    call.set({"x": x, "num_heads": num_heads, "input_layout": input_layout, "first_positions": first,
              "positions": each, "rotary_dim": rotary_dim, "theta": theta, "cos_table": cos_table,
              "sin_table": sin_table, "interleaved": style == "interleaved"})
    call.write("out", out)
    call.help()
    return out
