"""Arguments of an operator -> its call -> its result."""
import ctypes
import inspect
from typing import Any, Callable, Dict, Tuple

import numpy as np

from . import arrays
from ._call import Call, output_shapes, outputs_given
from .results import Answer, GradResult, InferenceResult, ScoreResult

_OURS = ("out", "threads", "workspace", "copy")  # of the package, not of the operator
_FORMS = {"dense": 0, "compressed": 1, "tnd_per_score": 2, "tnd_per_column": 3}
_LIMITS = {"none": 0, "ascend": 1}
_FORWARD_OUTPUTS = ("attention_out", "softmax_max", "softmax_sum")
_GRADIENTS = {"dq": "query", "dk": "key", "dv": "value", "dpse": "real_shift", "dsink": "sink"}

Outputs = Dict[str, Any]


def arguments_of(operator: Callable[..., Any], *args: Any, **kwargs: Any) -> Dict[str, Any]:
    """What an operator of this package would be given, defaults included."""
    bound = inspect.signature(operator).bind(*args, **kwargs)
    bound.apply_defaults()
    return dict(bound.arguments)


def prepare(name: str, given: Dict[str, Any]) -> Tuple[Call, Outputs]:
    """The call of an operator's arguments, and the outputs that it writes."""
    fields = {key: value for key, value in given.items() if key not in _OURS}
    _adopt(fields)
    _read_tag(fields)
    fields["limits"] = _word("limits", fields["limits"], _LIMITS)
    if name == "flash_attention_score":
        return _score(fields, given)
    if name == "flash_attention_score_grad":
        return _gradient(fields, given)
    return _inference(name, fields, given)


def perform(name: str, given: Dict[str, Any]) -> Any:
    """Runs an operator."""
    call, outputs = prepare(name, given)
    call.run(given["threads"], given["workspace"])
    if name == "flash_attention_score":
        state = [outputs.pop(key).value for key in ("seed", "offset", "numels")]
        return ScoreResult(*(outputs[key] for key in _FORWARD_OUTPUTS), *state)
    return GradResult(**outputs) if name == "flash_attention_score_grad" else InferenceResult(**outputs)


def ask(name: str, given: Dict[str, Any], keep_probabilities: bool) -> Answer:
    """Asks the oracle instead."""
    call, _ = prepare(name, given)
    return Answer(**call.ask(keep_probabilities))


def _word(name: str, value: Any, words: Dict[str, int]) -> int:
    if value not in words:
        raise ValueError(f"{name}: {value!r} is none of {', '.join(words)}")
    return words[value]


def _adopt(fields: Dict[str, Any]) -> None:
    """Foreign tensors as ours, so that they have a shape and a type; lists of caches get fields of their own."""
    for name in ("query", "key", "value", "dy", "attention_out", "real_shift", "sink"):
        value = fields.get(name)
        if value is None:
            continue
        if isinstance(value, (list, tuple)) and name in ("key", "value"):
            fields[name] = [arrays.adopt(f"{name}[{i}]", each) for i, each in enumerate(value)]
        else:
            fields[name] = arrays.adopt(name, value)


def _read_tag(fields: Dict[str, Any]) -> None:
    """attn_mask="compressed" for attn_mask_compressed=True."""
    for name in ("attn_mask", "atten_mask"):
        if isinstance(fields.get(name), str) and f"{name}_compressed" in fields:
            fields[f"{name}_compressed"] = bool(_word(name, fields.pop(name), {"compressed": 1}))


def _score_call(fields: Dict[str, Any], copy: bool) -> Call:
    call = Call("flash_attention_score", copy)
    fields["real_shift_form"] = _word("real_shift_form", fields["real_shift_form"], _FORMS)
    call.set(fields)
    return call


def _score(fields: Dict[str, Any], given: Dict[str, Any]) -> Tuple[Call, Outputs]:
    shapes = output_shapes(fields)
    outputs = outputs_given(given["out"], _FORWARD_OUTPUTS)
    if "attention_out" not in outputs:
        outputs["attention_out"] = arrays.empty(shapes["attention_out"], fields["query"])
    for name in _FORWARD_OUTPUTS[1:]:
        other = outputs.get("softmax_max")
        if name not in outputs:  # both statistics have one shape
            outputs[name] = np.empty((*shapes["rows"], 8) if other is None else other.shape, np.float32)
    call = _score_call(fields, given["copy"])
    for name in _FORWARD_OUTPUTS:
        call.write(name, outputs[name])
    for name in ("seed", "offset", "numels"):
        outputs[name] = ctypes.c_int64()
        call.point(f"{name}_out", outputs[name])
    return call, outputs


def _gradient(fields: Dict[str, Any], given: Dict[str, Any]) -> Tuple[Call, Outputs]:
    wanted = {"dq": True, "dk": True, "dv": True, "dpse": fields.pop("dpse"), "dsink": fields.pop("dsink")}
    dy = fields.pop("dy")
    outputs = outputs_given(given["out"], tuple(_GRADIENTS))
    for name, of in _GRADIENTS.items():
        if wanted[name] and name not in outputs:
            like = fields[of] if fields[of] is not None else fields["query"]  # the rules refuse it
            outputs[name] = arrays.empty(like.shape, like)
    call = Call("flash_attention_score_grad", given["copy"])
    call.nest("forward", _score_call(fields, given["copy"]))
    call.set({"dy": dy})
    for name, tensor in outputs.items():
        call.write(name, tensor)
    return call, outputs


def _inference(name: str, fields: Dict[str, Any], given: Dict[str, Any]) -> Tuple[Call, Outputs]:
    shapes = output_shapes(fields)
    outputs = outputs_given(given["out"], ("attention_out", "softmax_lse"))
    wants_lse = fields["softmax_lse_flag"] or "softmax_lse" in outputs
    if name == "fused_infer_attention_score":
        fields["softmax_lse_flag"] = bool(wants_lse)
    else:
        del fields["softmax_lse_flag"]
    if "attention_out" not in outputs:
        outputs["attention_out"] = arrays.empty(shapes["attention_out"], _output_type(fields))
    if wants_lse and "softmax_lse" not in outputs:
        outputs["softmax_lse"] = np.empty((*shapes["rows"], 1), np.float32)
    for padding in ("query_padding_size", "kv_padding_size"):
        if isinstance(fields.get(padding), (int, np.integer)):
            fields[padding] = np.array([fields[padding]], np.int64)
    for tensor in ("key", "value"):
        if isinstance(fields[tensor], list):
            fields[f"{tensor}_list"] = fields.pop(tensor)
    call = Call(name, given["copy"])
    call.set(fields)
    for output, tensor in outputs.items():
        call.write(output, tensor)
    return call, outputs


def _output_type(fields: Dict[str, Any]) -> Any:
    if fields["quant_scale2"] is not None:
        return np.int8
    query = fields["query"]
    return np.float16 if getattr(query, "dtype", None) == np.int8 else query
