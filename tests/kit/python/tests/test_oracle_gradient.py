"""The gradient of the numpy oracle against central differences of its own forward pass: everything at once."""
import numpy as np
import pytest

from oracle import attention, gradient

STEP = 1e-6
INPUTS = ("query", "key", "value", "query_rope", "key_rope", "pse", "sink")


def problem(rng: np.random.Generator, **changes):
    """Two entries, four heads on two, rope, bias, sink, dropout, mask."""
    parameters = {"layout": "BNSD", "head_num": 4, "scale": .7, "q_scale": 1.3, "sparse_mode": 1, "pse_type": 1,
                  "keep_prob": .8, "philox": True, "seed": 5, **changes}
    shapes = {"query": (2, 4, 3, 2), "key": (2, 2, 5, 2), "value": (2, 2, 5, 3), "query_rope": (2, 4, 3, 1),
              "key_rope": (2, 2, 5, 1), "pse": (1, 4, 1, 5), "sink": (4,), "d_out": (2, 4, 3, 3)}
    arrays = {name: rng.normal(size=shape) for name, shape in shapes.items()}
    arrays["attn_mask"] = (rng.random((3, 5)) < .3).astype(np.uint8)
    return parameters, arrays


def loss(parameters, arrays) -> float:
    return float((attention(parameters, arrays)["out"] * arrays["d_out"]).sum())


@pytest.mark.parametrize("changes", [
    {}, {"pse_type": 0}, {"softcap": 1.5}, {"softcap": 1.5, "pse_type": 0},
    {"softcap": 1.5, "pse_type": 0, "softcap_order": "after_bias"}, {"keep_prob": 1}])
def test_central_differences(rng, changes):
    parameters, arrays = problem(rng, **changes)
    result = gradient(parameters, arrays)
    for name in INPUTS:
        direction = rng.normal(size=arrays[name].shape)
        ahead = loss(parameters, {**arrays, name: arrays[name] + STEP * direction})
        behind = loss(parameters, {**arrays, name: arrays[name] - STEP * direction})
        slope = float((result[f"d_{name}"] * direction).sum())
        assert slope == pytest.approx((ahead - behind) / (2 * STEP), rel=1e-7, abs=1e-8), name


def test_nan_that_no_row_sees_reaches_nothing(rng):
    parameters, arrays = problem(rng)
    arrays["attn_mask"][:, 2] = 1
    clean = {**attention(parameters, arrays), **gradient(parameters, arrays)}
    for name in ("key", "value", "key_rope"):
        arrays[name] = arrays[name].copy()
        arrays[name][:, :, 2] = np.nan
    spoilt = {**attention(parameters, arrays), **gradient(parameters, arrays)}
    for name, want in clean.items():
        np.testing.assert_array_equal(spoilt[name], want, err_msg=name)
