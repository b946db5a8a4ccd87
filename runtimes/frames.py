"""`Columns` as a pandas DataFrame, for models that were trained on one."""

from __future__ import annotations

import pandas as pd

from .columns import Columns


def to_frame(columns: Columns) -> pd.DataFrame:
    """Return ``columns`` as a DataFrame over the same memory, in their order.

    The types of lists and of object arrays are what pandas infers, as they were when the model
    was trained; columns known by their positions get a RangeIndex.
    """
    values = columns.values  # noqa: PD011 - no DataFrame yet
    frame = pd.DataFrame(dict(values), index=pd.RangeIndex(columns.rows), copy=False)
    if all(isinstance(name, int) for name in values):
        frame.columns = pd.RangeIndex(len(values))
    return frame
