"""Gzip that is written on all cores, read by others."""

from __future__ import annotations

import gzip
import io
import random
import subprocess

import pytest
from mlserve.builder.block_gzip import BLOCK_BYTES, BlockGzip

SIZES = [0, 1, BLOCK_BYTES - 1, BLOCK_BYTES, BLOCK_BYTES + 1, 5 * BLOCK_BYTES + 7]


def content_of(size: int) -> bytes:
    words = random.Random(7).choices([b"layer ", b"image ", b"blob ", b"\0\0\0"], k=size // 3 + 1)
    return b"".join(words)[:size]


def packed(content: bytes, piece: int) -> bytes:
    output = io.BytesIO()
    with BlockGzip(output, 4) as packing:
        for start in range(0, len(content), piece):
            packing.write(content[start : start + piece])
    return output.getvalue()


@pytest.mark.parametrize("size", SIZES)
def test_what_is_packed_is_unpacked_by_others(size):
    content = content_of(size)
    result = packed(content, 70_001)
    assert gzip.decompress(result) == content
    unpacked = subprocess.run(["gzip", "-dc"], input=result, capture_output=True, check=True)
    assert unpacked.stdout == content


def test_the_bytes_do_not_depend_on_how_they_were_written():
    content = content_of(3 * BLOCK_BYTES + 5)
    assert len({packed(content, piece) for piece in (999, 65_536, 3 * BLOCK_BYTES)}) == 1


def test_a_block_knows_what_stood_before_it():
    content = content_of(4 * BLOCK_BYTES)
    assert len(packed(content, BLOCK_BYTES)) < 1.02 * len(gzip.compress(content, 4))


def test_an_output_that_fails_is_told(tmp_path):
    with (tmp_path / "file").open("wb") as output:
        packing = BlockGzip(output, 4)
    with pytest.raises(ValueError, match="closed file"):
        packing.close()
    assert packing.closed
