"""Files sent to S3 in parts and got from it by whoever has a signed address, past the server.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

import fsspec

from ..runtimes.errors import MissingExtra, shorten
from .artifact_paths import check_file_path, join_paths
from .errors import InvalidParameter, NotFound, StoreUnavailable
from .storage_uris import check_object_uri

MOST_PARTS: Final = 10_000
SECONDS: Final = 60 * 60
"""How long a signed address may be used."""


class Upload(NamedTuple):
    """An upload that was begun: its id, and the address of each part, from the first on."""

    upload_id: str
    urls: list[str]


class Download(NamedTuple):
    """Where a file can be got, and its size in bytes."""

    url: str
    size: int


class DirectAccess:
    """Signs addresses of the objects below ``uri`` of S3; all methods may block.

    Raises `InvalidParameter` for an address of another kind, and `MissingExtra`.
    """

    def __init__(self, uri: str) -> None:
        if not is_possible(uri):
            raise InvalidParameter("found another object store, expected s3://BUCKET/PATH")
        try:
            self._files, self._root = fsspec.core.url_to_fs(check_object_uri(uri))
        except ImportError as error:
            raise MissingExtra("s3: storage", "s3fs", "s3") from error

    def begin(self, path: str, parts: int) -> Upload:
        """Begin an upload in so many parts; nothing is there before it is completed."""
        if not 1 <= parts <= MOST_PARTS:
            raise InvalidParameter(f"found {parts} parts, expected 1 to {MOST_PARTS}")
        with _translated(path):
            found = self._files.call_s3("create_multipart_upload", **self._object(path))
            upload_id = found["UploadId"]
            return Upload(upload_id, self._sign_parts(self._key(path), upload_id, parts))

    def complete(self, path: str, upload_id: str, etags: Sequence[str]) -> None:
        """Make one file of the parts, whose ETags S3 gave to who sent them."""
        parts = [{"PartNumber": i, "ETag": etag} for i, etag in enumerate(etags, 1)]
        with _translated(path):
            self._files.call_s3(
                "complete_multipart_upload",
                **self._object(path),
                UploadId=upload_id,
                MultipartUpload={"Parts": parts},
            )

    def abort(self, path: str, upload_id: str) -> None:
        """Give an upload up with the parts that it has."""
        with _translated(path):
            self._files.call_s3("abort_multipart_upload", **self._object(path), UploadId=upload_id)

    def download(self, path: str) -> Download:
        """Return where a file can be got."""
        with _translated(path):
            self._files.invalidate_cache()
            key = self._key(path)
            size = self._files.info(key)["size"]
            saved = {"ResponseContentDisposition": "attachment"}  # no browser is to show it
            return Download(self._files.url(key, expires=SECONDS, **saved), size)

    def _key(self, path: str) -> str:
        return join_paths(self._root.rstrip("/"), check_file_path(path))

    def _object(self, path: str) -> dict[str, str]:
        bucket, key, _ = self._files.split_path(self._key(path))
        return {"Bucket": bucket, "Key": key}

    def _sign_parts(self, key: str, upload_id: str, parts: int) -> list[str]:
        return [
            self._files.url(
                key,
                expires=SECONDS,
                client_method="upload_part",
                PartNumber=number,
                UploadId=upload_id,
            )
            for number in range(1, parts + 1)
        ]


def is_possible(uri: str) -> bool:
    """Whether addresses below ``uri`` can be signed."""
    return uri.startswith("s3://")


@contextmanager
def _translated(path: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise NotFound(f"{shorten(path)}: no artifact is there") from error
    except OSError as error:
        raise _translate(error, path) from error


def _translate(error: OSError, path: str) -> InvalidParameter | StoreUnavailable:
    """Return what S3's refusal means: the client's own words, such as a wrong ETag, or a fault."""
    answer: Any = getattr(error.__cause__, "response", {})
    status = answer.get("ResponseMetadata", {}).get("HTTPStatusCode")
    code = answer.get("Error", {}).get("Code", type(error).__name__)
    if status in {400, 404}:
        return InvalidParameter(f"{shorten(path)}: S3 refused the upload ({shorten(code)})")
    return StoreUnavailable(f"{shorten(path)}: S3 refused it or does not answer ({code})")
