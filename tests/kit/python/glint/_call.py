"""From keyword arguments to a struct of glint.h, and back from what the library says."""
import ctypes
from typing import Any, Dict, List, Optional, Sequence

import numpy as np

from . import _structs, arrays
from ._library import library
from .errors import CannotRun, IllegalArgument

_OUT_OF_MEMORY, _FAILED = 15, -6


class Call:
    """A struct of glint.h that is being filled, and whatever it points at."""

    def __init__(self, name: str, copy: bool = False) -> None:
        self.name, self.copy = name, copy
        self.struct = {**_structs.CALLS, **_structs.HELPERS}[name]()
        self._types = dict(self.struct._fields_)
        self._keep: List[Any] = []
        getattr(library(), f"glint_{name}_init")(ctypes.byref(self.struct), ctypes.sizeof(self.struct))

    def set(self, values: Dict[str, Any]) -> None:
        """Fields by name; None leaves a field as it is."""
        for name, value in values.items():
            if value is not None:
                self._set(name, value)

    def write(self, name: str, tensor: Any) -> None:
        """An output."""
        setattr(self.struct, name, arrays.describe(name, tensor, self._keep, written=True))

    def point(self, name: str, to: Any) -> None:
        """A pointer to a ctypes object."""
        self._keep.append(to)
        setattr(self.struct, name, ctypes.cast(ctypes.pointer(to), self._types[name]))

    def nest(self, name: str, call: "Call") -> None:
        """A pointer to another call."""
        self._keep.append(call)
        setattr(self.struct, name, ctypes.pointer(call.struct))

    def _set(self, name: str, value: Any) -> None:
        kind = self._types[name]
        if kind is _structs.Array:
            setattr(self.struct, name, arrays.describe(name, value, self._keep, copy=self.copy))
        elif kind is _structs.Numbers:
            setattr(self.struct, name, self._numbers(name, value))
        elif kind is _structs.Arrays:
            setattr(self.struct, name, self._arrays(name, value))
        elif kind is ctypes.c_char_p:
            if not isinstance(value, str):
                raise TypeError(f"{name}: wants text, got {type(value).__name__}")
            setattr(self.struct, name, value.encode())
        else:
            self._scalar(name, value)

    def _scalar(self, name: str, value: Any) -> None:
        if self._types[name] is ctypes.c_double:
            setattr(self.struct, name, float(value))
            return
        if not isinstance(value, (int, np.integer, np.bool_)):
            raise TypeError(f"{name}: wants a whole number, got {type(value).__name__}")
        setattr(self.struct, name, int(value))
        if getattr(self.struct, name) != int(value):  # ctypes cuts off what does not fit
            raise ValueError(f"{name}: {value} does not fit")

    def _numbers(self, name: str, value: Sequence[int]) -> _structs.Numbers:
        given = np.asarray(value)
        if given.ndim != 1 or (given.size and not np.issubdtype(given.dtype, np.integer)):
            raise TypeError(f"{name}: wants a list of whole numbers")
        numbers = np.ascontiguousarray(given, dtype=np.int64)
        self._keep.append(numbers)
        return _structs.Numbers(numbers.ctypes.data, numbers.size)

    def _arrays(self, name: str, value: Sequence[Any]) -> _structs.Arrays:
        described = [arrays.describe(f"{name}[{i}]", tensor, self._keep, copy=self.copy)
                     for i, tensor in enumerate(value)]
        block = (_structs.Array * len(described))(*described)
        self._keep.append(block)
        return _structs.Arrays(ctypes.cast(block, ctypes.POINTER(_structs.Array)), len(described))

    def check(self) -> None:
        """Raises what is wrong; reads nothing but shapes, attributes and lists."""
        status = _structs.Status()
        getattr(library(), f"glint_{self.name}_check")(ctypes.byref(self.struct), ctypes.byref(status))
        raise_on(status)

    def workspace_bytes(self, threads: int) -> int:
        """Scratch for so many threads."""
        self.check()
        return int(getattr(library(), f"glint_{self.name}_workspace_bytes")(ctypes.byref(self.struct), threads))

    def run(self, threads: int, workspace: Optional[np.ndarray]) -> None:
        """Does it; the interpreter's lock is not held meanwhile."""
        status = _structs.Status()
        place, size = None, 0
        if workspace is not None:
            if not workspace.flags.c_contiguous or not workspace.flags.writeable:
                raise ValueError("workspace: wants a writeable, contiguous array")
            place, size = workspace.ctypes.data, workspace.nbytes
        getattr(library(), f"glint_{self.name}")(ctypes.byref(self.struct), threads, place, size,
                                                 ctypes.byref(status))
        raise_on(status)

    def help(self) -> None:
        """Does it, for helpers, which take no threads."""
        status = _structs.Status()
        getattr(library(), f"glint_{self.name}")(ctypes.byref(self.struct), ctypes.byref(status))
        raise_on(status)

    def ask(self, keep_probabilities: bool) -> Dict[str, np.ndarray]:
        """The oracle's outputs by name."""
        status, answer = _structs.Status(), _structs.ReferenceAnswer()
        answer.size, answer.keep_probabilities = ctypes.sizeof(answer), keep_probabilities
        getattr(library(), f"glint_reference_{self.name}")(ctypes.byref(self.struct), ctypes.byref(answer),
                                                           ctypes.byref(status))
        raise_on(status)
        try:
            return {name: _copied(getattr(answer, name)) for name, kind in answer._fields_
                    if kind is _structs.Array and getattr(answer, name).rank}
        finally:
            library().glint_reference_release(ctypes.byref(answer))


def raise_on(status: _structs.Status) -> None:
    """What a status says, as an exception."""
    if status.code == 0:
        return
    rule = status.rule.decode()
    if status.code in (_OUT_OF_MEMORY, _FAILED):
        raise MemoryError(rule) if status.code == _OUT_OF_MEMORY else CannotRun(status.code, rule)
    raise IllegalArgument(status.code, rule, status.got, status.want)


def _copied(array: _structs.Array) -> np.ndarray:
    shape = tuple(array.shape[:array.rank])
    numbers = np.empty(shape)
    if numbers.size:
        ctypes.memmove(numbers.ctypes.data, array.data, numbers.nbytes)
    return numbers


# Axes of each layout; the letter that stands for rows is S, heads times head size H.
_LAYOUTS = {"BSH": "BSH", "SBH": "SBH", "BNSD": "BNSD", "BSND": "BSND", "TND": "SND"}


def _extents(layout: str, shape: Sequence[int], heads: int) -> Dict[str, int]:
    axes = dict(zip(_LAYOUTS[layout], shape))
    if "H" in axes:
        axes.update(N=heads, D=axes["H"] // heads)
    return axes


def _value_width(layout: str, query: Dict[str, int], call: Dict[str, Any]) -> int:
    value, key = _sample(call["value"]), _sample(call["key"])
    last = value.shape[-1] * (8 if getattr(value, "dtype", None) == np.int32 else 1)  # eight int4 in an int32
    paged = call.get("block_table") is not None
    if len(value.shape) == 4 or ("N" in _LAYOUTS[layout] and not paged):
        return last
    kv_heads = call.get("num_key_value_heads")
    if kv_heads is None:  # training: by the shapes
        return last // (key.shape[-1] // query["D"])
    return last // (kv_heads or query["N"])


def _sample(tensor: Any) -> Any:
    return tensor[0] if isinstance(tensor, (list, tuple)) else tensor


def output_shapes(call: Dict[str, Any]) -> Dict[str, tuple]:
    """Shapes of attention_out and of a row statistic.  Of a call that cannot have any: query's, which the rules judge.
    """
    query = call["query"].shape
    try:
        name = call["input_layout"].upper().split("_")
        heads = call["head_num"] if "head_num" in call else call["num_heads"]
        axes = _extents(name[0], query, heads)
        axes["D"] = _value_width(name[0], axes, call)
        axes["H"] = axes["N"] * axes["D"]
        rows = (axes["S"], axes["N"]) if name[0] == "TND" else (axes["B"], axes["N"], axes["S"])
        return {"attention_out": tuple(axes[a] for a in _LAYOUTS[name[-1]]), "rows": rows}
    except (AttributeError, IndexError, KeyError, TypeError, ZeroDivisionError):
        return {"attention_out": tuple(query), "rows": tuple(query[:-1])}


def outputs_given(out: Any, names: Sequence[str]) -> Dict[str, Any]:
    """`out` as a dict: a tensor is the first output, a mapping names them."""
    if out is None:
        return {}
    given: Dict[str, Any] = dict(out) if isinstance(out, dict) else {names[0]: out}
    unknown = sorted(set(given) - set(names))
    if unknown:
        raise TypeError(f"out: no output is called {unknown[0]}; there are {', '.join(names)}")
    return given
