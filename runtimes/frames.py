"""`Columns` as a pandas DataFrame, for models that were trained on one."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pandas as pd

from .columns import ColumnName, Columns


def to_frame(columns: Columns) -> pd.DataFrame:
    """Return ``columns`` as a DataFrame in their order.

    The types of lists and of object arrays are what pandas infers, as they were when the model
    was trained; columns known by their positions get a RangeIndex. Numbers of one type become one
    block, which a model reads as the array that it is; others stay in the memory that they have.
    """
    values = columns.values
    names = _index(tuple(values)).view()
    arrays = [column for column in values.values() if isinstance(column, np.ndarray)]
    dtypes = {array.dtype if array.ndim == 1 else None for array in arrays}
    if len(arrays) == len(values) and len(dtypes) == 1:
        (dtype,) = dtypes
        if dtype is not None and dtype.kind in "biuf":
            return pd.DataFrame(np.array(arrays).T, columns=names, copy=False)
    rows = pd.RangeIndex(columns.rows)
    frame = pd.DataFrame(dict(enumerate(values.values())), index=rows, copy=False)
    frame.columns = names
    return frame


@lru_cache(maxsize=16)
def _index(names: tuple[ColumnName, ...]) -> pd.Index:
    if names == tuple(range(len(names))):
        return pd.RangeIndex(len(names))
    return pd.Index(names)
