"""Reads and writes .safetensors with numpy: the memory of a file is mapped, not copied."""
import json
import mmap
import os
from typing import Any, Dict, List, Mapping, Tuple, Union

import numpy as np

from .arrays import adopt, bfloat16, int4

_TYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "I64": "<i8", "U64": "<u8", "I32": "<i4",
          "I16": "<i2", "U16": "<u2", "I8": "i1", "U8": "u1", "BOOL": "?"}
_NAMES = {np.dtype(code): name for name, code in _TYPES.items() if name != "BF16"}
_MOST_HEADER = 100_000_000

TensorLike = Union[np.ndarray, bfloat16]


def _header(path: str, data: memoryview) -> Tuple[Dict[str, Any], int]:
    if len(data) < 8:
        raise ValueError(f"{path}: {len(data)} bytes are no safetensors file")
    length = int.from_bytes(data[:8], "little")
    if length > min(_MOST_HEADER, len(data) - 8):
        raise ValueError(f"{path}: a header of {length} bytes does not fit the file")
    try:
        header = json.loads(bytes(data[8:8 + length]).decode("utf-8"))
    except (ValueError, RecursionError) as problem:
        raise ValueError(f"{path}: the header is no JSON: {problem}") from None
    if not isinstance(header, dict):
        raise ValueError(f"{path}: the header is no JSON object")
    return header, 8 + length


def _whole(numbers: Any) -> List[int]:
    right = isinstance(numbers, list) and all(type(n) is int and 0 <= n < 2 ** 62 for n in numbers)
    if not right:
        raise ValueError(f"want whole numbers, got {numbers!r}")
    return list(numbers)


def _tensor(data: memoryview, start: int, entry: Any) -> TensorLike:
    kind = entry.get("dtype") if isinstance(entry, dict) else entry
    if not isinstance(kind, str) or kind not in _TYPES or not isinstance(entry, dict):
        raise ValueError(f"unknown type {kind!r}")
    dtype = np.dtype(_TYPES[kind])
    shape, offsets = _whole(entry.get("shape")), _whole(entry.get("data_offsets"))
    count = 1
    for extent in shape:
        count *= extent
    if len(offsets) != 2 or offsets[1] - offsets[0] != count * dtype.itemsize or start + offsets[1] > len(data):
        raise ValueError(f"data_offsets {offsets} do not fit shape {shape} or the file")
    array: np.ndarray = np.frombuffer(data, dtype, count, start + offsets[0]) if count else np.empty(0, dtype)
    array = array.reshape(shape)
    return bfloat16(array) if kind == "BF16" else array


def read(path: Union[str, "os.PathLike[str]"]) -> Tuple[Dict[str, TensorLike], Dict[str, str]]:
    """Tensors and notes (__metadata__) of a file.  The arrays are views of the mapped file and cannot be written to.

    Raises OSError, and ValueError with what is wrong with the file.
    """
    path = os.fspath(path)
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        data = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)) if size else memoryview(b"")
    header, start = _header(path, data)
    notes = header.pop("__metadata__", {})
    if not isinstance(notes, dict) or not all(isinstance(text, str) for text in notes.values()):
        raise ValueError(f"{path}: __metadata__ holds other things than text")
    tensors: Dict[str, TensorLike] = {}
    for name, entry in header.items():
        try:
            tensors[name] = _tensor(data, start, entry)
        except ValueError as problem:
            raise ValueError(f"{path}: tensor {name!r}: {problem}") from None
    return tensors, notes


def _stored(name: str, tensor: Any) -> Tuple[str, np.ndarray]:
    tensor = adopt(name, tensor)
    if isinstance(tensor, int4):
        tensor = tensor.int8()
    if isinstance(tensor, bfloat16):
        return "BF16", np.ascontiguousarray(tensor.bits)
    little = tensor.dtype.newbyteorder("<")
    if little not in _NAMES:
        raise TypeError(f"{name}: safetensors has no type like {tensor.dtype}")
    return _NAMES[little], np.ascontiguousarray(tensor, dtype=little).reshape(tensor.shape)


def write(path: Union[str, "os.PathLike[str]"], tensors: Mapping[str, Any]) -> None:
    """Writes tensors: numpy arrays, glint.bfloat16, or anything that an operator takes."""
    stored = {name: _stored(name, tensor) for name, tensor in sorted(tensors.items())}
    header, end = {}, 0
    for name, (kind, array) in stored.items():
        header[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": [end, end + array.nbytes]}
        end += array.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for _, array in stored.values():
            file.write(array.tobytes())
