"""A small stand-in for ``mlflow``, for models that import it where it is not installed."""

from .finder import absent_name, install_standin

__all__ = ["absent_name", "install_standin"]
