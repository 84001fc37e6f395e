"""glint.ref: bundles, the checker, and glint's own kernels and oracle on random cases of every operator."""
import json
import os
import struct

import numpy as np
import pytest

import glint
from glint import _safetensors, ref

OPS = ["fwd", "bwd", "prompt", "incre"]
LINE = "op=fwd layout=BSND b=1 n=2 nkv=1 sq=3 skv=5 d=8 dtype=f32 seed=7"
CASES = int(os.environ.get("GLINT_TEST_CASES", "40"))  # of each operator

needs_kit = pytest.mark.skipif(not hasattr(glint._library.library(), "glint_ref_make"),
                               reason="this libglint was built without the reference kit")


@pytest.fixture
def case(tmp_path):
    """A bundle that lies in a file."""
    return ref.Bundle.load(ref.make(LINE, tmp_path / "case.safetensors", probabilities=True))


@needs_kit
def test_a_bundle(case):
    """Names, types, shapes, notes; the memory is the file's."""
    assert {"query", "key", "value"} <= set(case.inputs)
    assert case.inputs["query"].dtype == np.float32 and case.inputs["query"].shape == (1, 3, 2, 8)
    assert case.outputs["out"].dtype == np.float64 and case.outputs["out"].shape == (1, 3, 2, 8)
    assert case.tolerances["out"].dtype == np.float32 and (case.tolerances["out"] >= 0).all()
    assert case.parameters["head_num"] == 2 and case.line
    assert sorted(case.probabilities) == [(0, 0), (0, 1)] and case.probabilities[0, 1].shape == (3, 5)
    np.testing.assert_allclose(case.probabilities[0, 0].sum(axis=1), 1, rtol=1e-12)
    assert not case.inputs["query"].flags.owndata and not case.inputs["query"].flags.writeable


@needs_kit
def test_checking(case):
    """A right result passes by every way in; a wrong one fails with the place and a hint."""
    right = {"out": case.outputs["out"].astype(np.float32)}
    assert ref.check(case, right)
    assert ref.check(case.path, lambda bundle: {"out": bundle.outputs["out"].astype(np.float32)})
    wrong = right["out"].copy()
    wrong[0, 1, 1, 3] += 1
    report = ref.check(case, {"out": wrong}, hints=False)
    assert not report and not report.passed and report.hints == []
    worst = report.outputs["out"]["worst"]
    assert [worst[axis] for axis in "bnid"] == [0, 1, 1, 3]
    assert "FAIL" in str(report).upper()
    assert ref.check(case, {"out": wrong}, factor=1e9, hints=False)


@needs_kit
def test_a_hint(tmp_path):
    """A kernel that forgets the scale."""
    case = ref.bundle("op=fwd layout=BSND b=2 n=2 nkv=2 sq=33 skv=37 d=16 dtype=f32 scale=0.25 seed=3")
    q, k, v = (case.inputs[name] for name in ("query", "key", "value"))
    forgot = glint.flash_attention_score(q, k, v, head_num=2, input_layout="BSND", scale_value=1.0)
    report = ref.check(case, {"out": forgot.attention_out}, tile=(16, 32))
    assert not report and report.hints and report.hints[0].explained > 0.9
    assert "scale" in report.hints[0].id


@needs_kit
@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize("oracle", [True, False])
def test_drawn_cases(op, oracle):
    """The oracle through this package is the bundle's, bit for bit; glint's kernels pass the check."""
    for number in range(CASES):
        line = ref.draw(op, seed=5, number=number)
        case = ref.bundle(line)
        results = ref.run(case, oracle=oracle, threads=1 + number % 3)
        assert "d_query" in results if op == "bwd" else "out" in results
        if oracle:
            for name, tensor in results.items():
                assert np.array_equal(tensor, case.outputs[name], equal_nan=True), f"{line}: {name}"
        elif number % 4 == 0:
            report = ref.check(case, results, hints=False)
            assert report, f"{line}\n{report}"
        else:
            _assert_within(case, results, line)


def _assert_within(case, results, line):
    """The contract of a bundle, as its text has it; faster than files."""
    for name, tensor in results.items():
        if name not in case.tolerances or name == "softmax_sum":  # which is compared together with softmax_max
            continue
        got, want = np.asarray(tensor, np.float64), case.outputs[name]
        with np.errstate(all="ignore"):
            within = (np.abs(got - want) <= case.tolerances[name]) | (got == want) | np.isnan(want)
        if case.parameters["out_type"] == "f16":
            within |= np.isinf(got) & (np.abs(want) + case.tolerances[name] >= 65520)
        assert within.all(), f"{line}: {name}: {np.argwhere(~within)[0]}"


@needs_kit
def test_drawing_and_explaining():
    """Lines repeat, differ by number, and words are explained."""
    assert ref.draw("fwd", seed=3, number=4) == ref.draw("fwd", seed=3, number=4) != ref.draw("fwd", seed=3, number=5)
    text = ref.explain("sparse_mode=4 pre=3 next=-1 sq=6 skv=10")
    assert text == ref.explain(sparse_mode=4, pre=3, next=-1, sq=6, skv=10) and len(text.splitlines()) > 6


@needs_kit
def test_what_the_kit_refuses(case, tmp_path):
    """Every refusal is a KitError with words."""
    with pytest.raises(ref.KitError, match="dtype"):
        ref.make("op=fwd dtype=f13", tmp_path / "x.safetensors")
    with pytest.raises(ref.KitError, match="op"):
        ref.draw("sideways")
    with pytest.raises(ref.KitError):
        ref.explain("colour=green")
    with pytest.raises(ref.KitError, match="nowhere"):
        ref.check(tmp_path / "nowhere.safetensors", {"out": np.zeros(1)})
    with pytest.raises(ref.KitError, match="tile"):
        ref.check(case, {"out": np.zeros(1)}, tile=(0, 3))
    with pytest.raises(ref.KitError, match="factor"):
        ref.check(case, {"out": np.zeros(1)}, factor=-1.0)
    softcap = ref.bundle(LINE + " softcap=30")
    with pytest.raises(ValueError, match="softcap"):
        ref.run(softcap)


def test_safetensors_by_themselves(tmp_path):
    """What is written comes back, every type; scalars and empty tensors too."""
    path = tmp_path / "t.safetensors"
    tensors = {kind: np.arange(6).reshape(2, 3).astype(kind) for kind in ("f8", "f4", "f2", "i8", "u8", "i4", "i2",
                                                                          "u2", "i1", "u1", "?")}
    tensors.update(scalar=np.array(3.5), empty=np.empty((2, 0, 3), np.float32), half=glint.bfloat16(np.ones((2, 2))),
                   four=glint.int4(np.array([-8, 7])))
    _safetensors.write(path, tensors)
    back, notes = _safetensors.read(path)
    assert notes == {} and set(back) == set(tensors)
    for name, tensor in tensors.items():
        np.testing.assert_array_equal(np.asarray(back[name]), np.asarray(tensor), err_msg=name)
        assert back[name].shape == tensor.shape
    assert isinstance(back["half"], glint.bfloat16)
    with pytest.raises(TypeError, match="no type like complex"):
        _safetensors.write(path, {"z": np.zeros(1, np.complex64)})


def entry(**changes):
    """A header with one tensor of two floats."""
    return {"x": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8], **changes}}


@pytest.mark.parametrize("header, words", [
    (b"{", "no JSON"), (b"[]", "no JSON object"), (b'{"x": 3}', "unknown type 3"), (entry(dtype="F7"), "unknown type"),
    (entry(shape=[3]), "do not fit"), (entry(shape=[-2]), "whole numbers"), (entry(shape=[2.0]), "whole numbers"),
    (entry(shape=[True]), "whole numbers"), (entry(data_offsets=[0]), "do not fit"),
    (entry(data_offsets=[8, 16]), "do not fit"), (entry(shape=[2 ** 61, 2 ** 61]), "do not fit"),
    (entry(data_offsets=[8, 0]), "do not fit")])
def test_files_that_lie(tmp_path, header, words):
    """Readers trust nothing."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path = tmp_path / "bad.safetensors"
    path.write_bytes(struct.pack("<Q", len(text)) + text + bytes(8))
    with pytest.raises(ValueError, match=words):
        _safetensors.read(path)


@pytest.mark.parametrize("data", [b"", b"1234567", struct.pack("<Q", 2 ** 63), struct.pack("<Q", 9) + b"{}"])
def test_files_that_end(tmp_path, data):
    """Cut off, or with a header that is longer than the file."""
    path = tmp_path / "bad.safetensors"
    path.write_bytes(data)
    with pytest.raises(ValueError):
        _safetensors.read(path)
    path.write_bytes(struct.pack("<Q", 2) + b"{}")
    with pytest.raises(ValueError, match="is no bundle"):
        ref.Bundle.load(path)
