"""What the documents forbid: a code, the rule, the two numbers, and nothing written."""
import pickle

import numpy as np
import pytest

import glint

OPERATORS = [glint.flash_attention_score, glint.prompt_flash_attention, glint.incre_flash_attention,
             glint.fused_infer_attention_score]


def tensors(rows=1):
    """query, key, value in BSND."""
    return [np.ones(shape, np.float32) for shape in ((1, rows, 2, 8), (1, 3, 2, 8), (1, 3, 2, 8))]


def heads(operator):
    """The operator's name for the number of heads."""
    return "head_num" if operator is glint.flash_attention_score else "num_heads"


def refused(operator, *arguments, **parameters):
    """The error of a call, which the oracle and check() must raise too, with outputs as they were."""
    out = np.full((1, 1, 2, 8), 7, np.float32)
    with pytest.raises(glint.IllegalArgument) as caught:
        operator(*arguments, out=out, **parameters)
    assert (out == 7).all()
    for again in (getattr(glint.reference, operator.__name__), lambda *a, **k: glint.check(operator, *a, **k),
                  lambda *a, **k: glint.workspace_bytes(operator, *a, **k)):
        with pytest.raises(glint.IllegalArgument) as other:
            again(*arguments, out=out, **parameters)
        assert vars(other.value) == vars(caught.value)
    return caught.value


@pytest.mark.parametrize("operator", OPERATORS)
def test_rules(operator):
    """One rule of each kind."""
    call = {heads(operator): 2, "input_layout": "BSND"}
    error = refused(operator, *tensors(), **{**call, "input_layout": "BDSN"})
    assert error.code == 50 and "input_layout" in error.rule
    error = refused(operator, *tensors(), **{**call, heads(operator): 3})
    assert (error.code, error.got, error.want) == (162, 2, 3)
    error = refused(operator, *tensors(), **{**call, "sparse_mode": -1})
    assert (error.code, error.got) == (80, -1)
    query, key, value = tensors()
    assert refused(operator, query.astype(np.float64), key, value, **call).code == 30
    assert refused(operator, query, key.astype(np.float16), value, **call).code in (30, 31)
    assert refused(operator, query, key[:, :2], value, **call).code == 60
    assert refused(operator, query[0], key, value, **call).code == 52
    flat = np.ones((1, 1, 1, 2, 8), np.float32)
    assert refused(operator, flat, key, value, **call).code == 52
    if operator is not glint.fused_infer_attention_score:
        assert refused(operator, *tensors(), padding_mask=np.zeros(1, np.float32), **call).code == 96


def test_an_error_tells_all():
    """Message, attributes, pickling."""
    with pytest.raises(ValueError, match=r"head_num must equal the head axis of query \(got 2, want 3\) \[code 162\]"):
        glint.flash_attention_score(*tensors(), head_num=3, input_layout="BSND")
    error = glint.IllegalArgument(162, "rule", 2, 3)
    assert vars(pickle.loads(pickle.dumps(error))) == vars(error)


def test_numbers_that_do_not_fit():
    """ctypes would cut them off."""
    call = {"input_layout": "BSND"}
    with pytest.raises(ValueError, match="head_num: 18446744073709551618 does not fit"):
        glint.flash_attention_score(*tensors(), head_num=2 ** 64 + 2, **call)
    with pytest.raises(ValueError, match="sparse_mode: 4294967296 does not fit"):
        glint.flash_attention_score(*tensors(), head_num=2, sparse_mode=2 ** 32, **call)
    with pytest.raises(ValueError, match="seed: -1 does not fit"):
        glint.flash_attention_score(*tensors(), head_num=2, seed=-1, **call)
    with pytest.raises(TypeError, match="head_num: wants a whole number"):
        glint.flash_attention_score(*tensors(), head_num=2.0, **call)
    with pytest.raises(TypeError, match="prefix: wants a list of whole numbers"):
        glint.flash_attention_score(*tensors(), head_num=2, prefix=[1.5], **call)
    with pytest.raises(TypeError, match="input_layout: wants text"):
        glint.flash_attention_score(*tensors(), head_num=2, input_layout=3)


def test_words_and_threads():
    """Choices by name, and the number of threads."""
    call = {"head_num": 2, "input_layout": "BSND"}
    with pytest.raises(ValueError, match="limits: 'huawei' is none of none, ascend"):
        glint.flash_attention_score(*tensors(), limits="huawei", **call)
    with pytest.raises(ValueError, match="real_shift_form: 'flat' is none of dense"):
        glint.flash_attention_score(*tensors(), real_shift_form="flat", **call)
    with pytest.raises(ValueError, match="attn_mask: 'causal' is none of compressed"):
        glint.flash_attention_score(*tensors(), attn_mask="causal", **call)
    for threads in (-1, 1025):
        with pytest.raises(glint.IllegalArgument, match="threads is 0 to 1024"):
            glint.flash_attention_score(*tensors(), threads=threads, **call)
    small = np.empty(8, np.uint8)
    with pytest.raises(glint.IllegalArgument) as caught:
        glint.flash_attention_score(*tensors(rows=64), workspace=small, **call)
    assert caught.value.code == 14 and caught.value.got == 8


def test_gradients_that_are_not_there():
    """dpse without a bias and dsink without a sink are refused by the rules."""
    query, key, value = tensors()
    forward = glint.flash_attention_score(query, key, value, head_num=2, input_layout="BSND")
    call = {"head_num": 2, "input_layout": "BSND"}
    for name, code in (("dpse", 370), ("dsink", 373)):
        with pytest.raises(glint.IllegalArgument) as caught:
            glint.flash_attention_score_grad(query, key, value, query, *forward, **{name: True}, **call)
        assert caught.value.code == code
