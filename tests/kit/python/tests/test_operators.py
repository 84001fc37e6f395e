"""Every operator: by hand, and in every data type and layout against the oracle."""
import math

import numpy as np
import pytest
from agreement import agree

import glint

LOG3 = math.log(3)


def test_score_by_hand():
    """Scores 0 and ln 3: weights 1/4 and 3/4."""
    q = np.array([[[1, 0]]], np.float32)
    k = np.array([[[0, 5], [LOG3, 7]]], np.float32)
    v = np.array([[[8, 0], [4, 100]]], np.float32)
    out, softmax_max, softmax_sum = glint.flash_attention_score(q, k, v, head_num=1)
    np.testing.assert_allclose(out, [[[5, 75]]], rtol=1e-6)
    assert softmax_max.shape == (1, 1, 1, 8)
    np.testing.assert_allclose(softmax_max, np.full((1, 1, 1, 8), LOG3), rtol=1e-6)
    np.testing.assert_allclose(softmax_sum, np.full((1, 1, 1, 8), 4 / 3), rtol=1e-6)
    answer = glint.reference.flash_attention_score(q, k, v, head_num=1, keep_probabilities=True)
    np.testing.assert_allclose(answer.attention_out, [[[5, 75]]], rtol=1e-7)
    np.testing.assert_allclose(answer.probabilities, [[[[0.25, 0.75]]]], rtol=1e-7)
    np.testing.assert_allclose(answer.softmax_lse, [[[math.log(4)]]], rtol=1e-7)


def test_inference_by_hand():
    """The same numbers; the second row of a causal prompt sees both keys, the first one only the first."""
    q = np.array([[[1, 0], [1, 0]]], np.float32)
    k = np.array([[[0, 5], [LOG3, 7]]], np.float32)
    v = np.array([[[8, 0], [4, 100]]], np.float32)
    causal = {"num_heads": 1, "sparse_mode": 2}
    out, lse = glint.prompt_flash_attention(q, k, v, attn_mask_compressed=True, softmax_lse_flag=True, **causal)
    np.testing.assert_allclose(out, [[[8, 0], [5, 75]]], rtol=1e-6)
    np.testing.assert_allclose(lse, [[[[0], [math.log(4)]]]], atol=1e-6)
    out, lse = glint.fused_infer_attention_score(q, k, v, atten_mask="compressed", **causal)
    np.testing.assert_allclose(out, [[[8, 0], [5, 75]]], rtol=1e-6)
    assert lse is None
    out, _ = glint.incre_flash_attention(q[:, :1], k, v, num_heads=1)
    np.testing.assert_allclose(out, [[[5, 75]]], rtol=1e-6)


def test_gradient_by_hand():
    """Weights p = 1/4, 3/4 and dy = (1, 0): dS_j = p_j (v_j0 - 5), so dS = (3/4, -3/4)."""
    q = np.array([[[1, 0]]], np.float32)
    k = np.array([[[0, 5], [LOG3, 7]]], np.float32)
    v = np.array([[[8, 0], [4, 100]]], np.float32)
    dy = np.array([[[1, 0]]], np.float32)
    forward = glint.flash_attention_score(q, k, v, head_num=1)
    dq, dk, dv = glint.flash_attention_score_grad(q, k, v, dy, *forward, head_num=1)
    np.testing.assert_allclose(dv, [[[0.25, 0], [0.75, 0]]], rtol=1e-6)
    np.testing.assert_allclose(dk, [[[0.75, 0], [-0.75, 0]]], rtol=1e-6)
    np.testing.assert_allclose(dq, [[[-0.75 * LOG3, 0.75 * (5 - 7)]]], rtol=1e-6)


def as_type(kind, array):
    """The array in a type of glint."""
    return glint.bfloat16(array.astype(np.float32)) if kind == "bfloat16" else array.astype(kind)


@pytest.fixture(params=["float32", "float16", "bfloat16"])
def kind(request):
    """The data types of query."""
    return request.param


# Shapes of B = 2, N = 4, N2 = 2, S1 = 5, S2 = 7, D = 16, Dv = 8.
SHAPES = {"BSH": ((2, 5, 64), (2, 7, 32), (2, 7, 16)), "SBH": ((5, 2, 64), (7, 2, 32), (7, 2, 16)),
          "BNSD": ((2, 4, 5, 16), (2, 2, 7, 16), (2, 2, 7, 8)), "BSND": ((2, 5, 4, 16), (2, 7, 2, 16), (2, 7, 2, 8)),
          "TND": ((10, 4, 16), (14, 2, 16), (14, 2, 8))}
OUT = {"BSH": (2, 5, 32), "SBH": (5, 2, 32), "BNSD": (2, 4, 5, 8), "BSND": (2, 5, 4, 8), "TND": (10, 4, 8)}


def operands(rng, layout, kind):
    """query, key and value."""
    return [as_type(kind, rng.standard_normal(shape)) for shape in SHAPES[layout]]


@pytest.mark.parametrize("layout", SHAPES)
def test_training(rng, layout, kind):
    """Forward and gradient in every layout and type."""
    tensors = operands(rng, layout, kind)
    lists = {"actual_seq_qlen": [3, 10], "actual_seq_kvlen": [6, 14]} if layout == "TND" else {}
    call = {"head_num": 4, "input_layout": layout, "scale_value": 0.25, **lists}
    forward = agree(glint.flash_attention_score, *tensors, **call)
    assert forward.attention_out.shape == OUT[layout]
    assert forward.softmax_max.shape == ((10, 4, 8) if layout == "TND" else (2, 4, 5, 8))
    dy = as_type(kind, rng.standard_normal(OUT[layout]))
    gradients = agree(glint.flash_attention_score_grad, *tensors, dy, *forward, **call)
    for gradient, of in zip(gradients, tensors):
        assert gradient.shape == of.shape and type(gradient) is type(of)


@pytest.mark.parametrize("layout", ["BSH", "BNSD", "BSND", "TND", "BNSD_BSND"])
@pytest.mark.parametrize("operator", [glint.prompt_flash_attention, glint.fused_infer_attention_score])
def test_prompts(rng, operator, layout, kind):
    """Both operators of prompts in every layout and type."""
    tensors = operands(rng, layout.split("_")[0], kind)
    lists = {"actual_seq_lengths": [3, 10], "actual_seq_lengths_kv": [6, 14]} if layout == "TND" else {}
    result = agree(operator, *tensors, num_heads=4, num_key_value_heads=2, input_layout=layout, softmax_lse_flag=True,
                   **lists)
    assert result.attention_out.shape == OUT[layout.split("_")[-1]]
    assert result.softmax_lse.shape == ((10, 4, 1) if layout == "TND" else (2, 4, 5, 1))


@pytest.mark.parametrize("layout", ["BSH", "BNSD", "BSND"])
def test_decode(rng, layout, kind):
    """One query row."""
    query, key, value = operands(rng, layout, kind)
    rows = SHAPES[layout][0]
    one = tuple(1 if extent == 5 else extent for extent in rows)
    query = as_type(kind, rng.standard_normal(one))
    agree(glint.incre_flash_attention, query, key, value, num_heads=4, num_key_value_heads=2, input_layout=layout,
          softmax_lse_flag=True)


def test_threads_change_no_bit(rng, kind):
    """Nor does a workspace of the caller."""
    tensors = operands(rng, "BSND", kind)
    call = {"head_num": 4, "input_layout": "BSND", "scale_value": 0.25}
    once = glint.flash_attention_score(*tensors, **call)
    size = glint.workspace_bytes(glint.flash_attention_score, *tensors, threads=3, **call)
    workspace = np.empty(size, np.uint8)
    again = glint.flash_attention_score(*tensors, threads=3, workspace=workspace, **call)
    everywhere = glint.flash_attention_score(*tensors, threads=0, **call)
    for other in (again, everywhere):
        for left, right in zip(once, other):
            assert np.asarray(left).tobytes() == np.asarray(right).tobytes()


def test_a_key_tensor_without_rows():
    """Zeros, and 0 and 0 in the statistics."""
    q, k = np.ones((1, 2, 4), np.float32), np.ones((1, 0, 4), np.float32)
    result = agree(glint.flash_attention_score, q, k, k, head_num=1)
    assert not result.attention_out.any() and not result.softmax_max.any()


def test_numbers_of_both_kinds():
    """bfloat16 rounds to nearest even, int4 packs."""
    halves = glint.bfloat16(np.array([1.0, 1 + 2 ** -8, 1 + 3 * 2 ** -8, -0.0, np.inf, np.nan], np.float32))
    assert [hex(bits) for bits in halves.bits[:5]] == ["0x3f80", "0x3f80", "0x3f82", "0x8000", "0x7f80"]
    assert np.isnan(halves.float32()[5])
    numbers = np.arange(-8, 8, dtype=np.int8).reshape(2, 8)
    packed = glint.int4(numbers)
    assert packed.packed.shape == (2, 4) and packed.packed[0, 0] == 0x98
    np.testing.assert_array_equal(packed.int8(), numbers)
    np.testing.assert_array_equal(glint.int4(packed.packed, (2, 8)).int8(), numbers)
    for wrong in (np.arange(3), np.array([8, 0]), np.array([0.5, 1])):
        with pytest.raises(ValueError):
            glint.int4(wrong)
