"""Every parameter of the operators of inference: agrees with the oracle and changes the result."""
import inspect

import numpy as np
import pytest
from agreement import SEEN, agree

import glint

PROMPT, FUSED, INCRE = (glint.prompt_flash_attention, glint.fused_infer_attention_score, glint.incre_flash_attention)
SHAPE = {"num_heads": 4, "num_key_value_heads": 2, "input_layout": "BSND"}
# What the same thing is called.
NAMES = {PROMPT: {}, INCRE: {}, FUSED: {"scale_value": "scale", "attn_mask": "atten_mask",
                                        "attn_mask_compressed": "atten_mask_compressed",
                                        "deq_scale1": "dequant_scale1", "deq_scale2": "dequant_scale2"}}
every = pytest.mark.parametrize("operator", [PROMPT, FUSED, INCRE])
prompts = pytest.mark.parametrize("operator", [PROMPT, FUSED])


def tensors_for(operator, rng, dtype=np.float32):
    """B = 2, N = 4, N2 = 2, S2 = 16, D = 8; S1 = 1 for decode, else 5."""
    rows = 1 if operator is INCRE else 5
    return [rng.standard_normal(shape).astype(dtype) for shape in ((2, rows, 4, 8), (2, 16, 2, 8), (2, 16, 2, 8))]


def run(operator, tensors, matters="", **parameters):
    """Both, under the operator's own names."""
    names = NAMES[operator]
    call = {**SHAPE, **{names.get(name, name): value for name, value in parameters.items()}}
    return agree(operator, *tensors, matters=names.get(matters, matters), **call)


@every
def test_scale_bias_and_sink(operator, rng):
    """What is added to and multiplied with the scores."""
    tensors = tensors_for(operator, rng)
    rows = tensors[0].shape[1]
    run(operator, tensors, "scale_value", scale_value=0.3)
    for shape in ((2, 4, rows, 16), (1, 4, 1, 16)):
        run(operator, tensors, "pse_shift", pse_shift=rng.standard_normal(shape).astype(np.float32))
    run(operator, tensors, "learnable_sink", learnable_sink=np.array([1, 2, -1, 0], np.float32))
    run(operator, tensors, inner_precise=0, limits="none", softmax_lse_flag=True)


@prompts
def test_masks_of_prompts(operator, rng):
    """Masks, modes and tokens."""
    tensors = tensors_for(operator, rng)
    for shape in ((5, 16), (2, 5, 16), (2, 1, 5, 16)):
        run(operator, tensors, "attn_mask", attn_mask=rng.random(shape) < 0.3)
    none = np.zeros((5, 16), np.bool_)
    run(operator, tensors, "pre_tokens", attn_mask=none, pre_tokens=2)
    run(operator, tensors, "next_tokens", attn_mask=none, next_tokens=5)
    run(operator, tensors, "sparse_mode", attn_mask=none, sparse_mode=1, pre_tokens=2, next_tokens=2)
    for mode in (2, 3):
        run(operator, tensors, attn_mask_compressed=True, sparse_mode=mode)
    run(operator, tensors, attn_mask_compressed=True, sparse_mode=4, pre_tokens=3, next_tokens=-1)


def test_masks_of_decode(rng):
    """Masks over keys, and drafts."""
    query, key, value = tensors_for(INCRE, rng)
    for shape in ((2, 16), (1, 1, 16), (2, 1, 1, 16)):
        run(INCRE, [query, key, value], "attn_mask", attn_mask=rng.random(shape) < 0.3)
    draft = rng.standard_normal((2, 3, 4, 8)).astype(np.float32)
    run(INCRE, [draft, key, value], sparse_mode=3)
    tree = np.triu(np.ones((1, 3, 3), np.bool_), 1)
    run(INCRE, [draft, key, value], sparse_mode=9, attn_mask=tree)
    run(FUSED, [draft, key, value], sparse_mode=9, attn_mask=tree)


@every
def test_lengths_and_padding(operator, rng):
    """Lengths of keys, of queries where there are some, and rows of padding."""
    tensors = tensors_for(operator, rng)
    kv = "actual_seq_lengths" if operator is INCRE else "actual_seq_lengths_kv"
    run(operator, tensors, kv, **{kv: [9, 12]})
    run(operator, tensors, "kv_padding_size", kv_padding_size=3, **{kv: [9, 12]})
    if operator is INCRE:
        return
    run(operator, tensors, "actual_seq_lengths", actual_seq_lengths=[3, 4])
    run(operator, tensors, "query_padding_size", actual_seq_lengths=[3, 4], query_padding_size=np.array([1]))


@every
def test_lists_prefix_and_rope(operator, rng):
    """Where keys come from."""
    query, key, value = tensors_for(operator, rng)
    lists = [[np.ascontiguousarray(tensor[b:b + 1, :rows]) for b, rows in enumerate((16, 11))]
             for tensor in (key, value)]
    run(operator, [query, *lists])
    prefix = {"key_shared_prefix": key[:1, :6], "value_shared_prefix": value[:1, :6]}
    prefix = {name: np.ascontiguousarray(tensor) for name, tensor in prefix.items()}
    run(operator, [query, key, value], **prefix)
    run(operator, [query, key, value], "actual_shared_prefix_len", actual_shared_prefix_len=4, **prefix)
    rope = [rng.standard_normal((*tensor.shape[:3], 4)).astype(np.float32) for tensor in (query, key)]
    run(operator, [query, key, value], query_rope=rope[0], key_rope=rope[1])


@every
def test_pages(operator, rng):
    """A pool of pages; what no entry owns is not read."""
    query, _, _ = tensors_for(operator, rng)
    pool = rng.standard_normal((5, 8, 16)).astype(np.float32)
    pool[4] = np.nan
    table = np.array([[2, 0], [3, 1]], np.int32)
    lengths = {"actual_seq_lengths" if operator is INCRE else "actual_seq_lengths_kv": [9, 16]}
    once = run(operator, [query, pool, pool], block_table=table, block_size=8, **lengths)
    assert np.isfinite(once.attention_out).all()
    again = run(operator, [query, pool, pool], block_table=table[:, ::-1].copy(), block_size=8, **lengths)
    assert not np.array_equal(once.attention_out, again.attention_out)


@every
@pytest.mark.parametrize("bits", [8, 4])
def test_integer_caches(operator, rng, bits):
    """Joint and separate factors of int8 and int4, per channel and per token."""
    query = tensors_for(operator, rng, np.float16)[0]
    most = 2 ** (bits - 1)
    numbers = [rng.integers(-most, most, (2, 16, 2, 8), np.int8) for _ in range(2)]
    key, value = [glint.int4(n) if bits == 4 else n for n in numbers]
    joint = {"antiquant_scale": np.array([0.1, 0.2], np.float16), "antiquant_offset": np.array([1, 2], np.float16)}
    run(operator, [query, key, value], "antiquant_offset", **joint)
    per_token = {name: rng.random((2, 2, 16)).astype(np.float32) / 8 for name in joint}
    run(operator, [query, key, value], antiquant_mode=1, **per_token)
    separate = {f"{which}_antiquant_{what}": (rng.random((2, 16)) / 8).astype(np.float32)
                for which in ("key", "value") for what in ("scale", "offset")}
    for name in ("key_antiquant_offset", "value_antiquant_offset"):
        run(operator, [query, key, value], name, key_antiquant_mode=1, value_antiquant_mode=1, **separate)
    if bits == 4:  # the documents' own form: eight numbers in an int32
        words = [tensor.packed.view(np.int32) for tensor in (key, value)]
        packed = run(operator, [query, *words], **joint)
        plain = run(operator, [query, key, value], **joint)
        np.testing.assert_array_equal(packed.attention_out, plain.attention_out)


@every
def test_int8_output(operator, rng):
    """quant_scale2 and quant_offset2, one number and one for each channel."""
    tensors = tensors_for(operator, rng)
    for count in (1, 32):
        factors = {"quant_scale2": np.full(count, 30, np.float32), "quant_offset2": np.full(count, 5, np.float32)}
        result = run(operator, tensors, "quant_offset2", **factors)
        assert result.attention_out.dtype == np.int8


@prompts
def test_int8_query(operator, rng):
    """Integers through and through; scales as float32 or as the bits of one in a uint64."""
    tensors = [rng.integers(-20, 20, shape, np.int8) for shape in ((2, 5, 4, 8), (2, 16, 2, 8), (2, 16, 2, 8))]
    scales = [np.array([value], np.float32) for value in (0.01, 127, 0.001)]
    names = ("deq_scale1", "quant_scale1", "deq_scale2")
    plain = run(operator, tensors, **dict(zip(names, scales)))
    assert plain.attention_out.dtype == np.float16
    as_bits = [scales[0].view(np.uint32).astype(np.uint64), scales[1], scales[2].view(np.uint32).astype(np.uint64)]
    bits = run(operator, tensors, **dict(zip(names, as_bits)))
    np.testing.assert_array_equal(plain.attention_out, bits.attention_out)


@every
def test_every_parameter_was_given(operator):
    """Runs last: what this file forgets is named here."""
    ours = {"out", "threads", "workspace", "copy", "padding_mask"}
    forbidden = {"dequant_scale1", "quant_scale1", "dequant_scale2"} if operator is INCRE else set()
    named = {name for name, parameter in inspect.signature(operator).parameters.items()
             if parameter.kind is inspect.Parameter.KEYWORD_ONLY}
    assert named - ours - forbidden - SEEN[operator.__name__] == set()
