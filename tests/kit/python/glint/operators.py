"""The operators, with the parameters of their documents.

Tensors are numpy arrays, glint.bfloat16, glint.int4 or anything with __array_interface__ or __dlpack__ on the CPU;
they are not copied and must be C-contiguous, or `copy=True` makes contiguous copies of inputs that are not.  Outputs
are new arrays unless `out` has them: one tensor for the first output, or a dict by name; they are written in place.
threads: 1 or more, 0 as many as the machine has; results do not depend on it.  workspace: a contiguous array of at
least glint.workspace_bytes(...) bytes; None allocates it.

Raises glint.IllegalArgument(code, rule, got, want) for what the documents forbid, and then has written nothing;
TypeError and ValueError for what is no tensor or cannot be used in place.
"""
from typing import Dict, Optional, Sequence, Union

import numpy as np

from ._perform import perform
from .arrays import Tensor
from .results import GradResult, InferenceResult, ScoreResult

TOKENS = 2147483647  # no bound
Lengths = Optional[Union[Sequence[int], np.ndarray]]
TensorOrList = Union[Tensor, Sequence[Tensor]]
Padding = Optional[Union[int, np.ndarray]]
Out = Optional[Union[Tensor, Dict[str, Tensor]]]


def flash_attention_score(
        query: Tensor, key: Tensor, value: Tensor, *, head_num: int, input_layout: str = "BSH",
        scale_value: float = 1.0, real_shift: Optional[Tensor] = None, real_shift_form: str = "dense",
        pse_type: int = 1, q_start_idx: Lengths = None, kv_start_idx: Lengths = None,
        drop_mask: Optional[Tensor] = None, keep_prob: float = 1.0, generate_dropout: bool = False, seed: int = 0,
        offset: int = 0, padding_mask: Optional[Tensor] = None, attn_mask: Optional[Tensor] = None,
        attn_mask_compressed: bool = False, prefix: Lengths = None, actual_seq_qlen: Lengths = None,
        actual_seq_kvlen: Lengths = None, pre_tokens: int = TOKENS, next_tokens: int = TOKENS, inner_precise: int = 0,
        sparse_mode: int = 0, q_scale: float = 1.0, sink: Optional[Tensor] = None, softmax_layout: str = "",
        limits: str = "none", out: Out = None, threads: int = 1, workspace: Optional[np.ndarray] = None,
        copy: bool = False) -> ScoreResult:
    """softmax(scale_value * q_scale * query key^T with bias and mask) value, and each row's statistics.

    query, key, value: float16, bfloat16 or float32, of one type.  input_layout: BSH, SBH, BNSD, BSND or TND; in TND
        actual_seq_qlen and actual_seq_kvlen hold the cumulative ends of the sequences.
    head_num: N, heads of query; those of key divide it.  scale_value is 1 unless given, not 1/sqrt(D).
    real_shift: the bias (pse), (B|1, N|1, S1|1, S2) of query's type; real_shift_form: "dense", "compressed" (the last
        1024 rows), "tnd_per_score", "tnd_per_column".  pse_type 1: (QK + pse) * scale; 0: QK * scale + pse; 2 and 3:
        float32 slopes (N) or (B, N) times -|distance| or its root, from q_start_idx[0] and kv_start_idx[0] on.
    drop_mask: uint8 bits, 1 keeps, (B, N, S1, S2/8) or flat; or generate_dropout: Philox bits from seed and offset.
    attn_mask: bool or uint8, not 0 drops; (S1, S2) or (B|1, N|1, S1, S2).  "compressed", or attn_mask_compressed,
        stands for the (2048, 2048) mask that sparse_mode 2 to 4 and 6 to 8 want.  Without a mask sparse_mode (0 to 8),
        pre_tokens, next_tokens and prefix (modes 5 and 6, (B)) have no effect.
    inner_precise: 0 to 2; 1 with bfloat16 rounds P to bfloat16.  sink: float32 (N).
    softmax_layout: TND only: "" stores statistics as a block [N][S1] for each sequence, "TND" as [T][N].
    limits: "none", or "ascend" for the documented maxima of the device.
    out: attention_out, or a dict of attention_out, softmax_max, softmax_sum.  padding_mask must be None.
    """
    return perform("flash_attention_score", locals())


def flash_attention_score_grad(
        query: Tensor, key: Tensor, value: Tensor, dy: Tensor, attention_out: Tensor, softmax_max: Tensor,
        softmax_sum: Tensor, *, head_num: int, input_layout: str = "BSH", scale_value: float = 1.0,
        real_shift: Optional[Tensor] = None, real_shift_form: str = "dense", pse_type: int = 1,
        q_start_idx: Lengths = None, kv_start_idx: Lengths = None, drop_mask: Optional[Tensor] = None,
        keep_prob: float = 1.0, generate_dropout: bool = False, seed: int = 0, offset: int = 0,
        padding_mask: Optional[Tensor] = None, attn_mask: Optional[Tensor] = None, attn_mask_compressed: bool = False,
        prefix: Lengths = None, actual_seq_qlen: Lengths = None, actual_seq_kvlen: Lengths = None,
        pre_tokens: int = TOKENS, next_tokens: int = TOKENS, inner_precise: int = 0, sparse_mode: int = 0,
        q_scale: float = 1.0, sink: Optional[Tensor] = None, softmax_layout: str = "", limits: str = "none",
        dpse: bool = False, dsink: bool = False, out: Out = None, threads: int = 1,
        workspace: Optional[np.ndarray] = None, copy: bool = False) -> GradResult:
    """The gradient of flash_attention_score by query, key and value, on request by real_shift and sink.

    dy: the gradient that comes in, like attention_out.  attention_out, softmax_max, softmax_sum: what the forward
        returned.  All else as the forward was given it.
    dpse: also the gradient of real_shift (pse_type 0 and 1, any form but compressed).  dsink: also that of sink.
    out: dq, or a dict of dq, dk, dv, dpse, dsink.
    """
    return perform("flash_attention_score_grad", locals())


def prompt_flash_attention(
        query: Tensor, key: TensorOrList, value: TensorOrList, *, num_heads: int, num_key_value_heads: int = 0,
        input_layout: str = "BSH", scale_value: float = 1.0, attn_mask: Optional[Tensor] = None,
        attn_mask_compressed: bool = False, padding_mask: Optional[Tensor] = None,
        pse_shift: Optional[Tensor] = None, actual_seq_lengths: Lengths = None, actual_seq_lengths_kv: Lengths = None,
        pre_tokens: int = TOKENS, next_tokens: int = 0, sparse_mode: int = 0, inner_precise: int = 1,
        deq_scale1: Optional[Tensor] = None, quant_scale1: Optional[Tensor] = None,
        deq_scale2: Optional[Tensor] = None, quant_scale2: Optional[Tensor] = None,
        quant_offset2: Optional[Tensor] = None, antiquant_scale: Optional[Tensor] = None,
        antiquant_offset: Optional[Tensor] = None, antiquant_mode: int = 0,
        key_antiquant_scale: Optional[Tensor] = None, key_antiquant_offset: Optional[Tensor] = None,
        value_antiquant_scale: Optional[Tensor] = None, value_antiquant_offset: Optional[Tensor] = None,
        key_antiquant_mode: int = 0, value_antiquant_mode: int = 0, block_table: Optional[Tensor] = None,
        block_size: int = 0, query_padding_size: Padding = None, kv_padding_size: Padding = None,
        key_shared_prefix: Optional[Tensor] = None, value_shared_prefix: Optional[Tensor] = None,
        actual_shared_prefix_len: int = -1, learnable_sink: Optional[Tensor] = None,
        query_rope: Optional[Tensor] = None, key_rope: Optional[Tensor] = None, softmax_lse_flag: bool = False,
        limits: str = "none", out: Out = None, threads: int = 1, workspace: Optional[np.ndarray] = None,
        copy: bool = False) -> InferenceResult:
    """Attention of whole prompts: scale_value * query key^T + pse_shift, masked.

    query: float16, bfloat16, float32, or int8 with int8 key and value, deq_scale1, quant_scale1 and deq_scale2 (one
        number each, float32; deq_* also the float's bits in a uint64).  key, value: in the same type, or int8 or int4
        with antiquant factors; lists hold one tensor of batch 1 for each entry; with block_table pools of pages.
    num_heads: N; num_key_value_heads 0: the same.  input_layout: BSH, BNSD, BSND, TND, or two as in "BNSD_BSND".
    attn_mask: not 0 drops: (S1, S2), (B|1, S1, S2), (B|1, 1, S1, S2).  sparse_mode 0 to 4, 10 to 14 the same with
        inner_precise 0; modes 2 to 4 want "compressed", attn_mask_compressed, or the (2048, 2048) mask itself.
    inner_precise: 0 to 3.
    actual_seq_lengths, actual_seq_lengths_kv: one number for all or one for each entry; TND: cumulative ends, but
        lengths of keys in pages.
    quant_scale2, quant_offset2: int8 output; one number or one for each channel.
    antiquant_*: joint factors of key and value, mode 0 per channel, 1 per token; key_ and value_antiquant_*: separate
        ones, mode 0 to 5.  x = (stored + offset) * scale.
    block_table: int32 (B, max_blocks), with block_size.  query_padding_size, kv_padding_size: rows of left padding's
        other end; count only beside actual lengths.  key_ and value_shared_prefix: (1, ...) in key's layout, of which
        actual_shared_prefix_len rows count (-1: all).  learnable_sink: (N).  query_rope, key_rope: further numbers of
        each row of query and key.
    softmax_lse_flag: also return softmax_lse.  out: attention_out, or a dict of attention_out, softmax_lse.
    """
    return perform("prompt_flash_attention", locals())


def incre_flash_attention(
        query: Tensor, key: TensorOrList, value: TensorOrList, *, num_heads: int, num_key_value_heads: int = 0,
        input_layout: str = "BSH", scale_value: float = 1.0, attn_mask: Optional[Tensor] = None,
        padding_mask: Optional[Tensor] = None, pse_shift: Optional[Tensor] = None,
        actual_seq_lengths: Lengths = None, inner_precise: int = 1, sparse_mode: int = 0,
        dequant_scale1: Optional[Tensor] = None, quant_scale1: Optional[Tensor] = None,
        dequant_scale2: Optional[Tensor] = None, quant_scale2: Optional[Tensor] = None,
        quant_offset2: Optional[Tensor] = None, antiquant_scale: Optional[Tensor] = None,
        antiquant_offset: Optional[Tensor] = None, antiquant_mode: int = 0,
        key_antiquant_scale: Optional[Tensor] = None, key_antiquant_offset: Optional[Tensor] = None,
        value_antiquant_scale: Optional[Tensor] = None, value_antiquant_offset: Optional[Tensor] = None,
        key_antiquant_mode: int = 0, value_antiquant_mode: int = 0, block_table: Optional[Tensor] = None,
        block_size: int = 0, kv_padding_size: Padding = None, key_shared_prefix: Optional[Tensor] = None,
        value_shared_prefix: Optional[Tensor] = None, actual_shared_prefix_len: int = -1,
        learnable_sink: Optional[Tensor] = None, query_rope: Optional[Tensor] = None,
        key_rope: Optional[Tensor] = None, softmax_lse_flag: bool = False, limits: str = "none", out: Out = None,
        threads: int = 1, workspace: Optional[np.ndarray] = None, copy: bool = False) -> InferenceResult:
    """One step of decoding: query has one row, or with sparse_mode 3 (causal) and 9 (a tree) the rows of a draft.

    attn_mask: bool, uint8 or int8, not 0 drops: (B|1, S), (B|1, 1, S), (B|1, 1, 1, S); with sparse_mode 9 the tree
        (B|1, S1, S1).  actual_seq_lengths: of keys, one number for all or one for each entry.  inner_precise: 0 or 1.
    dequant_scale1, quant_scale1, dequant_scale2 and padding_mask must be None.
    All else as in prompt_flash_attention.
    """
    return perform("incre_flash_attention", locals())


def fused_infer_attention_score(
        query: Tensor, key: TensorOrList, value: TensorOrList, *, num_heads: int = 1, num_key_value_heads: int = 0,
        input_layout: str = "BSH", scale: float = 1.0, pse_shift: Optional[Tensor] = None,
        atten_mask: Optional[Tensor] = None, atten_mask_compressed: bool = False, actual_seq_lengths: Lengths = None,
        actual_seq_lengths_kv: Lengths = None, pre_tokens: int = TOKENS, next_tokens: int = TOKENS,
        sparse_mode: int = 0, inner_precise: int = 0, dequant_scale1: Optional[Tensor] = None,
        quant_scale1: Optional[Tensor] = None, dequant_scale2: Optional[Tensor] = None,
        quant_scale2: Optional[Tensor] = None, quant_offset2: Optional[Tensor] = None,
        antiquant_scale: Optional[Tensor] = None, antiquant_offset: Optional[Tensor] = None, antiquant_mode: int = 0,
        key_antiquant_scale: Optional[Tensor] = None, key_antiquant_offset: Optional[Tensor] = None,
        value_antiquant_scale: Optional[Tensor] = None, value_antiquant_offset: Optional[Tensor] = None,
        key_antiquant_mode: int = 0, value_antiquant_mode: int = 0, block_table: Optional[Tensor] = None,
        block_size: int = 0, query_padding_size: Padding = None, kv_padding_size: Padding = None,
        key_shared_prefix: Optional[Tensor] = None, value_shared_prefix: Optional[Tensor] = None,
        actual_shared_prefix_len: int = -1, learnable_sink: Optional[Tensor] = None,
        query_rope: Optional[Tensor] = None, key_rope: Optional[Tensor] = None, softmax_lse_flag: bool = False,
        limits: str = "none", out: Out = None, threads: int = 1, workspace: Optional[np.ndarray] = None,
        copy: bool = False) -> InferenceResult:
    """Prompts and decode in one: what prompt_flash_attention means by the same arguments.

    sparse_mode: 0 to 4, and 9 with the tree (B|1, S1, S1) as atten_mask.  scale, atten_mask, dequant_scale1 and
    dequant_scale2 are this operator's names of scale_value, attn_mask, deq_scale1 and deq_scale2.
    """
    return perform("fused_infer_attention_score", locals())
