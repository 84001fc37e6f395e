"""The structs of glint.h for ctypes, field by field (tests/test_abi.py holds them to the compiler's)."""
import ctypes
from ctypes import Structure, c_char_p, c_double, c_int32, c_int64, c_size_t, c_uint64, c_void_p
from typing import Dict, List, Tuple


class Array(Structure):
    """A dense row-major tensor; zeroed: absent."""
    _fields_ = [("data", c_void_p), ("dtype", c_int32), ("rank", c_int32), ("shape", c_int64 * 8)]


class Numbers(Structure):
    """A list of int64."""
    _fields_ = [("data", c_void_p), ("count", c_int64)]


class Arrays(Structure):
    """A list of tensors."""
    _fields_ = [("data", ctypes.POINTER(Array)), ("count", c_int64)]


class Status(Structure):
    """What went wrong."""
    _fields_ = [("code", c_int32), ("reserved", c_int32), ("rule", c_char_p), ("got", c_int64), ("want", c_int64)]


def _fields(text: str) -> List[Tuple[str, type]]:
    """Fields from lines of `type name name ...`, in the order of the header."""
    types: Dict[str, type] = {"array": Array, "numbers": Numbers, "arrays": Arrays, "text": c_char_p, "f64": c_double,
                              "i32": c_int32, "i64": c_int64, "u64": c_uint64, "pointer": c_void_p}
    lines = [line.split() for line in text.strip().splitlines()]
    return [(name, types[line[0]]) for line in lines for name in line[1:]]


class FlashAttentionScoreCall(Structure):
    _fields_ = _fields("""
        u64 size
        array query key value attention_out
        i64 head_num
        text input_layout
        f64 scale_value
        array real_shift
        i32 real_shift_form pse_type
        numbers q_start_idx kv_start_idx
        array drop_mask
        f64 keep_prob
        i32 generate_dropout attn_mask_compressed
        u64 seed offset
        array padding_mask attn_mask
        numbers prefix actual_seq_qlen actual_seq_kvlen
        i64 pre_tokens next_tokens
        i32 inner_precise sparse_mode
        f64 q_scale
        array sink softmax_max softmax_sum
        text softmax_layout
        pointer seed_out offset_out numels_out
        i32 limits reserved
    """)


class FlashAttentionScoreGradCall(Structure):
    _fields_ = [("size", c_uint64), ("forward", ctypes.POINTER(FlashAttentionScoreCall)),
                *_fields("array dy dq dk dv dpse dsink")]


_CACHE = """
        array quant_scale2 quant_offset2 antiquant_scale antiquant_offset
        array key_antiquant_scale key_antiquant_offset value_antiquant_scale value_antiquant_offset
        i64 antiquant_mode key_antiquant_mode value_antiquant_mode
        array block_table
        i64 block_size
        array {paddings} key_shared_prefix value_shared_prefix
        i64 actual_shared_prefix_len
        array learnable_sink query_rope key_rope softmax_lse
"""
_OPERANDS = """
        u64 size
        array query key value
        arrays key_list value_list
        array attention_out
        i64 num_heads num_key_value_heads
        text input_layout
"""


class PromptFlashAttentionCall(Structure):
    _fields_ = _fields(_OPERANDS + """
        f64 scale_value
        array attn_mask padding_mask pse_shift
        numbers actual_seq_lengths actual_seq_lengths_kv
        i64 pre_tokens next_tokens
        i32 attn_mask_compressed sparse_mode inner_precise limits
        array deq_scale1 quant_scale1 deq_scale2
    """.rstrip() + _CACHE.format(paddings="query_padding_size kv_padding_size"))


class IncreFlashAttentionCall(Structure):
    _fields_ = _fields(_OPERANDS + """
        f64 scale_value
        array attn_mask padding_mask pse_shift
        numbers actual_seq_lengths
        i32 inner_precise sparse_mode limits reserved
        array dequant_scale1 quant_scale1 dequant_scale2
    """.rstrip() + _CACHE.format(paddings="kv_padding_size"))


class FusedInferAttentionScoreCall(Structure):
    _fields_ = _fields(_OPERANDS + """
        f64 scale
        array pse_shift atten_mask
        numbers actual_seq_lengths actual_seq_lengths_kv
        i64 pre_tokens next_tokens
        i32 atten_mask_compressed sparse_mode inner_precise softmax_lse_flag limits reserved
        array dequant_scale1 quant_scale1 dequant_scale2
    """.rstrip() + _CACHE.format(paddings="query_padding_size kv_padding_size"))


class ReferenceAnswer(Structure):
    _fields_ = _fields("""
        u64 size keep_probabilities
        pointer memory
        array attention_out softmax_max softmax_sum softmax_lse dq dk dv dpse dsink
        array probabilities weighted_abs_v score_abs
    """)


class MergeStateCall(Structure):
    _fields_ = _fields("""
        u64 size
        arrays outs lses
        array attention_out softmax_lse
        i64 num_heads
        text input_layout
    """)


class RotaryCall(Structure):
    _fields_ = _fields("""
        u64 size
        array x out
        i64 num_heads
        text input_layout
        numbers first_positions positions
        i64 rotary_dim
        f64 theta
        array cos_table sin_table
        i32 interleaved reserved
    """)


HELPERS = {"merge_state": MergeStateCall, "rotary": RotaryCall}
CALLS = {"flash_attention_score": FlashAttentionScoreCall,
         "flash_attention_score_grad": FlashAttentionScoreGradCall,
         "prompt_flash_attention": PromptFlashAttentionCall,
         "incre_flash_attention": IncreFlashAttentionCall,
         "fused_infer_attention_score": FusedInferAttentionScoreCall}


def declare(library: ctypes.CDLL) -> None:
    """Argument and result types of every function that the package calls."""
    status = ctypes.POINTER(Status)
    for name, struct in CALLS.items():
        call = ctypes.POINTER(struct)
        _declare(library, f"glint_{name}_init", None, call, c_size_t)
        _declare(library, f"glint_{name}_check", c_int32, call, status)
        _declare(library, f"glint_{name}_workspace_bytes", c_int64, call, c_int32)
        _declare(library, f"glint_{name}", c_int32, call, c_int32, c_void_p, c_size_t, status)
        _declare(library, f"glint_reference_{name}", c_int32, call, ctypes.POINTER(ReferenceAnswer), status)
    for name, struct in HELPERS.items():
        call = ctypes.POINTER(struct)
        _declare(library, f"glint_{name}_init", None, call, c_size_t)
        _declare(library, f"glint_{name}", c_int32, call, status)
    _declare(library, "glint_reference_release", None, ctypes.POINTER(ReferenceAnswer))
    _declare(library, "glint_version", c_int32)
    _declare(library, "glint_isa", c_char_p)
    text = (ctypes.c_char_p, c_size_t)
    _declare(library, "glint_ref_make", c_int32, c_char_p, c_char_p, c_int32, *text)
    _declare(library, "glint_ref_check", c_int32, c_char_p, c_char_p, c_char_p, *text, *text, ctypes.POINTER(c_int32))
    _declare(library, "glint_ref_explain", c_int32, c_char_p, *text)
    _declare(library, "glint_ref_draw", c_int32, c_char_p, c_uint64, c_uint64, *text)


def _declare(library: ctypes.CDLL, name: str, result: object, *arguments: object) -> None:
    function = getattr(library, name, None)
    if function is None:  # of a library without the kit; calling it then says so
        return
    function.restype = result
    function.argtypes = arguments
