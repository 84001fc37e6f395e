"""Golden bundles for authors of attention kernels, and the checker that says why a result is wrong.

    glint.ref.make("op=fwd layout=BSND b=2 n=8 nkv=2 sq=37 skv=53 d=64 dtype=f16 seed=7", "case.safetensors")
    bundle = glint.ref.Bundle.load("case.safetensors")
    report = glint.ref.check(bundle, my_kernel)         # my_kernel(bundle) -> {"out": array, "lse": array, ...}
    assert report, report.text
"""
import ctypes
import json
import os
import tempfile
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple, Union

import numpy as np

from . import _bundle_call, _perform, _safetensors, operators
from ._library import library

OUTPUTS = ("out", "softmax_max", "softmax_sum", "lse", "d_query", "d_key", "d_value", "d_query_rope", "d_key_rope",
           "d_pse", "d_sink")
Path = Union[str, "os.PathLike[str]"]
Tensors = Dict[str, Any]


class KitError(ValueError):
    """What the kit refused, with the key, tensor or file that is wrong."""


@dataclass
class Bundle:
    """A case with its numbers.

    inputs: query, key, value, d_out, ... as the kernel gets them (glint.bfloat16 for bfloat16); int4 as int8.
    outputs: float64, as the oracle has them: out, softmax_max, softmax_sum, lse and, of a gradient, d_query, d_key, ...
    tolerances: float32, like the output of the same name: |got - want| <= tolerance holds for a right kernel.
    parameters: scalars and lists: layout, head_num, scale, sparse_mode, types, ...
    notes: all text of the file; line: the case line.  probabilities: by (entry, head), if the bundle keeps them.
    """
    inputs: Tensors = field(default_factory=dict)
    outputs: Dict[str, np.ndarray] = field(default_factory=dict)
    tolerances: Dict[str, np.ndarray] = field(default_factory=dict)
    probabilities: Dict[Tuple[int, int], np.ndarray] = field(default_factory=dict)
    parameters: Dict[str, Any] = field(default_factory=dict)
    notes: Dict[str, str] = field(default_factory=dict)
    path: Optional[str] = None

    @staticmethod
    def load(path: Path) -> "Bundle":
        """A .safetensors file, mapped into memory.  Raises OSError, and ValueError if it is no bundle."""
        tensors, notes = _safetensors.read(path)
        if "parameters" not in notes:
            raise ValueError(f"{os.fspath(path)}: has no parameters and is no bundle")
        bundle = Bundle(parameters=json.loads(notes["parameters"]), notes=notes, path=os.path.abspath(path))
        for name, tensor in tensors.items():
            bundle._sort_in(name, tensor)
        return bundle

    @property
    def line(self) -> str:
        """The case line that it was made from."""
        return self.notes.get("case", "")

    def _sort_in(self, name: str, tensor: Any) -> None:
        parts = name.split(".")
        if parts[-1] == "tolerance":
            self.tolerances[name[:-len(".tolerance")]] = tensor
        elif parts[0] == "probabilities" and len(parts) == 3:
            self.probabilities[int(parts[1]), int(parts[2])] = tensor
        elif name in OUTPUTS:
            self.outputs[name] = tensor
        else:
            self.inputs[name] = tensor


@dataclass
class Hint:
    """What explains a wrong result: a stable id, a sentence, and the share of the wrong rows that it makes right."""
    id: str
    sentence: str
    explained: float


@dataclass
class Report:
    """A verdict.  True if the result is within the tolerances; text is for people, details all of it as JSON has it."""
    passed: bool
    text: str
    hints: List[Hint]
    outputs: Dict[str, Dict[str, Any]]
    details: Dict[str, Any]

    def __bool__(self) -> bool:
        return self.passed

    def __str__(self) -> str:
        return self.text


def run(case: Bundle, *, oracle: bool = False, threads: int = 1) -> Tensors:
    """The results of glint's own kernels, or of its oracle: check(bundle, run) passes.

    Raises ValueError for cases that the documents of the operators do not have, as with softcap.
    """
    name, arguments = _bundle_call.call_of(case.inputs, case.parameters)
    operator = getattr(operators, name)
    names = _bundle_call.RESULT_NAMES
    if not oracle:
        arguments["threads"] = threads
    if name == "flash_attention_score_grad":
        return {names[n]: t for n, t in _gradient(operator, arguments, oracle).items() if t is not None}
    if name != "flash_attention_score":
        arguments["softmax_lse_flag"] = True
    given = _perform.arguments_of(operator, **arguments)
    result = _perform.ask(name, given, False) if oracle else _perform.perform(name, given)
    found = {names[n]: t for n, t in vars(result).items() if n in names and t is not None}
    return {n: _plain(t, case.outputs[n]) for n, t in found.items() if n in case.outputs}


def _plain(tensor: Any, like: np.ndarray) -> Any:
    """Statistics without the axis that only repeats them."""
    return tensor[..., 0] if len(tensor.shape) > like.ndim else tensor


def _gradient(operator: Any, arguments: Dict[str, Any], oracle: bool) -> Dict[str, Any]:
    forward = {name: value for name, value in arguments.items() if name != "dy"}
    done = operators.flash_attention_score(**forward)
    dpse = arguments.get("real_shift") is not None and arguments["pse_type"] < 2
    dpse = dpse and arguments["real_shift_form"] != "compressed"
    results = {name: getattr(done, name) for name in ("attention_out", "softmax_max", "softmax_sum")}
    given = _perform.arguments_of(operator, **arguments, **results, dpse=dpse,
                                  dsink=arguments.get("sink") is not None)
    name = "flash_attention_score_grad"
    gradients = vars(_perform.ask(name, given, False) if oracle else _perform.perform(name, given))
    return {name: gradients[name] for name in ("dq", "dk", "dv", "dpse", "dsink")}


_ROOM = 1 << 22  # bytes for a text


def _need_kit(name: str) -> Any:
    function = getattr(library(), name, None)
    if function is None:
        raise KitError("this libglint was built without the reference kit")
    return function


def _call(name: str, *arguments: Any) -> str:
    function = _need_kit(name)
    text = ctypes.create_string_buffer(_ROOM)
    wrong = function(*arguments, text, _ROOM)
    if wrong:
        raise KitError(text.value.decode(errors="replace"))
    return text.value.decode(errors="replace")


def make(line: str, path: Path, *, probabilities: bool = False) -> str:
    """Writes the bundle of a case line: .npz by the path's name, else .safetensors.  Returns the path.

    probabilities: also the softmax before dropout, S1 x S2 numbers for each head.  Raises KitError.
    """
    _call("glint_ref_make", line.encode(), os.fsencode(path), int(probabilities))
    return os.fspath(path)


def bundle(line: str, *, probabilities: bool = False) -> Bundle:
    """The bundle of a case line, without a file that stays."""
    with tempfile.TemporaryDirectory() as folder:
        made = Bundle.load(make(line, os.path.join(folder, "case.safetensors"), probabilities=probabilities))
    made.path = None
    return made


def draw(op: str = "fwd", *, seed: int = 1, number: int = 0) -> str:
    """Number `number` of a seed's random legal case lines.  op: fwd, bwd, prompt or incre."""
    return _call("glint_ref_draw", op.encode(), seed, number)


def explain(words: str = "", **parameters: Any) -> str:
    """What parameters mean: the mask as a picture, its rule in words, what other libraries call it.

    explain("sparse_mode=4 pre=3 next=-1 sq=6 skv=10"), or the same as keyword arguments, or a case line.
    """
    joined = [words] + [f"{name}={_text(value)}" for name, value in parameters.items()]
    return _call("glint_ref_explain", " ".join(joined).strip().encode())


def _text(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


Results = Union[Mapping[str, Any], Path, Callable[[Bundle], Mapping[str, Any]]]


def check(case: Union[Bundle, Path], results: Results, *, tile: Optional[Tuple[int, int]] = None, hints: bool = True,
          factor: float = 1.0, layout: str = "", poison: Optional[float] = None) -> Report:
    """Compares a kernel's results with a bundle.

    case: a Bundle that was loaded from or is still like its file, or the file.
    results: tensors by the names of the bundle's outputs (out, lse, d_query, ...), a .safetensors or .npz file with
        them, or a function that makes them from the Bundle.
    tile: query rows and keys of the kernel's tile, so that the report can name the wrong one.  hints: look for the
        convention that explains a difference.  factor: tolerances times this.  layout: of out, if not the case's.
        poison: what unwritten numbers were filled with, besides NaN.
    Raises KitError where nothing can be compared; an output of another shape or type fails, and its report says why.
    """
    words = [f"hints={int(hints)}", f"factor={factor!r}"] + ([f"layout={layout}"] if layout else [])
    words += [f"tile={tile[0]}x{tile[1]}"] if tile else []
    words += [f"poison={float(poison)!r}"] if poison is not None else []
    with tempfile.TemporaryDirectory() as folder:
        if callable(results):
            results = results(case if isinstance(case, Bundle) else Bundle.load(case))
        if isinstance(results, Mapping):
            tensors, results = results, os.path.join(folder, "results.safetensors")
            _safetensors.write(results, tensors)
        return _report(_file_of(case, folder), os.fspath(results), " ".join(words))


def _file_of(case: Union[Bundle, Path], folder: str) -> str:
    if not isinstance(case, Bundle):
        return os.fspath(case)
    if case.path is not None and os.path.exists(case.path):
        return case.path
    if not case.line:
        raise KitError("the bundle has neither a file nor a case line")
    return make(case.line, os.path.join(folder, "case.safetensors"))


def _report(case: str, results: str, options: str) -> Report:
    function, passed = _need_kit("glint_ref_check"), ctypes.c_int32()
    words, details = ctypes.create_string_buffer(_ROOM), ctypes.create_string_buffer(_ROOM)
    wrong = function(os.fsencode(case), os.fsencode(results), options.encode(), words, _ROOM, details, _ROOM,
                     ctypes.byref(passed))
    text = words.value.decode(errors="replace")
    if wrong:
        raise KitError(text)
    parsed = json.loads(details.value.decode())
    hints = [Hint(hint["id"], hint["sentence"], float(hint["explained"])) for hint in parsed.get("hints", [])]
    outputs = {output["name"]: output for output in parsed.get("outputs", [])}
    return Report(bool(passed.value), text, hints, outputs, parsed)
