"""The package's structs are those of glint.h: sizes, offsets and numbers as a C compiler has them; old callers work."""
import ctypes
import inspect
import os
import pathlib
import re
import shutil
import subprocess

import pytest

import glint
from glint import _structs, arrays
from glint._library import library

HEADER = pathlib.Path(__file__).resolve().parents[2] / "c" / "glint.h"
C_NAMES = {"glint_array": _structs.Array, "glint_numbers": _structs.Numbers, "glint_arrays": _structs.Arrays,
           "glint_status": _structs.Status, "glint_reference_answer": _structs.ReferenceAnswer,
           **{f"glint_{name}_call": struct for name, struct in {**_structs.CALLS, **_structs.HELPERS}.items()}}


@pytest.fixture(scope="module")
def compiler_says(tmp_path_factory):
    """Every size, offset and type number, by name."""
    compiler = next(filter(None, map(shutil.which, (os.environ.get("CC") or "cc", "gcc", "clang"))), None)
    if compiler is None:
        pytest.skip("no C compiler")
    folder = tmp_path_factory.mktemp("abi")
    lines = []
    for name, struct in C_NAMES.items():
        lines.append(f'  printf("{name} %zu\\n", sizeof({name}));')
        lines += [f'  printf("{name}.{field} %zu\\n", offsetof({name}, {field}));' for field, _ in struct._fields_]
    types = [word for word in HEADER.read_text().split() if word.startswith("GLINT_TYPE_")]
    lines += [f'  printf("{name} %d\\n", (int){name});' for name in sorted(set(types)) if name.isidentifier()]
    body = "\n".join(lines)
    source = f'#include "glint.h"\n#include <stdio.h>\nint main(void) {{\n{body}\n  return 0;\n}}\n'
    (folder / "abi.c").write_text(source)
    subprocess.run([compiler, "-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror", f"-I{HEADER.parent}",
                    "-o", str(folder / "abi"), str(folder / "abi.c")], check=True)
    told = subprocess.run([str(folder / "abi")], check=True, capture_output=True, text=True).stdout
    return {line.split()[0]: int(line.split()[1]) for line in told.splitlines()}


def test_structs(compiler_says):
    """Sizes and offsets; a field that C lacks would not have compiled, one that ctypes lacks shows in the size."""
    for name, struct in C_NAMES.items():
        assert ctypes.sizeof(struct) == compiler_says[name], name
        for field, _ in struct._fields_:
            assert getattr(struct, field).offset == compiler_says[f"{name}.{field}"], f"{name}.{field}"


def test_type_numbers(compiler_says):
    """DLPack's codes."""
    named = {"F64": "float64", "F32": "float32", "F16": "float16", "BOOL": "bool", "I8": "int8", "U8": "uint8",
             "I32": "int32", "I64": "int64", "U64": "uint64"}
    for c_name, name in named.items():
        assert compiler_says[f"GLINT_TYPE_{c_name}"] == arrays._CODES[name] | 1 << 16
    assert (compiler_says["GLINT_TYPE_BF16"], compiler_says["GLINT_TYPE_I4"]) == (arrays.BF16, arrays.I4)


def initialised(name, size=None):
    """A struct as its init function leaves it."""
    struct = _structs.CALLS[name]()
    getattr(library(), f"glint_{name}_init")(ctypes.byref(struct), size or ctypes.sizeof(struct))
    return struct


@pytest.mark.parametrize("name", _structs.CALLS)
def test_defaults_are_the_librarys(name):
    """The signatures' defaults are those that the library fills in."""
    struct = initialised("flash_attention_score" if name.endswith("_grad") else name)
    words = {"none": 0, "dense": 0}
    checked = 0
    for parameter in inspect.signature(getattr(glint, name)).parameters.values():
        if not hasattr(struct, parameter.name) or parameter.default in (None, inspect.Parameter.empty):
            continue
        default = getattr(struct, parameter.name)
        default = default.decode() if isinstance(default, bytes) else default
        assert words.get(parameter.default, parameter.default) == default, parameter.name
        checked += 1
    assert checked >= 10


@pytest.mark.parametrize("name", _structs.CALLS)
def test_a_caller_that_knows_less(name):
    """Whatever prefix of a struct is given, init and check touch no byte behind it, and it is understood."""
    whole = ctypes.sizeof(_structs.CALLS[name])
    for size in range(8, whole + 1, 8):
        memory = ctypes.create_string_buffer(b"\x5a" * whole, whole)
        struct = _structs.CALLS[name].from_buffer(memory)
        getattr(library(), f"glint_{name}_init")(ctypes.byref(struct), size)
        assert struct.size == size and memory.raw[size:] == b"\x5a" * (whole - size)
        status = _structs.Status()
        getattr(library(), f"glint_{name}_check")(ctypes.byref(struct), ctypes.byref(status))
        assert status.code > 0 or (name.endswith("_grad") and status.code == -1)  # an empty call, no wild read


@pytest.mark.parametrize("size", [0, 4, 12, 1 << 20, 2 ** 64 - 8])
def test_sizes_that_are_none(size):
    """Too small, uneven, larger than what the library knows."""
    struct, status = initialised("incre_flash_attention"), _structs.Status()
    struct.size = size
    library().glint_incre_flash_attention_check(ctypes.byref(struct), ctypes.byref(status))
    assert status.code == -2


def test_bad_lists_and_values():
    """Counts without data, axes without number, values that an enum lacks."""
    status = _structs.Status()

    def code(field, value):
        struct = initialised("flash_attention_score")
        setattr(struct, field, value)
        library().glint_flash_attention_score_check(ctypes.byref(struct), ctypes.byref(status))
        return status.code

    assert code("prefix", _structs.Numbers(None, 3)) == -4
    assert code("prefix", _structs.Numbers(None, -1)) == -4
    assert code("real_shift_form", 256) == -5
    assert code("limits", -1) == -5
    assert code("query", _structs.Array(None, 0, -1)) == 52
    assert code("query", _structs.Array(None, 0, 5)) == 52


def test_only_the_header_is_exported():
    """What the header declares, all of it and nothing else."""
    if shutil.which("nm") is None:
        pytest.skip("no nm")
    told = subprocess.run(["nm", "-D", "--defined-only", glint.library_path()], check=True, capture_output=True,
                          text=True).stdout
    names = {line.split()[-1].split("@")[0] for line in told.splitlines()}
    each = {f"glint_{name}{end}" for name in _structs.CALLS for end in ("", "_init", "_check", "_workspace_bytes")}
    oracle = {f"glint_reference_{name}" for name in _structs.CALLS}
    others = set(re.findall(r"^GLINT_C_API [^#]*?(glint_\w+)\(", HEADER.read_text(), re.MULTILINE))
    assert names == each | oracle | others
