"""The numpy oracle against numbers that a person can check: sums on paper and the operator documents' own examples."""
import numpy as np
import pytest

from oracle import attention, gradient
from oracle.bias import bias
from oracle.dropout import philox4x32, philox_bytes
from oracle.lengths import Entry
from oracle.parameters import Parameters

LN2 = np.log(2)
FLOAT_MAX = float(np.finfo(np.float32).max)

# Two rows and three keys: with scale ln 2 the weights exp(x) are powers of two.
QUERY = np.array([[1., 0.], [0., 1.]])
KEY = np.array([[1., 0.], [0., 1.], [1., 1.]])  # q.k = [[1, 0, 1], [0, 1, 1]], weights [[2, 1, 2], [1, 2, 2]] / 5
VALUE = np.array([[1.], [2.], [4.]])


def rows(*matrices: np.ndarray) -> np.ndarray:
    """(1, N, S, D) of one matrix for each head."""
    return np.stack([np.asarray(matrix, np.float64) for matrix in matrices])[np.newaxis]


def ask(query, key, value, arrays=None, **parameters):
    """One head, BNSD."""
    parameters = {"layout": "BNSD", **parameters}
    return attention(parameters, {"query": rows(query), "key": rows(key), "value": rows(value), **(arrays or {})})


def test_two_rows_three_keys():
    result = ask(QUERY, KEY, VALUE, scale=LN2, keep_probabilities=True)
    np.testing.assert_allclose(result["out"], rows([[12 / 5], [13 / 5]]), rtol=1e-15)
    np.testing.assert_allclose(result["softmax_max"], [[[LN2, LN2]]], rtol=1e-15)
    np.testing.assert_allclose(result["softmax_sum"], [[[2.5, 2.5]]], rtol=1e-15)
    np.testing.assert_allclose(result["lse"], [[[np.log(5), np.log(5)]]], rtol=1e-15)
    np.testing.assert_allclose(result["probabilities.0.0"], [[.4, .2, .4], [.2, .4, .4]], rtol=1e-15)


def test_gradient_of_two_rows_three_keys():
    """dY = (1, 0)': P = (.4, .2, .4), dP = (1, 2, 4), rowsum = 2.4, dS = (-.56, -.08, .64)."""
    arrays = {"query": rows(QUERY), "key": rows(KEY), "value": rows(VALUE), "d_out": rows([[1], [0]])}
    result = gradient({"layout": "BNSD", "scale": LN2}, arrays)
    np.testing.assert_allclose(result["d_value"], rows([[.4], [.2], [.4]]), rtol=1e-14)
    np.testing.assert_allclose(result["d_query"], LN2 * rows([[.08, .56], [0, 0]]), rtol=1e-13)
    np.testing.assert_allclose(result["d_key"], LN2 * rows([[-.56, 0], [-.08, 0], [.64, 0]]), rtol=1e-13)


def keep_counts(query_rows: int, keys: int, **parameters):
    """How many keys each row sees: queries of 0 make weights uniform, and values of 1, 2, 4, ... name the keys."""
    return seen(query_rows, keys, **parameters).sum(axis=1).tolist()


def seen(query_rows: int, keys: int, arrays=None, **parameters) -> np.ndarray:
    """Boolean (rows, keys), read from `out`: with one-hot values it is the kept keys over their number."""
    result = ask(np.zeros((query_rows, 1)), np.zeros((keys, 1)), np.eye(keys), arrays, implied_mask=True, **parameters)
    return result["out"][0, 0] > 0


def test_corners_of_the_causal_modes():
    """Mode 2 starts in the upper left corner, mode 3 ends in the lower right one."""
    assert keep_counts(4, 6, sparse_mode=2) == [1, 2, 3, 4]
    assert keep_counts(4, 6, sparse_mode=3) == [3, 4, 5, 6]
    assert keep_counts(6, 4, sparse_mode=2) == [1, 2, 3, 4, 4, 4]
    assert keep_counts(6, 4, sparse_mode=3) == [0, 0, 1, 2, 3, 4]
    assert keep_counts(4, 4, sparse_mode=2) == keep_counts(4, 4, sparse_mode=3) == [1, 2, 3, 4]


def test_bands():
    """Mode 0 counts tokens from the upper left corner, mode 4 from the lower right one."""
    assert seen(3, 5, sparse_mode=0, pre_tokens=1, next_tokens=0).astype(int).tolist() == [
        [1, 0, 0, 0, 0], [1, 1, 0, 0, 0], [0, 1, 1, 0, 0]]
    assert seen(3, 5, sparse_mode=4, pre_tokens=1, next_tokens=0).astype(int).tolist() == [
        [0, 1, 1, 0, 0], [0, 0, 1, 1, 0], [0, 0, 0, 1, 1]]
    assert keep_counts(13, 10, sparse_mode=0, pre_tokens=9, next_tokens=-3) == [0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 7, 7, 7]
    assert keep_counts(13, 16, sparse_mode=4, pre_tokens=6, next_tokens=4) == [8, 9, 10] + [11] * 6 + [10, 9, 8, 7]


def test_prefix_of_modes_5_and_6():
    """A triangle in the lower right corner and the columns before the prefix."""
    for mode in (5, 6):
        assert keep_counts(3, 4, sparse_mode=mode, prefix=[3]) == [3, 3, 4]
    assert keep_counts(3, 4, sparse_mode=5, prefix=[5]) == [4, 4, 4]  # above S2: as if there were none


def ragged_counts(q_ends, kv_ends, **parameters):
    keys = max(kv_ends)
    arrays = {"query": np.zeros((max(q_ends), 1, 1)), "key": np.zeros((keys, 1, 1)),
              "value": np.eye(keys)[:, np.newaxis]}
    parameters = {"layout": "TND", "implied_mask": True, "actual_seq_qlen": q_ends, "actual_seq_kvlen": kv_ends,
                  **parameters}
    return (attention(parameters, arrays)["out"][:, 0] > 0).sum(axis=1).tolist()


def test_worked_examples_of_modes_7_and_8():
    assert ragged_counts([3, 5], [3, 9], sparse_mode=7, pre_tokens=6, next_tokens=-2) == [1, 2, 3] + [3, 4]
    assert ragged_counts([3, 8, 12], [4, 9, 13], sparse_mode=8, pre_tokens=4, next_tokens=1) == (
        [3, 4, 4] + [1, 2, 3, 4, 5] + [1, 2, 3, 4])


def test_mode_7_and_8_look_for_the_sequence_with_queries():
    """Empty sequences are not the last or first one, also where zeros end the list."""
    assert ragged_counts([3, 5, 0], [3, 9, 9], sparse_mode=7, pre_tokens=6, next_tokens=-2) == [1, 2, 3] + [3, 4]
    assert ragged_counts([0, 2, 4], [2, 4, 6], sparse_mode=8, pre_tokens=0, next_tokens=1) == [2, 1] + [1, 2]


def test_tree():
    """Mode 9: all keys before the tree's, and of those what it keeps."""
    tree = np.array([[[0, 1, 1], [0, 0, 1], [0, 1, 0]]], np.uint8)
    assert seen(3, 5, {"attn_mask": tree}, op="prompt", sparse_mode=9).astype(int).tolist() == [
        [1, 1, 1, 0, 0], [1, 1, 1, 1, 0], [1, 1, 1, 0, 1]]


def test_mask_one_drops():
    mask = np.array([[0, 1, 0], [1, 1, 0]], np.uint8)
    result = ask(np.zeros((2, 1)), np.zeros((3, 1)), np.eye(3), {"attn_mask": mask})
    np.testing.assert_allclose(result["out"][0, 0], [[.5, 0, .5], [0, 0, 1]])


def test_no_mask_is_full_attention_in_training():
    result = ask(np.zeros((2, 1)), np.zeros((3, 1)), np.eye(3), sparse_mode=2)
    np.testing.assert_allclose(result["softmax_sum"], [[[3, 3]]])


@pytest.mark.parametrize("invalid_row, out, total", [("zero", 0, FLOAT_MAX), ("uniform", 2, 3)])
def test_rows_that_see_nothing(invalid_row, out, total):
    mask = np.ones((1, 3), np.uint8)
    result = ask([[1]], [[1], [2], [3]], [[1], [2], [3]], {"attn_mask": mask}, invalid_row=invalid_row)
    assert result["out"].item() == pytest.approx(out)
    assert (result["softmax_max"].item(), result["softmax_sum"].item()) == (-FLOAT_MAX, total)


def test_a_sink_takes_part_in_the_sum_only():
    """exp(0), exp(0) and a sink of ln 2: 2 / 4 of the weight stays with the keys."""
    result = ask([[0]], [[0], [0]], [[4], [8]], {"sink": np.array([LN2])}, scale=7)
    assert result["out"].item() == pytest.approx(3)
    assert result["softmax_max"].item() == pytest.approx(LN2)
    assert result["softmax_sum"].item() == pytest.approx(2)
    blind = ask([[0]], [[0]], [[4]], {"sink": np.array([LN2]), "attn_mask": np.ones((1, 1), np.uint8)})
    assert [blind[name].item() for name in ("out", "softmax_max", "softmax_sum", "lse")] == [0, LN2, 1, LN2]


def test_order_of_scale_and_bias():
    """q.k = 2 and 0, bias 3 and 0, scale 1/2: x = 2.5 and 0, or 4 and 0."""
    arrays = {"pse": np.array([[3., 0.]])}
    for parameters, gap in (({"pse_type": 1}, 2.5), ({"pse_type": 0}, 4.), ({"op": "prompt", "pse_type": 1}, 4.)):
        result = ask([[1]], [[2], [0]], [[1], [0]], arrays, scale=.5, **parameters)
        assert result["out"].item() == pytest.approx(1 / (1 + np.exp(-gap)))


def test_slopes():
    """-slope |j + kv_start - i - q_start|, or its root; no kv start without a q start."""
    entry = Entry(0, (0, 0, 1), (0, 0, 3), 0, 0, np.arange(3))
    slopes = np.array([2.])
    generated = dict(q_start_idx=[4], kv_start_idx=[0])
    assert bias(Parameters(pse_type=2, **generated), slopes, entry, [entry]).tolist() == [[[-8, -6, -4]]]
    np.testing.assert_allclose(bias(Parameters(pse_type=3, **generated), slopes, entry, [entry]),
                               [[[-4, -2 * np.sqrt(3), -2 * np.sqrt(2)]]])
    assert bias(Parameters(pse_type=2, kv_start_idx=[9]), slopes, entry, [entry]).tolist() == [[[0, -2, -4]]]


def test_last_rows_of_a_bias_stand_for_all():
    size = 1030
    entry = Entry(0, (0, 0, size), (0, 0, size), 0, 0, np.arange(size))
    distance = np.arange(size)[:, np.newaxis] - np.arange(size)
    full = -.5 * np.abs(distance).astype(np.float64)
    pse = full[-1024:].reshape(1, 1, 1024, size)
    got = bias(Parameters(pse_form="compressed", sparse_mode=3), pse, entry, [entry])[0]
    np.testing.assert_array_equal(np.tril(got), np.tril(full))


def test_softcap():
    for order, gap in (("before_bias", 2 * np.tanh(1.5) + 1), ("after_bias", 2 * np.tanh(2))):
        result = ask([[3]], [[1], [0]], [[1], [0]], {"pse": np.array([[1., 0.]])}, pse_type=0, softcap=2.,
                     softcap_order=order)
        assert result["out"].item() == pytest.approx(1 / (1 + np.exp(-gap)))


def test_dropout_bits_are_one_stream_lowest_first():
    """Two heads of one row and three keys: bits 0 1 2 | 3 4 5 of 0b110101 are 1 0 1 | 0 1 1."""
    arrays = {"query": np.zeros((1, 2, 1, 1)), "key": np.zeros((1, 2, 3, 1)), "value": rows(np.eye(3), np.eye(3)),
              "drop_mask": np.array([0b110101], np.uint8)}
    result = attention({"layout": "BNSD", "head_num": 2, "keep_prob": .5}, arrays)
    np.testing.assert_allclose(result["out"][0, :, 0], np.array([[1, 0, 1], [0, 1, 1]]) / (.5 * 3))
    assert (result["softmax_sum"] == 3).all()  # of the weights before dropout


def test_known_answers_of_philox():
    def block(counter, key, rounds):
        return [f"{word:08x}" for word in philox4x32(np.array(counter, np.uint32), key, rounds)]

    assert block([0] * 4, 0, 7) == ["5f6fb709", "0d893f64", "4f121f81", "4f730a48"]
    assert block([0] * 4, 2, 7) == ["afcf3062", "f6539c39", "9b1d477a", "89cea381"]
    assert block([0] * 4, 0, 10) == ["6627e8d5", "e169c58d", "bc57ac4c", "9b00dbd8"]
    ones = [0xFFFFFFFF] * 4
    assert block(ones, 0xFFFFFFFFFFFFFFFF, 10) == ["408f276d", "41c83b0e", "a20bc7c6", "6d5451fd"]
    pi = [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344]
    assert block(pi, 0x299F31D0A4093822, 10) == ["d16cfe09", "94fdcceb", "5001e420", "24126ea1"]


def kept_by_philox(keys: int, **parameters) -> np.ndarray:
    return ask([[0]], np.zeros((keys, 1)), np.eye(keys), philox=True, **parameters)["out"].ravel() > 0


def test_first_keep_bits_of_philox():
    bits = kept_by_philox(16, keep_prob=.8, seed=2)
    assert "".join(str(int(bit)) for bit in bits) == "1101111011111101"


def test_philox_keeps_a_byte_that_equals_the_limit():
    """keep_prob * 255 is 102 here, and of 512 bytes some are."""
    random = philox_bytes(seed=2, offset=0, first_block=0, blocks=32)
    assert (random == 102).any()
    np.testing.assert_array_equal(kept_by_philox(512, keep_prob=.4, seed=2), random <= 102)


def test_philox_offset_counts_bytes():
    """Offset 16 begins at the second block, and so does 1: the next whole one."""
    later = philox_bytes(seed=2, offset=0, first_block=1, blocks=1)
    for offset in (1, 16):
        np.testing.assert_array_equal(philox_bytes(2, offset, 0, 1), later)


def test_antiquant_adds_before_it_multiplies():
    """Integer 3, offset 2, scale 1/2: 2.5."""
    factors = {"value_antiquant_scale": np.array([.5]), "value_antiquant_offset": np.array([2.])}
    assert ask([[0]], [[0]], [[3]], factors, op="incre")["out"].item() == 2.5


def test_factors_of_tokens_count_the_shared_prefix_first():
    factors = {"value_antiquant_scale": np.array([[1., 10., 100.]]), "key_shared_prefix": rows([[0]]),
               "value_shared_prefix": rows([[1]])}
    result = ask([[0]], [[0], [0]], [[1], [1]], factors, op="incre", value_antiquant_mode=1)
    assert result["out"].item() == pytest.approx(111 / 3)


def test_pages():
    """Positions 0 to 4 in blocks 2, 0, 1 of two slots: what lies elsewhere is not read."""
    pool = np.array([[2, 3], [4, np.nan], [0, 1], [np.nan, np.nan]])
    arrays = {"query": rows([[0]]), "key": pool.reshape(4, 2, 1), "value": pool.reshape(4, 2, 1),
              "block_table": np.array([[2, 0, 1, -1]])}
    parameters = {"op": "incre", "layout": "BNSD", "block_size": 2, "actual_seq_kvlen": [5]}
    assert attention(parameters, arrays)["out"].item() == pytest.approx(2)
    for shape in ((4, 1, 2, 1), (4, 1, 1, 2, 1)):
        arrays["key"], arrays["value"] = pool.reshape(shape), pool.reshape(shape)
        assert attention(parameters, arrays)["out"].item() == pytest.approx(2)


def test_padding_in_front():
    """Five rows, one padded behind and three used: rows 1, 2, 3; and 0 where they do not fit."""
    value = [[1], [2], [4], [8], [16]]
    for padding, want in ((1, 14 / 3), (-3, 28 / 3), (3, 0)):
        result = ask([[0]], np.zeros((5, 1)), value, op="incre", actual_seq_kvlen=[3], kv_padding_size=padding)
        assert result["out"].item() == pytest.approx(want)
    assert ask([[0]], np.zeros((5, 1)), value, op="incre", kv_padding_size=1)["out"].item() == pytest.approx(31 / 5)


def test_output_is_rounded_to_even_and_saturates():
    """Values 1, 3, 5, 500 times 1/2 plus 1: 1.5, 2.5, 3.5, 251."""
    factors = {"quant_scale2": np.array([.5]), "quant_offset2": np.array([1.])}
    result = ask([[0]], [[0]], [[1, 3, 5, 500]], factors, op="prompt")
    assert result["out"].ravel().tolist() == [2, 2, 4, 127]
    blind = ask([[0]], [[0]], [[1]], {**factors, "attn_mask": np.ones((1, 1), np.uint8)}, op="prompt", sparse_mode=1)
    assert blind["out"].item() == 1  # the offset


def test_int8_query():
    """One key: P = 1 becomes 127, times value 3 is 381; scale2 keeps 19 bits of its float."""
    arrays = {"dequant_scale1": np.array([1.]), "quant_scale1": np.array([127.]),
              "dequant_scale2": np.array([1 + 2.**-20])}
    result = ask([[2]], [[3]], [[3]], arrays, op="prompt", scale=.1)
    assert result["out"].item() == 381
    assert result["softmax_max"].item() == np.float16(6 * np.float16(.1))


def test_layouts_hold_the_same_numbers():
    rng = np.random.default_rng(1)
    query, key, value = rng.normal(size=(2, 3, 4, 5)), rng.normal(size=(2, 1, 6, 5)), rng.normal(size=(2, 1, 6, 7))
    want = attention({"layout": "BNSD", "head_num": 3}, {"query": query, "key": key, "value": value})["out"]
    stored = {"BSH": lambda x: x.transpose(0, 2, 1, 3).reshape(2, x.shape[2], -1),
              "SBH": lambda x: x.transpose(2, 0, 1, 3).reshape(x.shape[2], 2, -1),
              "BSND": lambda x: x.transpose(0, 2, 1, 3)}
    for layout, store in stored.items():
        arrays = {"query": store(query), "key": store(key), "value": store(value)}
        np.testing.assert_array_equal(attention({"layout": layout, "head_num": 3}, arrays)["out"], store(want))
    arrays = {"query": query, "key": key, "value": value}
    for layout, axes in (("BNSD_BSND", (0, 2, 1, 3)), ("BNSD_NBSD", (1, 0, 2, 3))):
        np.testing.assert_array_equal(attention({"layout": layout, "head_num": 3}, arrays)["out"], want.transpose(axes))


def test_unknown_parameters_are_errors():
    with pytest.raises(KeyError, match="scael"):
        ask([[0]], [[0]], [[0]], scael=1)
