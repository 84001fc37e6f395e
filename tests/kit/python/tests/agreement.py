"""A call of an operator beside the same call of the oracle, and a memory of which parameters were ever given."""
from typing import Any, Callable, Dict, Set

import numpy as np

import glint

SEEN: Dict[str, Set[str]] = {}
# What has no meaning without a parameter.
_WITH = {"real_shift": ("dpse", "pse_type"), "sink": ("dsink",), "drop_mask": ("keep_prob",)}
# Half an ulp of the output's type and float32's way there; the sharp bound is the checker's, per element.
_RELATIVE = {"float32": 2e-5, "float16": 2e-3, "bfloat16": 2e-2}


def type_name(tensor: Any) -> str:
    """float32, bfloat16, ..."""
    return type(tensor).__name__ if not isinstance(tensor, np.ndarray) else tensor.dtype.name


def assert_close(got: Any, want: np.ndarray, what: str) -> None:
    """Within a few roundings of the type of `got`, relative to the largest number of `want`."""
    kind = type_name(got)
    numbers = np.asarray(got, dtype=np.float64)
    assert numbers.shape == want.shape, what
    if kind == "int8":
        assert np.abs(numbers - want).max(initial=0) <= 1, what
        return
    infinite = np.isinf(want)
    assert np.array_equal(numbers[infinite], want[infinite]), what
    finite = np.abs(want[~infinite])
    allowed = _RELATIVE[kind] * max(1e-3, finite.max(initial=0))
    assert np.abs(numbers[~infinite] - want[~infinite]).max(initial=0) <= allowed, what


def agree(operator: Callable[..., Any], *tensors: Any, matters: str = "", **parameters: Any) -> Any:
    """Runs both and compares every output.  `matters`: a parameter without which the result must be another."""
    SEEN.setdefault(operator.__name__, set()).update(parameters)
    got = operator(*tensors, **parameters)
    ours = ("out", "threads", "workspace")
    asked = {name: value for name, value in parameters.items() if name not in ours}
    want = getattr(glint.reference, operator.__name__)(*tensors, **asked)
    for name, tensor in vars(got).items():
        if tensor is not None and not isinstance(tensor, int):
            assert_close(tensor, getattr(want, name), f"{operator.__name__}: {name}")
    if matters:
        gone = (matters, *_WITH.get(matters, ()))
        without = {name: value for name, value in asked.items() if name not in gone}
        other = getattr(glint.reference, operator.__name__)(*tensors, **without)
        assert differs(want, other), f"{matters} changes nothing"
    return got


def differs(left: Any, right: Any) -> bool:
    """Do two answers of the oracle differ anywhere?"""
    pairs = [(vars(left)[name], vars(right)[name]) for name in vars(left)]
    return any(a is not None and b is not None and not np.array_equal(a, b, equal_nan=True) for a, b in pairs)
