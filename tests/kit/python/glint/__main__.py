"""python -m glint: the version, the library and what its kernels use."""
from . import isa, library_path, version

print(f"glint {version()}, {library_path()}, kernels for {isa()}")
