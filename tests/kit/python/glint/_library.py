"""Finds and loads libglint.so."""
import ctypes
import os
import pathlib
import sys
from ctypes.util import find_library
from typing import Iterator, Optional

from . import _structs

_loaded: Optional[ctypes.CDLL] = None
_path = ""


def _name() -> str:
    return "libglint.dylib" if sys.platform == "darwin" else "libglint.so"


def _candidates() -> Iterator[str]:
    """Where the library may be, the likeliest place first."""
    package = pathlib.Path(__file__).resolve().parent
    yield str(package / _name())
    for folder in list(package.parents)[:4]:  # the fourth is a repository, with build/release, or a prefix, with lib
        for place in ("build/release/tests/kit/c", "", "lib", "lib64"):
            yield str(folder / place / _name())
    for system in ([find_library("glint")] if find_library("glint") else []):
        yield str(system)


def library() -> ctypes.CDLL:
    """The library, loaded at the first call.

    GLINT_LIBRARY in the environment names it; otherwise it is looked for beside the package, in build/release of the
    repository, in the lib folder of the prefix that the package is installed to, and where the system looks.
    Raises OSError with all these places if there is none.
    """
    global _loaded, _path
    if _loaded is None:
        named = os.environ.get("GLINT_LIBRARY")
        tried = [named] if named else list(dict.fromkeys(_candidates()))
        for path in tried:
            if not named and os.sep in path and not os.path.exists(path):
                continue
            loaded = ctypes.CDLL(path)
            _structs.declare(loaded)
            _loaded, _path = loaded, path
            break
        else:
            raise OSError("libglint was not found; set GLINT_LIBRARY to its path.  Tried: " + ", ".join(tried))
    return _loaded


def library_path() -> str:
    """The file that `library` loaded."""
    library()
    return _path


def version() -> str:
    """The library's version, as in "0.1.0"."""
    number = library().glint_version()
    return f"{number // 10000}.{number // 100 % 100}.{number % 100}"


def isa() -> str:
    """What the kernels use on this machine: plain, base, avx2 or avx512."""
    return library().glint_isa().decode()
