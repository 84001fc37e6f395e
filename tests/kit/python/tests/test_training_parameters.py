"""Every parameter of the operators of training: agrees with the oracle and changes the result."""
import inspect

import numpy as np
import pytest
from agreement import SEEN, agree

import glint

SHAPE = {"head_num": 2, "input_layout": "BNSD", "scale_value": 0.5}


@pytest.fixture
def tensors(rng):
    """B = 2, N = 2, S1 = S2 = 16, D = 8."""
    return [rng.standard_normal((2, 2, 16, 8)).astype(np.float32) for _ in range(3)]


def both(tensors, rng, matters, **parameters):
    """The forward and its gradient, with everything that the gradient can have."""
    call = {**SHAPE, **parameters}
    forward = agree(glint.flash_attention_score, *tensors, matters=matters, **call)
    dy = rng.standard_normal(forward.attention_out.shape).astype(np.float32)
    biased = call.get("pse_type", 1) < 2 and call.get("real_shift_form") != "compressed"
    agree(glint.flash_attention_score_grad, *tensors, dy, *forward, dpse="real_shift" in call and biased,
          dsink="sink" in call, matters=matters, **call)


@pytest.mark.parametrize("name, value", [("scale_value", 0.25), ("q_scale", 0.5)])
def test_scales(tensors, rng, name, value):
    """Factors of the scores."""
    both(tensors, rng, name, **{name: value})


@pytest.mark.parametrize("shape", [(2, 2, 16, 16), (1, 2, 16, 16), (2, 1, 1, 16)])
@pytest.mark.parametrize("pse_type", [0, 1])
def test_bias(tensors, rng, shape, pse_type):
    """real_shift in its broadcast shapes and both orders."""
    bias = rng.standard_normal(shape).astype(np.float32)
    both(tensors, rng, "real_shift", real_shift=bias, pse_type=pse_type)
    both(tensors, rng, "pse_type", real_shift=bias, pse_type=0)


@pytest.mark.parametrize("pse_type", [2, 3])
def test_slopes(tensors, rng, pse_type):
    """Generated biases, and where their rows and keys stand."""
    slopes = np.array([0.5, 0.25], np.float32)
    call = {"real_shift": slopes, "pse_type": pse_type, "q_start_idx": [3], "kv_start_idx": [5]}
    for name in ("q_start_idx", "kv_start_idx"):
        both(tensors, rng, name, **call)


def test_compressed_bias(rng):
    """The last 1024 rows of an ALiBi matrix, in a call of fewer rows and more keys."""
    q = rng.standard_normal((1, 1, 1040, 2)).astype(np.float32)
    distance = np.arange(1024)[:, None] - np.arange(1040)[None, :] + 16.0
    bias = (-0.01 * distance)[None, None].astype(np.float32)
    call = {"head_num": 1, "input_layout": "BNSD", "real_shift": bias, "sparse_mode": 3, "attn_mask_compressed": True}
    explicit = agree(glint.flash_attention_score, q, q, q, real_shift_form="compressed", **call)
    guessed = glint.flash_attention_score(q, q, q, **call)  # 1024 rows where query has another number
    np.testing.assert_array_equal(explicit.attention_out, guessed.attention_out)


def test_packed_sequences(rng):
    """TND: lists, both orders of the statistics, flat biases, and rows behind the last sequence."""
    q, k = (rng.standard_normal((tokens, 2, 8)).astype(np.float32) for tokens in (7, 9))
    lists = {"input_layout": "TND", "head_num": 2, "actual_seq_qlen": [2, 6], "actual_seq_kvlen": [3, 9]}
    per_score = rng.standard_normal(2 * (2 * 3 + 4 * 6)).astype(np.float32)
    per_column = rng.standard_normal(2 * 9).astype(np.float32)
    for parameters in ({}, {"softmax_layout": "TND"}, {"real_shift": per_score, "real_shift_form": "tnd_per_score"},
                       {"real_shift": per_column, "real_shift_form": "tnd_per_column"}):
        forward = agree(glint.flash_attention_score, q, k, k, **lists, **parameters)
        dy = rng.standard_normal(forward.attention_out.shape).astype(np.float32)
        agree(glint.flash_attention_score_grad, q, k, k, dy, *forward, dpse="real_shift" in parameters, **lists,
              **parameters)
    by_token = glint.flash_attention_score(q, k, k, softmax_layout="TND", **lists).softmax_max[..., 0]
    blocks = glint.flash_attention_score(q, k, k, **lists).softmax_max[..., 0].ravel()
    np.testing.assert_array_equal(blocks[:4].reshape(2, 2), by_token[:2].T)
    np.testing.assert_array_equal(blocks[4:12].reshape(2, 4), by_token[2:6].T)


@pytest.mark.parametrize("dtype", [np.bool_, np.uint8])
@pytest.mark.parametrize("shape", [(16, 16), (2, 1, 16, 16), (2, 2, 16, 16)])
def test_masks(tensors, rng, shape, dtype):
    """A mask's shapes and types; 1 drops."""
    both(tensors, rng, "attn_mask", attn_mask=(rng.random(shape) < 0.3).astype(dtype))


def test_sparse_modes(tensors, rng):
    """Modes with tokens, compressed masks and prefixes."""
    none = np.zeros((16, 16), np.bool_)
    both(tensors, rng, "pre_tokens", attn_mask=none, pre_tokens=3)
    both(tensors, rng, "next_tokens", attn_mask=none, next_tokens=2)
    for mode in (2, 3):
        both(tensors, rng, "attn_mask_compressed", attn_mask_compressed=True, sparse_mode=mode)
    band = {"attn_mask_compressed": True, "sparse_mode": 4, "pre_tokens": 4, "next_tokens": 1}
    both(tensors, rng, "pre_tokens", **band)
    both(tensors, rng, "", attn_mask_compressed=True, sparse_mode=6, prefix=[4, 9])
    both(tensors, rng, "prefix", attn_mask=np.zeros((2, 1, 16, 16), np.bool_), sparse_mode=5, prefix=[4, 9])
    both(tensors, rng, "sparse_mode", attn_mask=none, sparse_mode=1, pre_tokens=2)


def test_dropout(tensors, rng):
    """Bits that come in, and bits that are generated; the state comes back."""
    bits = rng.integers(0, 256, (2, 2, 16, 2), np.uint8)
    both(tensors, rng, "drop_mask", drop_mask=bits, keep_prob=0.8)
    both(tensors, rng, "", drop_mask=bits.ravel(), keep_prob=0.8)
    for name in ("seed", "offset"):
        both(tensors, rng, name, generate_dropout=True, keep_prob=0.7, seed=2 ** 63 + 5, offset=12)
    result = glint.flash_attention_score(*tensors, generate_dropout=True, keep_prob=0.7, seed=5, offset=12, **SHAPE)
    assert (result.seed, result.offset, result.numels) == (5, 12, 2 * 2 * 16 * 16)
    assert glint.flash_attention_score(*tensors, **SHAPE).numels == 0


def test_sink_and_precision(tensors, rng):
    """A sink takes part in the softmax; inner_precise and limits change no float32 result."""
    both(tensors, rng, "sink", sink=np.array([1, -1], np.float32))
    both(tensors, rng, "", inner_precise=2, limits="none")
    with pytest.raises(glint.IllegalArgument):
        glint.flash_attention_score(*tensors, limits="ascend", **SHAPE)  # which has no float32


@pytest.mark.parametrize("operator", [glint.flash_attention_score, glint.flash_attention_score_grad])
def test_every_parameter_was_given(operator):
    """Runs last: what this file forgets is named here."""
    ours = {"out", "threads", "workspace", "copy", "padding_mask"}
    named = {name for name, parameter in inspect.signature(operator).parameters.items()
             if parameter.kind is inspect.Parameter.KEYWORD_ONLY}
    assert named - ours - SEEN[operator.__name__] == set()
