"""Requests to one registry: with the token it asks for, and tried again where that may help."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from threading import Lock
from typing import Final, TypeVar
from urllib.parse import urljoin

import httpx
import msgspec

from ..runtimes.errors import shorten
from ..store.retrying import TRANSIENT_STATUSES
from .credentials import Login, basic_header
from .errors import RegistryRefused, RegistryUnavailable
from .oci import LARGEST_DOCUMENT
from .registry_access import RegistryAccess, host_of
from .registry_tokens import Challenge, Token, read_challenges, token_query

TRANSIENT: Final = TRANSIENT_STATUSES | {408, 500}

_TIMEOUT: Final = httpx.Timeout(120.0, connect=15.0)
_LIMITS: Final = httpx.Limits(max_connections=16, keepalive_expiry=3.0)
_UNTRUSTED: Final = "CERTIFICATE_VERIFY_FAILED"
# A proxy is for what is elsewhere.
_NEVER_BY_PROXY: Final = ("all://localhost", "all://127.0.0.1", "all://[::1]")
_ADVICE: Final = {
    401: "log in with: docker login {registry}",
    403: "log in as somebody who may: docker login {registry}",
    404: "check the name of the image",
    413: "its limit on the size of a layer or of a request is lower",
    429: "it allows only so many requests; log in, or try again later",
}


Result = TypeVar("Result")


class _ApiError(msgspec.Struct):
    code: str = ""
    message: str = ""


class _ApiErrors(msgspec.Struct):
    errors: list[_ApiError]


@dataclass(frozen=True, slots=True)
class Ask:
    """A request; ``action`` says in a message what it is for, ``content`` makes its body anew."""

    action: str
    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    content: Callable[[], bytes | Iterable[bytes]] | None = None
    accepted: tuple[int, ...] = (200,)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that was read whole; ``url`` is where it came from in the end."""

    status: int
    headers: httpx.Headers
    content: bytes
    url: str

    @property
    def location(self) -> str:
        """Where the answer leads to."""
        return str(urljoin(self.url, self.headers.get("location", "")))


class RegistryConnection:
    """Sends requests to ``registry`` with rights to ``scopes``, the first of which must be had.

    May be used by any thread.
    """

    def __init__(self, registry: str, scopes: Iterable[str], access: RegistryAccess) -> None:
        self.registry, self._scopes, self._access = registry, tuple(scopes), access
        self._client = httpx.Client(
            timeout=_TIMEOUT,
            limits=_LIMITS,
            follow_redirects=True,
            mounts=dict.fromkeys(_NEVER_BY_PROXY),
            # What is asked for is bytes with a digest, not a compressed form of them.
            headers={"accept-encoding": "identity", "user-agent": "mlserve"},
        )
        self._lock = Lock()
        self._root: str | None = None
        self._authorization: str | None = None

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def send(self, ask: Ask) -> Answer:
        """Return an answer with one of the accepted statuses.

        Raises `RegistryRefused`, or `RegistryUnavailable` after many attempts.
        """
        return self.repeat(lambda: self.send_once(ask))

    def repeat(self, attempt: Callable[[], Result]) -> Result:
        """Return what ``attempt`` returns, once it raises no `RegistryUnavailable`."""
        for number in count():
            try:
                return attempt()
            except RegistryUnavailable as error:
                if not self.pause(number, error):
                    raise
        raise AssertionError  # count() has no end

    def pause(self, number: int, error: RegistryUnavailable) -> bool:
        """Wait after an attempt that failed, and return False once there were enough."""
        return not error.is_final and self._access.retrying.pause(number, error.retry_after)

    def send_once(self, ask: Ask) -> Answer:
        """Return an answer as `send` does, with one attempt."""
        with self.stream(ask) as answer, self.translated(ask.action):
            return Answer(answer.status_code, answer.headers, _read(answer), str(answer.url))

    @contextmanager
    def stream(self, ask: Ask) -> Iterator[httpx.Response]:
        """Give an answer whose body is still to be read, with one attempt."""
        with self.translated(ask.action):
            answer = self._send_authorized(ask)
        try:
            if answer.status_code not in ask.accepted:
                with self.translated(ask.action):
                    raise self._refusal(ask.action, answer)
            yield answer
        finally:
            answer.close()

    @contextmanager
    def translated(self, action: str) -> Iterator[None]:
        """Raise what goes wrong with a connection as `RegistryUnavailable`."""
        try:
            yield
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            reason = str(error) or type(error).__name__
            is_untrusted = _UNTRUSTED in reason
            is_final = is_untrusted or _is_unknown_host(error)
            advice = (
                "name the authority that signed its certificate in SSL_CERT_FILE"
                if is_untrusted
                else "check its name and that it runs, or try again later"
            )
            raise RegistryUnavailable(
                self.registry,
                action,
                shorten(reason),
                advice=advice,
                is_final=is_final or not isinstance(error, httpx.TransportError),
            ) from error

    def _send_authorized(self, ask: Ask) -> httpx.Response:
        used = self._authorization
        answer = self._send(ask, used)
        if answer.status_code != 401:
            return answer
        challenges = read_challenges(answer.headers.get("www-authenticate", ""))
        with self._lock:
            # Another thread may have got a new token since.
            if self._authorization == used:
                self._authorization = self._authorize(challenges)
        if self._authorization in {None, used}:
            return answer
        answer.close()
        return self._send(ask, self._authorization)

    def _send(self, ask: Ask, authorization: str | None) -> httpx.Response:
        root = self._find_root()
        url = urljoin(root, ask.url)
        headers = dict(ask.headers)
        if authorization and url.startswith(root):
            headers["authorization"] = authorization
        request = self._client.build_request(
            ask.method, url, headers=headers, content=ask.content() if ask.content else None
        )
        return self._client.send(request, stream=True)

    def _find_root(self) -> str:
        """Return the address of the registry: without TLS only if that is allowed."""
        if self._root is None:
            host = host_of(self.registry)
            self._root = f"https://{host}/"
            if self._access.may_be_plain(self.registry) and not self._speaks_tls(self._root):
                self._root = f"http://{host}/"
        return self._root

    def _speaks_tls(self, root: str) -> bool:
        try:
            self._client.get(f"{root}v2/")
        except httpx.TransportError as error:
            return _UNTRUSTED in str(error)
        return True

    def _authorize(self, challenges: list[Challenge]) -> str | None:
        """Return what answers a challenge, or None if nothing is known that does."""
        login = self._access.find_login(self.registry)
        for challenge in challenges:
            if challenge.scheme == "bearer" and "realm" in challenge.parameters:
                return f"Bearer {self._fetch_any_token(challenge, login)}"
            if challenge.scheme == "basic" and login and not login.identity_token:
                return basic_header(login)
        return None

    def _fetch_any_token(self, challenge: Challenge, login: Login | None) -> str:
        try:
            return self._fetch_token(challenge, login)
        except RegistryRefused:
            if len(self._scopes) == 1:
                raise
        # Some give nothing to who may not do all: what cannot be mounted is sent.
        self._scopes = self._scopes[:1]
        return self._fetch_token(challenge, login)

    def _fetch_token(self, challenge: Challenge, login: Login | None) -> str:
        action, realm = "give a token", challenge.parameters["realm"]
        if not realm.startswith("https://") and self._find_root().startswith("https://"):
            # A login is never sent in the clear because a registry says so.
            raise RegistryRefused(
                self.registry, action, 401, f"its tokens are at {shorten(realm)}", "it needs TLS"
            )
        query = token_query(challenge, self._scopes)
        if login and login.identity_token:
            form = {
                "grant_type": "refresh_token",
                "client_id": "mlserve",
                "refresh_token": login.identity_token,
                "scope": " ".join(self._scopes),
            }
            answer = self._client.post(realm, data=dict(query) | form)
        else:
            headers = {"authorization": basic_header(login)} if login else {}
            answer = self._client.get(realm, params=query, headers=headers)
        if answer.status_code != 200:
            raise self._refusal(action, answer)
        try:
            token = msgspec.json.decode(answer.content, type=Token).text
        except (msgspec.MsgspecError, UnicodeDecodeError):
            token = ""
        if not token:
            raise RegistryRefused(self.registry, action, 200, "no token", "tell who runs it")
        return token

    def _refusal(self, action: str, answer: httpx.Response) -> Exception:
        status, reason = answer.status_code, _reason(_read(answer), answer.reason_phrase)
        if status in TRANSIENT:
            return RegistryUnavailable(
                self.registry,
                action,
                f"{status} {reason}",
                retry_after=answer.headers.get("retry-after"),
            )
        advice = _ADVICE.get(status, "it says no more").format(registry=self.registry)
        return RegistryRefused(self.registry, action, status, reason, advice)


def _is_unknown_host(error: BaseException) -> bool:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, socket.gaierror) and cause.errno == socket.EAI_NONAME:
            return True
        cause = cause.__cause__ or cause.__context__
    return False


def _read(answer: httpx.Response) -> bytes:
    """Return the body, or what of it is not too much."""
    content = bytearray()
    if answer.is_stream_consumed:
        return answer.content
    for chunk in answer.iter_raw():
        content += chunk
        if len(content) > LARGEST_DOCUMENT:
            break
    return bytes(content)


def _reason(content: bytes, phrase: str) -> str:
    try:
        errors = msgspec.json.decode(content, type=_ApiErrors).errors
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return phrase
    texts = [f"{error.code} ({shorten(error.message)})" for error in errors[:1]]
    return texts[0] if texts else phrase
