"""Nothing is copied behind the caller's back, outputs are written in place, and foreign tensors are understood."""
import numpy as np
import pytest

import glint
from glint import _perform, arrays

SHAPE = {"head_num": 2, "input_layout": "BSND"}


@pytest.fixture
def tensors(rng):
    """query, key, value."""
    return [rng.standard_normal((1, 4, 2, 8)).astype(np.float32) for _ in range(3)]


def pointers(operator, *tensors, **parameters):
    """What the library would be pointed at."""
    call, outputs = _perform.prepare(operator.__name__, _perform.arguments_of(operator, *tensors, **parameters))
    return call.struct, outputs


def test_inputs_are_shared(tensors):
    """The struct holds the arrays' own addresses; lists of int64 too."""
    ends = np.array([4], np.int64)
    packed = [tensor[0] for tensor in tensors]
    struct, _ = pointers(glint.flash_attention_score, *packed, head_num=2, input_layout="TND", actual_seq_qlen=ends,
                         actual_seq_kvlen=ends)
    assert [struct.query.data, struct.key.data, struct.value.data] == [tensor.ctypes.data for tensor in tensors]
    assert struct.actual_seq_qlen.data == ends.ctypes.data
    halves = glint.bfloat16(np.zeros((1, 1, 8), np.uint16))
    packed4 = glint.int4(np.zeros((1, 1, 4), np.uint8), (1, 1, 8))
    struct, _ = pointers(glint.incre_flash_attention, halves, packed4, packed4, num_heads=1)
    assert (struct.query.data, struct.key.data) == (halves.bits.ctypes.data, packed4.packed.ctypes.data)


def test_outputs_are_written_in_place(tensors):
    """Every output that is handed in is the one that comes back, and no byte beside it changes."""
    room = np.full((3, 1, 4, 2, 8), 7, np.float32)
    out = {"attention_out": room[1], "softmax_max": np.full((1, 2, 4), 7, np.float32)}
    result = glint.flash_attention_score(*tensors, out=out, **SHAPE)
    assert result.attention_out is out["attention_out"] and result.softmax_max is out["softmax_max"]
    assert result.softmax_sum.shape == (1, 2, 4)  # like its twin
    assert (room[0] == 7).all() and (room[2] == 7).all() and not (room[1] == 7).any()
    np.testing.assert_array_equal(room[1], glint.flash_attention_score(*tensors, **SHAPE).attention_out)
    single = np.empty_like(room[1])
    assert glint.flash_attention_score(*tensors, out=single, **SHAPE).attention_out is single
    dq = np.empty_like(tensors[0])
    gradient = glint.flash_attention_score_grad(*tensors, single, *result, out=dq, **SHAPE)
    assert gradient.dq is dq and gradient.dpse is None


def test_outputs_of_bfloat16_and_lse(tensors):
    """The wrapper's own bits are written; softmax_lse in `out` asks for it."""
    halves = [glint.bfloat16(tensor) for tensor in tensors]
    out = {"attention_out": glint.bfloat16(np.zeros((1, 4, 2, 8), np.uint16)),
           "softmax_lse": np.zeros((1, 2, 4, 1), np.float32)}
    result = glint.prompt_flash_attention(*halves, num_heads=2, input_layout="BSND", out=out)
    assert result.attention_out is out["attention_out"] and out["attention_out"].bits.any()
    assert result.softmax_lse is out["softmax_lse"] and out["softmax_lse"].all()


def test_strided_inputs_need_a_copy(tensors):
    """A view says so, and copy=True gives the same bits as a copy by hand."""
    query, key, value = tensors
    turned = np.ascontiguousarray(query.transpose(0, 2, 1, 3)).transpose(0, 2, 1, 3)
    assert not turned.flags.c_contiguous
    with pytest.raises(ValueError, match=r"query is not C-contiguous \(copy=True makes a copy\)"):
        glint.flash_attention_score(turned, key, value, **SHAPE)
    copied = glint.flash_attention_score(turned, key, value, copy=True, **SHAPE)
    np.testing.assert_array_equal(copied.attention_out, glint.flash_attention_score(*tensors, **SHAPE).attention_out)


def test_outputs_that_cannot_be_written(tensors):
    """Strided, read-only, of no name."""
    strided = np.empty((1, 4, 2, 16), np.float32)[..., ::2]
    with pytest.raises(ValueError, match="attention_out is not C-contiguous"):
        glint.flash_attention_score(*tensors, out=strided, copy=True, **SHAPE)
    fixed = np.empty((1, 4, 2, 8), np.float32)
    fixed.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        glint.flash_attention_score(*tensors, out=fixed, **SHAPE)
    with pytest.raises(TypeError, match="no output is called lse"):
        glint.flash_attention_score(*tensors, out={"lse": fixed}, **SHAPE)
    with pytest.raises(ValueError, match="workspace"):
        glint.flash_attention_score(*tensors, workspace=np.empty(8, np.uint8)[::2], **SHAPE)


class Interface:
    """A tensor of another library, by __array_interface__."""

    def __init__(self, array):
        self.array, self.__array_interface__ = array, array.__array_interface__


class Dlpack:
    """A tensor of another library, by __dlpack__."""

    def __init__(self, array):
        self.array, self.dtype, self.shape = array, array.dtype, array.shape

    def __dlpack__(self, stream=None):
        return self.array.__dlpack__()

    def __dlpack_device__(self):
        return self.array.__dlpack_device__()


@pytest.mark.parametrize("wrap", [Interface, Dlpack])
def test_foreign_tensors(tensors, wrap):
    """They are understood and shared."""
    foreign = [wrap(tensor) for tensor in tensors]
    assert arrays.adopt("query", foreign[0]).ctypes.data == tensors[0].ctypes.data
    got = glint.flash_attention_score(*foreign, **SHAPE)
    np.testing.assert_array_equal(got.attention_out, glint.flash_attention_score(*tensors, **SHAPE).attention_out)


def test_what_is_no_tensor(tensors):
    """Lists, other types and other byte orders."""
    with pytest.raises(TypeError, match="query: wants a numpy array"):
        glint.flash_attention_score([[[1.0]]], *tensors[1:], **SHAPE)
    with pytest.raises(TypeError, match="query: glint has no type like complex64"):
        glint.flash_attention_score(tensors[0].astype(np.complex64), *tensors[1:], **SHAPE)
    with pytest.raises(TypeError, match="glint has no type like >f4"):
        glint.flash_attention_score(tensors[0].astype(">f4"), *tensors[1:], **SHAPE)


def test_the_oracle_leaves_outputs_alone(tensors):
    """It returns arrays of its own."""
    out = np.full((1, 4, 2, 8), 7, np.float32)
    answer = glint.reference.flash_attention_score(*tensors, out=out, **SHAPE)
    assert (out == 7).all() and answer.attention_out.dtype == np.float64
