"""The stand-in's ``mlflow.exceptions`` and the error codes that models raise it with."""

from __future__ import annotations

from typing import Any

_CODES = {
    "INTERNAL_ERROR": (1, 500),
    "TEMPORARILY_UNAVAILABLE": (2, 503),
    "BAD_REQUEST": (4, 400),
    "DEADLINE_EXCEEDED": (7, 504),
    "CANCELLED": (8, 499),
    "RESOURCE_EXHAUSTED": (9, 429),
    "ABORTED": (10, 409),
    "NOT_FOUND": (11, 404),
    "ALREADY_EXISTS": (12, 409),
    "UNAUTHENTICATED": (13, 401),
    "INVALID_PARAMETER_VALUE": (1000, 400),
    "ENDPOINT_NOT_FOUND": (1001, 404),
    "INVALID_STATE": (1003, 500),
    "PERMISSION_DENIED": (1004, 403),
    "CUSTOMER_UNAUTHORIZED": (1006, 401),
    "REQUEST_LIMIT_EXCEEDED": (1007, 429),
    "RESOURCE_CONFLICT": (1008, 409),
    "NOT_IMPLEMENTED": (1010, 501),
    "DATA_LOSS": (1011, 500),
    "RESOURCE_ALREADY_EXISTS": (3001, 400),
    "RESOURCE_DOES_NOT_EXIST": (3002, 404),
}
"""Each error code's number in MLflow's protocol and its HTTP status."""

ERROR_CODES = {name: number for name, (number, _) in _CODES.items()}
HTTP_STATUSES = {name: status for name, (_, status) in _CODES.items()}
_NAMES = {number: name for name, number in ERROR_CODES.items()}


class MlflowException(Exception):
    """What a model raises to choose its error's code."""

    def __init__(
        self, message: object, error_code: int = ERROR_CODES["INTERNAL_ERROR"], **details: Any
    ) -> None:
        super().__init__(str(message))
        self.message = str(message)
        self.error_code = _NAMES.get(error_code, "INTERNAL_ERROR")
        self.json_kwargs = details

    def get_http_status_code(self) -> int:
        """Return the HTTP status that MLflow answers with for this error."""
        return HTTP_STATUSES[self.error_code]

    @classmethod
    def invalid_parameter_value(cls, message: object, **details: Any) -> MlflowException:
        """Return the error for an argument that cannot be."""
        return cls(message, ERROR_CODES["INVALID_PARAMETER_VALUE"], **details)
