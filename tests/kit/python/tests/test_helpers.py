"""merge_state and rotary, by hand and against the operators and numpy."""
import numpy as np
import pytest

import glint


def tensors(rng):
    """query (2, 3, 4, 8), key and value (2, 10, 2, 8)."""
    return [rng.standard_normal(shape).astype(np.float32) for shape in ((2, 3, 4, 8), (2, 10, 2, 8), (2, 10, 2, 8))]


def test_parts_of_the_keys_become_the_whole(rng):
    """Keys in three parts, and one that saw nothing."""
    query, key, value = tensors(rng)
    call = {"num_heads": 4, "num_key_value_heads": 2, "input_layout": "BSND", "softmax_lse_flag": True}
    whole = glint.prompt_flash_attention(query, key, value, **call)
    parts = [glint.prompt_flash_attention(query, key[:, a:b].copy(), value[:, a:b].copy(), **call)
             for a, b in ((0, 1), (1, 7), (7, 10))]
    nothing = (np.full_like(query, np.nan), np.full((2, 4, 3, 1), np.inf, np.float32))
    merged = glint.merge_state([tuple(part) for part in parts] + [nothing], num_heads=4, input_layout="BSND")
    np.testing.assert_allclose(merged.attention_out, whole.attention_out, atol=1e-6)
    np.testing.assert_allclose(merged.softmax_lse, whole.softmax_lse, atol=1e-6)


def test_merging_refuses():
    """Shapes, types, lists."""
    out, lse = np.zeros((1, 2, 8), np.float32), np.zeros((1, 1, 2, 1), np.float32)
    for parts, code in (([(out, lse), (out[:, :1].copy(), lse)], 61), ([(out, lse.astype(np.float64))], 36),
                        ([(out, lse[:, :, :1].copy())], 62), ([(out.astype(np.int8), lse)], 32)):
        with pytest.raises(glint.IllegalArgument) as caught:
            glint.merge_state(parts, num_heads=1)
        assert caught.value.code == code
    with pytest.raises(ValueError, match="at least one"):
        glint.merge_state([], num_heads=1)


@pytest.mark.parametrize("style", ["half_split", "interleaved"])
def test_rotary(rng, style):
    """Against the definition in complex numbers, by first position, by positions, by tables, and in place."""
    x = rng.standard_normal((2, 3, 4, 8)).astype(np.float32)
    position = np.array([[5, 6, 7], [100, 101, 102]])
    angle = position[..., None] * 500.0 ** (-np.arange(3) / 3)  # rotary_dim 6
    a, b = (x[..., :3], x[..., 3:6]) if style == "half_split" else (x[..., 0:6:2], x[..., 1:6:2])
    turned = (a + 1j * b) * np.exp(1j * angle)[:, :, None]
    want = x.astype(np.float64)
    real, imaginary = (slice(0, 3), slice(3, 6)) if style == "half_split" else (slice(0, 6, 2), slice(1, 6, 2))
    want[..., real], want[..., imaginary] = turned.real, turned.imag
    call = {"num_heads": 4, "input_layout": "BSND", "style": style, "rotary_dim": 6}
    np.testing.assert_allclose(glint.rotary(x, first_positions=[5, 100], theta=500.0, **call), want, atol=1e-5)
    np.testing.assert_allclose(glint.rotary(x, positions=position, theta=500.0, **call), want, atol=1e-5)
    table = np.arange(128)[:, None] * 500.0 ** (-np.arange(3) / 3)
    tables = {"cos_table": np.cos(table).astype(np.float32), "sin_table": np.sin(table).astype(np.float32)}
    np.testing.assert_allclose(glint.rotary(x, first_positions=[5, 100], **tables, **call), want, atol=1e-5)
    again = x.copy()
    assert glint.rotary(again, positions=position, theta=500.0, out=again, **call) is again
    np.testing.assert_allclose(again, want, atol=1e-5)


def test_rotary_refuses(rng):
    """Position lists, sizes and tables."""
    x = rng.standard_normal((1, 2, 8)).astype(np.float32)
    table = np.zeros((4, 4), np.float32)
    for wrong, code in (({}, 334), ({"first_positions": 0, "rotary_dim": 10}, 331), ({"first_positions": [0, 1]}, 146),
                        ({"first_positions": 0, "cos_table": table}, 333), ({"first_positions": 0, "theta": 0.5}, 332),
                        ({"first_positions": 3, "cos_table": table, "sin_table": table}, 335),
                        ({"first_positions": 0, "cos_table": table[:, :3].copy(), "sin_table": table}, 331)):
        with pytest.raises(glint.IllegalArgument) as caught:
            glint.rotary(x, num_heads=1, **wrong)
        assert caught.value.code == code, wrong
    with pytest.raises(ValueError, match="style"):
        glint.rotary(x, num_heads=1, first_positions=0, style="spiral")
