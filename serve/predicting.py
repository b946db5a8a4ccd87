"""A batch of jobs through the model: joined, predicted, encoded, and retried one by one on failure.

Runs in a prediction thread; touches nothing but its arguments.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any, NamedTuple

from ..runtimes.columns import Columns, ModelInput, concatenate
from ..runtimes.contract import Runtime
from ..runtimes.errors import (
    InvalidInput,
    InvalidPrediction,
    MLServeError,
    ModelRefused,
    PredictionFailed,
)
from .answers import encode_answer, encode_bare, encode_rows
from .batching import Job

Answer = bytes | Exception
Pack = Callable[[Sequence[tuple[Any, ...]]], Columns]


class BatchResult(NamedTuple):
    """What became of a batch: an answer or an error for each job, in order, and the times."""

    answers: list[Answer]
    rows: int
    predict_seconds: float
    encode_seconds: float


def predict_batch(
    runtime: Runtime, pack: Pack, jobs: Sequence[Job], clock: Callable[[], float]
) -> BatchResult:
    """Return the answers to ``jobs``, which share one key.

    A batch that fails is tried again one job at a time, so that one bad request fails alone.
    """
    started = clock()
    try:
        prediction = _predict(runtime, _join(pack, jobs), jobs[0])
        predicted = clock()
        answers = _encode(runtime, prediction, jobs)
    except Exception as error:  # noqa: BLE001 - whatever fails is the answer to its job alone
        if len(jobs) > 1:
            return _predict_each(runtime, pack, jobs, clock)
        predicted, answers = clock(), [error]
    rows = sum(job.rows for job in jobs)
    return BatchResult(answers, rows, predicted - started, clock() - predicted)


def _predict_each(
    runtime: Runtime, pack: Pack, jobs: Sequence[Job], clock: Callable[[], float]
) -> BatchResult:
    results = [predict_batch(runtime, pack, [job], clock) for job in jobs]
    return BatchResult(
        [answer for result in results for answer in result.answers],
        sum(result.rows for result in results),
        sum(result.predict_seconds for result in results),
        sum(result.encode_seconds for result in results),
    )


def _join(pack: Pack, jobs: Sequence[Job]) -> ModelInput:
    if isinstance(jobs[0].data, list):
        rows = [job.data for job in jobs if isinstance(job.data, list)]
        return pack(rows[0] if len(rows) == 1 else list(chain.from_iterable(rows)))
    return concatenate([job.data for job in jobs if not isinstance(job.data, list)])


def _predict(runtime: Runtime, data: ModelInput, job: Job) -> Any:
    try:
        return runtime.predict(data, job.params)
    except (InvalidInput, InvalidPrediction):
        raise
    except BaseException as error:  # whatever a model raises is its refusal, sys.exit() too
        raise _describe_failure(error) from error


def _describe_failure(error: BaseException) -> MLServeError:
    """Return the error for what a model raised; MLflow's own exception is known by its code."""
    code = getattr(error, "error_code", None)
    if isinstance(code, str) and hasattr(error, "get_http_status_code"):
        return ModelRefused(code, str(error))
    return PredictionFailed(error)


def _encode(runtime: Runtime, prediction: Any, jobs: Sequence[Job]) -> list[Answer]:
    if runtime.is_row_wise and not jobs[0].is_bare:
        return list(encode_rows(prediction, [job.rows for job in jobs]))
    (job,) = jobs
    return [encode_bare(prediction) if job.is_bare else encode_answer(prediction)]
