"""A bundle as a call of an operator: what glint.ref.run does."""
from typing import Any, Dict, Tuple

import numpy as np

from .arrays import int4, storage

_FORMS = {"dense": "dense", "compressed": "compressed", "flat_score": "tnd_per_score", "flat_column": "tnd_per_column"}
_SCORE_INPUTS = {"query": "query", "key": "key", "value": "value", "pse": "real_shift", "drop_mask": "drop_mask",
                 "attn_mask": "attn_mask", "sink": "sink"}
_SAME_INPUTS = ("query", "key", "value", "query_rope", "key_rope", "key_shared_prefix", "value_shared_prefix",
                "attn_mask", "quant_scale2", "quant_offset2", "antiquant_scale", "antiquant_offset",
                "key_antiquant_scale", "key_antiquant_offset", "value_antiquant_scale", "value_antiquant_offset",
                "block_table")
_INFERENCE_INPUTS = {**{name: name for name in _SAME_INPUTS}, "pse": "pse_shift", "sink": "learnable_sink"}
_INT8_INPUTS = {"dequant_scale1": "deq_scale1", "quant_scale1": "quant_scale1", "dequant_scale2": "deq_scale2"}


def call_of(inputs: Dict[str, Any], parameters: Dict[str, Any]) -> Tuple[str, Dict[str, Any]]:
    """The operator's name and its arguments.  Raises ValueError for what no operator's document has."""
    if parameters["softcap"]:
        raise ValueError("no operator has a softcap")
    if parameters["invalid_row"] != "zero":
        raise ValueError("no operator has uniform weights in rows that see nothing")
    inputs = {name: _unpacked(name, tensor, parameters["types"]) for name, tensor in inputs.items()}
    if parameters["op"] == "score":
        return _score(inputs, parameters)
    return _inference(inputs, parameters)


def _unpacked(name: str, tensor: Any, types: Dict[str, str]) -> Any:
    return int4(tensor) if types.get(name) == "i4" else tensor


def _named(inputs: Dict[str, Any], names: Dict[str, str]) -> Dict[str, Any]:
    return {theirs: inputs[ours] for ours, theirs in names.items() if ours in inputs}


def _score(inputs: Dict[str, Any], p: Dict[str, Any]) -> Tuple[str, Dict[str, Any]]:
    call = _named(inputs, _SCORE_INPUTS)
    for name in ("head_num", "q_scale", "sparse_mode", "pre_tokens", "next_tokens", "prefix", "pse_type", "q_start_idx",
                 "kv_start_idx", "keep_prob", "seed", "offset", "actual_seq_qlen", "actual_seq_kvlen"):
        call[name] = p[name]
    call.update(input_layout=p["layout"], scale_value=p["scale"], attn_mask_compressed=p["implied_mask"],
                generate_dropout=p["philox"], real_shift_form=_FORMS[p["pse_form"]],
                inner_precise=int(p["rounds_p"]), softmax_layout="TND" if p["layout"] == "TND" else "")
    if not p["gradient"]:
        return "flash_attention_score", call
    return "flash_attention_score_grad", {**call, "dy": inputs["d_out"]}


def _list(inputs: Dict[str, Any], name: str, count: int) -> Any:
    return [inputs[f"{name}.{i}"] for i in range(count)] if count else inputs[name]


def _inference(inputs: Dict[str, Any], p: Dict[str, Any]) -> Tuple[str, Dict[str, Any]]:
    call = _named(inputs, _INFERENCE_INPUTS)
    call.update(key=_list(inputs, "key", p["key_list"]), value=_list(inputs, "value", p["value_list"]))
    length = p["actual_shared_prefix_len"]
    call.update(num_heads=p["head_num"], num_key_value_heads=p["kv_head_num"], input_layout=p["layout"],
                scale_value=p["scale"], kv_padding_size=p["kv_padding_size"],
                actual_shared_prefix_len=-1 if length is None else length, block_size=p["paging"]["block_size"],
                antiquant_mode=p["antiquant"]["mode"], key_antiquant_mode=p["key_antiquant"]["mode"],
                value_antiquant_mode=p["value_antiquant"]["mode"], inner_precise=int(p["rounds_p"]))
    for name in ("antiquant_scale", "antiquant_offset"):
        if name in call and p["antiquant"]["mode"] == 0:
            call[name] = _joint_form(call[name], p["layout"])
    if "block_table" in call and p["layout"].split("_")[0] in ("BSH", "BSND"):
        call.update({name: _by_token(call[name]) for name in ("key", "value", "key_rope") if name in call})
    one_row = _rows(call["query"], p) == 1
    if p["op"] == "incre" and (p["sparse_mode"] == 9 or one_row):
        return "incre_flash_attention", _incre(call, p)
    return "prompt_flash_attention", _prompt(call, inputs, p)


def _rows(query: Any, p: Dict[str, Any]) -> int:
    layout = p["layout"].split("_")[0]
    return query.shape[{"BSH": 1, "BSND": 1, "BNSD": 2, "TND": 0}[layout]]


def _incre(call: Dict[str, Any], p: Dict[str, Any]) -> Dict[str, Any]:
    return {**call, "sparse_mode": 9 if p["sparse_mode"] == 9 else 0, "actual_seq_lengths": p["actual_seq_kvlen"]}


def _prompt(call: Dict[str, Any], inputs: Dict[str, Any], p: Dict[str, Any]) -> Dict[str, Any]:
    call = {**call, **_named(inputs, _INT8_INPUTS)}
    call.update(actual_seq_lengths=p["actual_seq_qlen"], actual_seq_lengths_kv=p["actual_seq_kvlen"],
                query_padding_size=p["query_padding_size"], attn_mask_compressed=p["implied_mask"],
                pre_tokens=p["pre_tokens"], next_tokens=p["next_tokens"], sparse_mode=p["sparse_mode"])
    if p["op"] == "incre":  # several rows: what they see is in the mask
        # Decode rounds P but not exp, prefill with inner_precise 1 both: the bundle allows for decode's.
        call.update(sparse_mode=1 if "attn_mask" in call else 0, inner_precise=0)
        if "attn_mask" in call:
            call["attn_mask"] = _for_all_rows(call["attn_mask"], _rows(call["query"], p))
    return call


def _for_all_rows(mask: np.ndarray, rows: int) -> np.ndarray:
    """(B|1, 1, 1, S) -> (B|1, 1, S1, S)."""
    return np.ascontiguousarray(np.broadcast_to(mask, (*mask.shape[:2], rows, mask.shape[3])))


def _by_token(pool: Any) -> Any:
    """Pages (blocks, N2, block_size, D) -> (blocks, block_size, N2 * D), the only form that BSH and BSND take."""
    if len(pool.shape) != 4:
        return pool
    blocks, heads, rows, width = pool.shape
    numbers = pool.int8() if isinstance(pool, int4) else storage(pool)
    moved = np.ascontiguousarray(numbers.transpose(0, 2, 1, 3)).reshape(blocks, rows, heads * width)
    return moved if isinstance(pool, np.ndarray) else type(pool)(moved)


def _joint_form(factors: Any, layout: str) -> Any:
    """(2, N2, D) as the layout's document wants it; per-tensor factors (2,) stay."""
    if len(factors.shape) != 3:
        return factors
    two, heads, width = factors.shape
    shapes = {"BNSD": (two, heads, 1, width), "BSND": (two, heads, width)}
    shape = shapes.get(layout.split("_")[0], (two, heads * width))
    reshaped = storage(factors).reshape(shape)
    return reshaped if isinstance(factors, np.ndarray) else type(factors)(reshaped)


RESULT_NAMES = {"attention_out": "out", "softmax_max": "softmax_max", "softmax_sum": "softmax_sum",
                "softmax_lse": "lse", "dq": "d_query", "dk": "d_key", "dv": "d_value", "dpse": "d_pse",
                "dsink": "d_sink"}
