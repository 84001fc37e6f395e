"""Query, key and value of case lines, drawn again in numpy, are those of the bundles."""
import collections

import numpy as np
import pytest

from oracle import generate
from oracle_bundles import bundles, changes_of, fixture_paths  # noqa: F401

# What nothing may read is overwritten: by NaN, and by the lowest integer.
LOWEST = {"i8": -128, "i4": -8}
TENSORS = ("query", "key", "value", "key.0", "value.0", "key.1", "value.1")


def test_known_words():
    """Block 0 of key 0 and counter 0 is Random123's first known answer."""
    assert [f"{word:016x}" for word in generate.words(0, 0, 2)] == ["e169c58d6627e8d5", "9b00dbd8bc57ac4c"]
    assert generate.normal(np.array([0, 2**64 - 1], np.uint64)).tolist() == [-2 * generate.ROOT3, 2 * generate.ROOT3]
    assert generate.uniform(np.array([2**63], np.uint64)).tolist() == [.5]


def test_rounding_to_bfloat16_is_to_even():
    ties = np.array([1 + 2.**-8, 1 + 3 * 2.**-8, -1 - 2.**-8, 1 + 2.**-8 + 2.**-20])
    assert generate.rounded(ties, "bf16").tolist() == [1, 1 + 2.**-6, -1, 1 + 2.**-7]


def test_unknown_numbers_are_refused():
    with pytest.raises(ValueError, match="onehot"):
        generate.tensor("seed=1 init=onehot", "query", (1,), "f32")


def test_bundles_hold_the_same_numbers(paths):
    compared = collections.Counter()
    for each in bundles(paths):
        if changes_of(each) or "key_rope" in each.arrays or "rope" in generate.keys_of(each.notes["case"]):
            continue  # rope beside a list or prefix is joined with the rows
        for name in TENSORS:
            if name not in each.arrays:
                continue
            dtype = each.about["types"].get(name, "f32")
            drawn = generate.tensor(each.notes["case"], name, each.arrays[name].shape, dtype)
            used = ~np.isnan(each.arrays[name]) & (each.arrays[name] != LOWEST.get(dtype))
            np.testing.assert_array_equal(each.arrays[name][used], drawn[used], err_msg=each.notes["case"])
            compared[f"{name} {dtype}"] += int(used.sum())
    expected = {f"{name} {dtype}" for name in ("query", "key", "value") for dtype in ("f32", "f16", "bf16", "i8")}
    assert sorted(name for name in expected | {"key i4", "value i4", "key.1 f16"} if compared[name] < 1000) == []
