"""Reads a bundle: a .safetensors file of named tensors, with the parameters of the case as JSON in its metadata."""
from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Dict, List, Optional, Union

import numpy as np

_DTYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "I64": "<i8", "U64": "<u8", "I32": "<i4",
           "I16": "<i2", "I8": "i1", "U8": "u1", "BOOL": "?"}
_INTEGERS = ("block_table", "attn_mask", "drop_mask")  # not numbers to compute with
# What a bundle's parameters say about the bundle and not about the problem.
_ABOUT = ("key_list", "value_list", "gradient", "types", "out_type", "rounds_p")
_GROUPS = {"paging": {"block_size": "block_size"}, "antiquant": {"mode": "antiquant_mode"},
           "key_antiquant": {"mode": "key_antiquant_mode"}, "value_antiquant": {"mode": "value_antiquant_mode"},
           "int8": {"key_block": "key_block"}}


@dataclass
class Bundle:
    """notes: the file's metadata.  parameters: as parameters.py names them.  arrays: reals in float64, but masks, bits
    and block tables as they are.  about: "gradient", "types" and the like."""

    notes: Dict[str, str]
    parameters: Dict[str, Any]
    about: Dict[str, Any]
    arrays: Dict[str, np.ndarray]


def read(source: Union[str, Path, BinaryIO]) -> Optional[Bundle]:
    """Of a path, or the next bundle of an open stream: None at its end."""
    if isinstance(source, (str, Path)):
        with open(source, "rb") as file:
            return read(file)
    length = source.read(8)
    if not length:
        return None
    if len(length) < 8 or struct.unpack("<Q", length)[0] > 100_000_000:
        raise ValueError("is no bundle: it does not begin with the length of a header")
    header = json.loads(source.read(struct.unpack("<Q", length)[0]))
    notes = header.pop("__metadata__", {})
    data = source.read(max((entry["data_offsets"][1] for entry in header.values()), default=0))
    arrays = {name: _array(name, entry, data) for name, entry in header.items()}
    parameters, about = flat_parameters(json.loads(notes.get("parameters", "{}")))
    return Bundle(notes, parameters, about, arrays)


def read_all(path: Union[str, Path]) -> List[Bundle]:
    """Bundles that lie one behind the other in one file."""
    with open(path, "rb") as file:
        return list(iter(lambda: read(file), None))


def flat_parameters(given: Dict[str, Any]) -> "tuple[Dict[str, Any], Dict[str, Any]]":
    """The parameters of the problem, without groups, and what else the JSON says.  Infinities are strings in it."""
    parameters: Dict[str, Any] = {}
    about = {name: value for name, value in given.items() if name in _ABOUT}
    for name, value in given.items():
        if name in _GROUPS:
            parameters.update({_GROUPS[name][member]: each for member, each in value.items()})
        elif name not in _ABOUT:
            number = name in ("scale", "q_scale", "softcap", "keep_prob")
            parameters[name] = float(value) if number else value
    return parameters, about


def _array(name: str, entry: Dict[str, Any], data: bytes) -> np.ndarray:
    first, last = entry["data_offsets"]
    raw = np.frombuffer(data[first:last], _DTYPES[entry["dtype"]]).reshape(entry["shape"])
    if entry["dtype"] == "BF16":
        return from_bfloat16(raw).astype(np.float64)
    return raw if name in _INTEGERS else raw.astype(np.float64)


def from_bfloat16(bits: np.ndarray) -> np.ndarray:
    """float32 has the same numbers with 16 more bits of fraction."""
    return (bits.astype(np.uint32) << 16).view(np.float32)
