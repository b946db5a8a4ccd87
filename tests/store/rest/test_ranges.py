"""Ranges of files, their content types and how a browser is to take them."""

from __future__ import annotations

import pytest
from mlserve.store.rest.ranges import Span, content_disposition, content_type, find_span
from mlserve.store.rest.refusals import RangeOutside


@pytest.mark.parametrize(
    ("text", "start", "length"),
    [
        ("bytes=0-9", 0, 10),
        ("bytes=0-0", 0, 1),
        ("bytes=90-", 90, 10),
        ("bytes=90-1000", 90, 10),
        ("bytes=-10", 90, 10),
        ("bytes=-1000", 0, 100),
        ("BYTES = 5 - 9", 5, 5),
        ("bytes=99-99", 99, 1),
    ],
)
def test_a_range_is_a_part_of_the_file(text, start, length):
    assert find_span(text, 100) == Span(start, length, is_part=True)


@pytest.mark.parametrize(
    "text",
    [None, "", "bytes=", "bytes=-", "bytes=9-5", "bytes=0-1,5-6", "lines=0-5", "bytes=a-b",
     "bytes=0x1-5", "bytes=-1-5", "bytes=\u0663-\u0665", f"bytes={'9' * 5000}-"],
)  # fmt: skip
def test_what_is_no_single_range_asks_for_the_whole_file(text):
    assert find_span(text, 100) == Span(0, 100)


@pytest.mark.parametrize("text", ["bytes=100-", "bytes=100-200", "bytes=-0", "bytes=99999999999-"])
def test_a_range_behind_the_end_is_refused_with_the_size(text):
    with pytest.raises(RangeOutside) as caught:
        find_span(text, 100)
    assert caught.value.size == 100


def test_an_empty_file_has_no_range():
    with pytest.raises(RangeOutside):
        find_span("bytes=0-", 0)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("MLmodel", "text/plain; charset=utf-8"),
        ("conda.yaml", "text/plain; charset=utf-8"),
        ("a.json", "text/plain; charset=utf-8"),
        ("a.js", "text/plain; charset=utf-8"),
        ("model.pkl", "application/octet-stream"),
        ("model", "application/octet-stream"),
        ("a.png", "image/png"),
        ("a.html", "text/html"),
        ("a.tar.gz", "application/octet-stream"),
        ("data:text/html,x", "application/octet-stream"),
        ("", "application/octet-stream"),
    ],
)
def test_the_type_of_a_file_is_guessed_by_its_name(name, kind):
    assert content_type(name) == kind


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("a.txt", "attachment; filename=a.txt"),
        ("a b.txt", "attachment; filename*=UTF-8''a%20b.txt"),
        ('a";x=".txt', "attachment; filename*=UTF-8''a%22%3Bx%3D%22.txt"),
        ("ä.txt", "attachment; filename*=UTF-8''%C3%A4.txt"),
        ("a\r\nx: y", "attachment; filename*=UTF-8''a%0D%0Ax%3A%20y"),
    ],
)
def test_a_name_is_quoted_for_the_header(name, header):
    assert content_disposition(name) == header
