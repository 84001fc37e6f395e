"""The oracle: the operators of glint with the same arguments, in float64 from the operators' definition.

Every function takes what its namesake in glint takes (`out`, `threads` and `workspace` are not looked at), checks the
same rules, and returns a glint.results.Answer.  keep_probabilities=True also fills Answer.probabilities.  It is
meant to be right, not fast: a case of 1024 x 1024 scores takes about a second for each head.
"""
import functools
from typing import Any, Callable

from . import operators
from ._perform import arguments_of, ask
from .results import Answer


def _of(operator: Callable[..., Any]) -> Callable[..., Answer]:
    @functools.wraps(operator)
    def reference(*args: Any, keep_probabilities: bool = False, **kwargs: Any) -> Answer:
        return ask(operator.__name__, arguments_of(operator, *args, **kwargs), keep_probabilities)

    return reference


flash_attention_score = _of(operators.flash_attention_score)
flash_attention_score_grad = _of(operators.flash_attention_score_grad)
prompt_flash_attention = _of(operators.prompt_flash_attention)
incre_flash_attention = _of(operators.incre_flash_attention)
fused_infer_attention_score = _of(operators.fused_infer_attention_score)
