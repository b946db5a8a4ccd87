import pytest
from mlserve.runtimes.errors import MalformedRequest, UnsupportedContentType
from mlserve.serve.content import BodyFormat, parse_content_type, to_utf8


@pytest.mark.parametrize(
    "header",
    [
        "application/json",
        "APPLICATION/JSON",
        "application/json; charset=utf-8",
        'application/json;charset="UTF-8"',
    ],
)
def test_json_is_known_in_every_spelling(header):
    assert parse_content_type(header) == (BodyFormat.JSON, "utf-8")


def test_a_charset_becomes_a_codec():
    assert parse_content_type("text/csv; charset=ISO-8859-1") == (BodyFormat.CSV, "iso-8859-1")


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("", "no content type"),
        ("text/plain", '"text/plain"'),
        ("application/json; format=pandas-split", '"format"'),
        ("application/json;", '""'),
        ("application/json; charset=utf-7", '"utf-7"'),
    ],
)
def test_a_content_type_that_is_not_read_is_named(header, said):
    with pytest.raises(UnsupportedContentType, match=said):
        parse_content_type(header)


def test_a_body_is_read_in_its_charset():
    assert to_utf8("Zoë".encode("iso-8859-1"), "iso-8859-1") == "Zoë".encode()


def test_a_body_that_breaks_its_charset_says_where():
    with pytest.raises(MalformedRequest, match="byte 2"):
        to_utf8(b"a\x00b", "utf-16")
