"""Attention operators for the CPU: glint's kernels, its float64 oracle and its reference kit.

    import glint
    out, softmax_max, softmax_sum = glint.flash_attention_score(q, k, v, head_num=8, input_layout="BSND",
                                                                scale_value=0.125)
    want = glint.reference.flash_attention_score(q, k, v, head_num=8, input_layout="BSND", scale_value=0.125)

Operators: flash_attention_score, flash_attention_score_grad, prompt_flash_attention, incre_flash_attention,
fused_infer_attention_score (glint.operators says what they all take); beside them merge_state and rotary.
glint.reference has the operators as an oracle, glint.ref golden bundles and the checker.  Needs numpy and libglint, which the
environment's GLINT_LIBRARY names where it is not found.
"""
from typing import Any, Callable

from . import ref, reference
from ._library import isa, library_path, version
from ._perform import arguments_of, prepare
from .arrays import Tensor, bfloat16, int4
from .errors import CannotRun, IllegalArgument
from .helpers import merge_state, rotary
from .operators import (flash_attention_score, flash_attention_score_grad, fused_infer_attention_score,
                        incre_flash_attention, prompt_flash_attention)
from .results import Answer, GradResult, InferenceResult, ScoreResult

__all__ = ["Answer", "CannotRun", "GradResult", "IllegalArgument", "InferenceResult", "ScoreResult", "Tensor",
           "bfloat16", "check", "flash_attention_score", "flash_attention_score_grad", "fused_infer_attention_score",
           "incre_flash_attention", "int4", "isa", "library_path", "merge_state", "prompt_flash_attention", "ref",
           "reference", "rotary", "version", "workspace_bytes"]


def check(operator: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
    """Only the rules: check(glint.prompt_flash_attention, q, k, v, num_heads=8) raises what the call would raise."""
    prepare(operator.__name__, arguments_of(operator, *args, **kwargs))[0].check()


def workspace_bytes(operator: Callable[..., Any], *args: Any, **kwargs: Any) -> int:
    """Bytes of scratch that such a call wants, with its `threads`; raises what the call would raise."""
    given = arguments_of(operator, *args, **kwargs)
    return prepare(operator.__name__, given)[0].workspace_bytes(given["threads"])
