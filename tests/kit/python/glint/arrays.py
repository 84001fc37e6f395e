"""Tensors: numpy arrays, and numbers that numpy has no type for.  Nothing is copied unless it is asked for."""
import sys
from typing import Any, List, Optional, Sequence, Tuple, Union

import numpy as np

from . import _structs

_CODES = {"float64": 2 | 64 << 8, "float32": 2 | 32 << 8, "float16": 2 | 16 << 8, "bool": 6 | 8 << 8, "int8": 8 << 8,
          "uint8": 1 | 8 << 8, "int32": 32 << 8, "int64": 64 << 8, "uint64": 1 | 64 << 8}
_LANES = 1 << 16
BF16, I4 = 4 | 16 << 8 | _LANES, 4 << 8 | _LANES


class bfloat16:  # noqa: N801  named as the type, like numpy's
    """A tensor of bfloat16 numbers: the upper halves of float32 numbers, in a uint16 array `bits`.

    bfloat16(array): a uint16 array is taken as bits, without a copy; an array of ml_dtypes.bfloat16 too; any other is
    rounded to nearest even.  `float32()` and np.asarray give the numbers.
    """

    def __init__(self, array: Any) -> None:
        if getattr(getattr(array, "dtype", None), "name", "") == "bfloat16":
            array = array.view(np.uint16)
        array = np.asarray(array)
        self.bits: np.ndarray = array if array.dtype == np.uint16 else _round_to_bfloat16(array)

    @property
    def shape(self) -> Tuple[int, ...]:
        """Extents in numbers."""
        return self.bits.shape

    def float32(self) -> np.ndarray:
        """The numbers as float32, exactly."""
        return (self.bits.astype(np.uint32) << np.uint32(16)).view(np.float32)

    def __array__(self, dtype: Any = None, copy: Optional[bool] = None) -> np.ndarray:
        return self.float32() if dtype is None else self.float32().astype(dtype)

    def __repr__(self) -> str:
        return f"bfloat16({self.float32()!r})"


class int4:  # noqa: N801
    """A tensor of 4-bit numbers, -8 to 7, two in a byte, the first in the low bits.

    int4(array): integers are packed along the last axis, whose extent must be even.  int4(packed, shape): a uint8
    array that holds the numbers of `shape` already, without a copy.
    """

    def __init__(self, array: Any, shape: Optional[Sequence[int]] = None) -> None:
        array = np.asarray(array)
        if shape is not None:
            self.shape: Tuple[int, ...] = tuple(shape)
            if array.dtype != np.uint8 or array.size * 2 != int(np.prod(self.shape, dtype=np.int64)):
                raise ValueError("int4: packed numbers are uint8, half as many as the shape has numbers")
            self.packed: np.ndarray = array
            return
        if array.ndim == 0 or array.shape[-1] % 2 or not np.issubdtype(array.dtype, np.integer):
            raise ValueError("int4: wants integers with an even last axis")
        if array.size and (array.min() < -8 or array.max() > 7):
            raise ValueError("int4: numbers are -8 to 7")
        nibbles = array.astype(np.int8).view(np.uint8) & np.uint8(15)
        self.shape = array.shape
        self.packed = np.ascontiguousarray(nibbles[..., ::2] | nibbles[..., 1::2] << np.uint8(4))

    def int8(self) -> np.ndarray:
        """The numbers as int8."""
        both = np.stack([self.packed & np.uint8(15), self.packed >> np.uint8(4)], axis=-1).astype(np.int8)
        return ((both ^ 8) - 8).astype(np.int8).reshape(self.shape)

    def __array__(self, dtype: Any = None, copy: Optional[bool] = None) -> np.ndarray:
        return self.int8() if dtype is None else self.int8().astype(dtype)


Tensor = Union[np.ndarray, bfloat16, int4, Any]
"""What operators take: a numpy array, bfloat16, int4, or anything with __array_interface__ or __dlpack__ on the CPU."""


def _round_to_bfloat16(array: np.ndarray) -> np.ndarray:
    numbers = np.ascontiguousarray(array, dtype=np.float32).reshape(array.shape)
    bits = numbers.view(np.uint32).astype(np.uint64)
    rounded = (bits + np.uint64(0x7FFF) + (bits >> np.uint64(16) & np.uint64(1))) >> np.uint64(16)
    return np.where(np.isnan(numbers), bits >> np.uint64(16) | np.uint64(0x40), rounded).astype(np.uint16)


def _torch_bfloat16(tensor: Any) -> bfloat16:
    torch = sys.modules["torch"]
    return bfloat16(tensor.detach().view(torch.int16).numpy().view(np.uint16))


def adopt(name: str, tensor: Any) -> Union[np.ndarray, bfloat16, int4]:
    """Anything that may be a tensor as one of ours, sharing its memory."""
    if isinstance(tensor, (bfloat16, int4)):
        return tensor
    kind = str(getattr(tensor, "dtype", ""))
    if kind == "torch.bfloat16":
        return _torch_bfloat16(tensor)
    if kind == "bfloat16" and isinstance(tensor, np.ndarray):
        return bfloat16(tensor)
    if isinstance(tensor, np.ndarray):
        return tensor
    if hasattr(tensor, "__array_interface__"):
        return np.asarray(tensor)
    if kind.startswith("torch."):
        return tensor.detach().numpy()  # unlike a DLPack import it may be written to
    if hasattr(tensor, "__dlpack__"):
        return np.from_dlpack(tensor)
    raise TypeError(f"{name}: wants a numpy array, glint.bfloat16, glint.int4 or a tensor with __dlpack__, "
                    f"got {type(tensor).__name__}")


def storage(tensor: Union[np.ndarray, bfloat16, int4]) -> np.ndarray:
    """The array that holds a tensor's bytes."""
    if isinstance(tensor, bfloat16):
        return tensor.bits
    return tensor.packed if isinstance(tensor, int4) else tensor


def code_of(name: str, tensor: Union[np.ndarray, bfloat16, int4]) -> int:
    """The type's number in glint.h."""
    if isinstance(tensor, bfloat16):
        return BF16
    if isinstance(tensor, int4):
        return I4
    if tensor.dtype.name not in _CODES or not tensor.dtype.isnative:
        raise TypeError(f"{name}: glint has no type like {tensor.dtype}")
    return _CODES[tensor.dtype.name] | _LANES


def describe(name: str, tensor: Any, keep: List[Any], *, copy: bool = False, written: bool = False) -> _structs.Array:
    """A tensor as the library's struct.  What must outlive it goes to `keep`."""
    tensor = adopt(name, tensor)
    bytes_of = storage(tensor)
    if not bytes_of.flags.c_contiguous:
        if written or not copy:
            hint = "an output is written in place" if written else "copy=True makes a copy"
            raise ValueError(f"{name} is not C-contiguous ({hint})")
        bytes_of = np.ascontiguousarray(bytes_of)
    if written and not bytes_of.flags.writeable:
        raise ValueError(f"{name} is read-only")
    if len(tensor.shape) > 8:
        raise ValueError(f"{name} has {len(tensor.shape)} axes, the most is 8")
    keep.append(bytes_of)
    array = _structs.Array(bytes_of.ctypes.data, code_of(name, tensor), len(tensor.shape))
    for axis, extent in enumerate(tensor.shape):
        array.shape[axis] = extent
    return array


def empty(shape: Sequence[int], like: Any) -> Union[np.ndarray, bfloat16]:
    """An uninitialised tensor of the type of `like`."""
    if isinstance(like, bfloat16):
        return bfloat16(np.empty(shape, np.uint16))
    return np.empty(shape, like if isinstance(like, type) else like.dtype)
