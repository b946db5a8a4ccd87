"""Accounts, the secrets that prove them, and what each may do."""

from __future__ import annotations

import base64
import tomllib
from concurrent.futures import ThreadPoolExecutor

import pytest
from mlserve.runtimes.errors import InvalidSetting
from mlserve.store.errors import Forbidden, Unauthenticated
from mlserve.store.operation import Role
from mlserve.store.rest.access import Access, Caller, authorization, read_accounts
from mlserve.store.rest.secret_hashes import hash_password, hash_token, make_token, read_token_hash

PASSWORD, TOKEN = "pässword: with a colon", make_token()
PASSWORD_HASH = hash_password(PASSWORD)
FILE = f"""
[users.alice]
role = "writer"
password = "{PASSWORD_HASH}"

[users.ci]
role = "approver"
tokens = ["{hash_token(make_token())}", "{hash_token(TOKEN)}"]
"""


@pytest.fixture(scope="module")
def access(tmp_path_factory) -> Access:
    path = tmp_path_factory.mktemp("auth") / "auth.toml"
    path.write_text(FILE)
    return Access(read_accounts(path))


def basic(name, password, scheme="Basic"):
    return f"{scheme} {base64.b64encode(f'{name}:{password}'.encode()).decode()}".encode()


def test_a_password_proves_its_account(access):
    assert access.verify(basic("alice", PASSWORD)) == Caller("alice", Role.WRITER)


def test_a_token_proves_its_account(access):
    assert access.verify(f"Bearer {TOKEN}".encode()) == Caller("ci", Role.APPROVER)


def test_the_name_of_a_scheme_is_of_any_case(access):
    assert access.verify(basic("alice", PASSWORD, "bAsIc")).name == "alice"
    assert access.verify(f"bearer  {TOKEN}".encode()).name == "ci"


def test_what_was_verified_is_recalled_at_once(access):
    header = basic("alice", PASSWORD)
    access.verify(header)
    assert access.recall(header) == Caller("alice", Role.WRITER)


WRONG = [
    b"",
    b"Basic",
    b"Basic ",
    b"Bearer",
    b"Bearer ",
    b"Basic !!!!",
    b"Basic " + base64.b64encode(b"\xff\xff:\xff"),
    b"Basic " + base64.b64encode(b"alice"),
    basic("alice", ""),
    basic("alice", PASSWORD + " "),
    basic("alice", PASSWORD * 10_000),
    basic("alice ", PASSWORD),
    basic("Alice", PASSWORD),
    basic("alice\0", PASSWORD),
    basic("", ""),
    basic("nobody", PASSWORD),
    basic("ci", ""),
    basic("ci", TOKEN),
    basic("alice", PASSWORD_HASH),
    f"Bearer {PASSWORD_HASH}".encode(),
    f"Bearer {hash_token(TOKEN)}".encode(),
    f"Bearer {TOKEN}x".encode(),
    f"Bearer {TOKEN[:-1]}".encode(),
    f"Token {TOKEN}".encode(),
    TOKEN.encode(),
    b"Bearer \xff\xfe",
]


@pytest.mark.parametrize("header", WRONG, ids=lambda header: header[:40])
def test_what_proves_nothing_is_refused_and_not_remembered(access, header):
    with pytest.raises(Unauthenticated):
        access.verify(header)
    assert access.recall(header) is None


def test_a_wrong_password_is_refused_after_the_right_one(access):
    access.verify(basic("alice", PASSWORD))
    with pytest.raises(Unauthenticated):
        access.verify(basic("alice", "wrong"))


def test_many_threads_are_answered_alike(access):
    headers = [basic("alice", PASSWORD), f"Bearer {TOKEN}".encode()] * 10
    with ThreadPoolExecutor(10) as pool:
        found = [caller.name for caller in pool.map(access.verify, headers)]
    assert found == ["alice", "ci"] * 10


def test_no_header_and_two_of_them_prove_nothing():
    header = (b"authorization", b"Bearer x")
    for headers in ([], [header, header]):
        with pytest.raises(Unauthenticated):
            authorization(headers)


@pytest.mark.parametrize("held", Role)
def test_a_role_may_do_what_those_before_it_may(held):
    caller = Caller("alice", held)
    for needed in Role:
        if needed <= held:
            caller.require(needed)
        else:
            with pytest.raises(Forbidden, match=f"alice has the roles {held.name.lower()}"):
                caller.require(needed)


def test_two_hashes_of_a_password_differ():
    assert hash_password(PASSWORD) != PASSWORD_HASH


def test_a_token_is_too_long_to_be_guessed():
    assert len(base64.urlsafe_b64decode(make_token() + "=")) == 32


def test_a_hash_holds_nothing_of_the_secret():
    assert PASSWORD not in FILE
    assert TOKEN not in FILE
    assert read_token_hash(tomllib.loads(FILE)["users"]["ci"]["tokens"][1]) != TOKEN.encode()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "expected tables"),
        ("users = 5", "expected tables"),
        ("[users]", "expected tables"),
        ("[user.alice]", "expected tables"),
        ("[users", "expected a TOML file"),
        ("other = 1\n[users.alice]", "expected tables"),
        ("[users]\nalice = 1", "expected a table"),
        ('[users.alice]\nrole = "writer"', "expected password or tokens"),
        ('[users.alice]\nrole = "writer"\ntokens = []', "expected password or tokens"),
        ('[users.alice]\nrole = "writer"\ntokens = "x"', "expected a list"),
        ('[users.alice]\nrole = "owner"', "found owner, expected one of reader"),
        ("[users.alice]\n", "found nothing, expected one of reader"),
        ("[users.alice]\nrole = 5", "found 5, expected one of reader"),
        ('[users.alice]\nrole = "writer"\npasword = "x"', "did you mean password?"),
        ('[users.alice]\nrole = "writer"\npassword = "secret"', "found no hash of a password"),
        ('[users.alice]\nrole = "writer"\npassword = 5', "found no hash of a password"),
        ('[users.alice]\nrole = "writer"\npassword = "scrypt:3:8:1:AA==:AA=="', "no hash"),
        ('[users.alice]\nrole = "writer"\ntokens = ["secret"]', "found no hash of a token"),
        ('[users.alice]\nrole = "writer"\ntokens = ["sha256:ab"]', "found no hash of a token"),
        ('[users."a:b"]\nrole = "writer"', "expected a name without colons"),
        ('[users.""]\nrole = "writer"', "expected a name without colons"),
    ],
)
def test_a_file_that_is_not_as_it_should_be_is_refused(tmp_path, text, told):
    path = tmp_path / "auth.toml"
    path.write_text(text)
    with pytest.raises(InvalidSetting, match=told.replace("[", r"\[")) as caught:
        read_accounts(path)
    assert str(path) in str(caught.value)
    assert "secret" not in str(caught.value).replace("hash-secret", "")


@pytest.mark.parametrize(
    "numbers",
    ["3:8:1", "0:8:1", "1:8:1", "-2:8:1", "16384:0:1", "16384:8:0", "16384:8:-1", "16384:8:65",
     "1073741824:8:1", "16384:1048576:1", "x:8:1"],
)  # fmt: skip
def test_numbers_that_scrypt_does_not_take_are_refused(tmp_path, numbers):
    kind, _, _, _, salt, key = PASSWORD_HASH.split(":")
    path = tmp_path / "auth.toml"
    path.write_text(f'[users.a]\nrole = "reader"\npassword = "{kind}:{numbers}:{salt}:{key}"')
    with pytest.raises(InvalidSetting, match="found no hash"):
        read_accounts(path)


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(InvalidSetting, match="No such file"):
        read_accounts(tmp_path / "none.toml")


def test_reading_a_file_of_many_accounts_derives_no_key(tmp_path):
    path = tmp_path / "auth.toml"
    table = f'role = "reader"\npassword = "{PASSWORD_HASH}"\n'
    path.write_text("".join(f"[users.u{i}]\n{table}" for i in range(2000)))
    assert len(read_accounts(path)) == 2000  # would take minutes
