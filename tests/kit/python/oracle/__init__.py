"""An independent reading of the operator documents: attention and its gradient in float64 numpy."""
from .attention import attention
from .gradient import gradient

__all__ = ["attention", "gradient"]
