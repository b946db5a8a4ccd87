"""Chromium without a window, driven by its DevTools protocol over a socket that it inherits.

The protocol: https://chromedevtools.github.io/devtools-protocol/
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from .processes import DEADLINE_SECONDS, wait_until

# Chromium reads messages from descriptor 3 and writes them to 4, each ended by a zero byte.
INHERIT = 'exec "$@" 3<&0 4>&1 </dev/null >&2'
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-pipe",
)


class Browser:
    """A running browser, to be asked from one thread."""

    def __init__(self, link: socket.socket) -> None:
        self._link = link
        self._unread = b""
        self._calls = 0
        self._events: list[dict[str, Any]] = []

    def call(self, method: str, params: dict[str, Any], session: str | None = None) -> Any:
        """Return the result of ``method``, keeping the events that come before it."""
        self._calls += 1
        message = {"id": self._calls, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        self._link.sendall(json.dumps(message).encode() + b"\0")
        while (answer := self._read()).get("id") != self._calls:
            self._events.append(answer)
        assert "result" in answer, answer
        return answer["result"]

    def events(self, session: str, method: str) -> list[dict[str, Any]]:
        """Return what the events of one kind told of one tab so far."""
        return [
            event["params"]
            for event in self._events
            if (event["method"], event.get("sessionId")) == (method, session)
        ]

    def new_tab(self) -> Tab:
        target = self.call("Target.createTarget", {"url": "about:blank"})["targetId"]
        attached = self.call("Target.attachToTarget", {"targetId": target, "flatten": True})
        return Tab(self, attached["sessionId"])

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self._unread:
            received = self._link.recv(1 << 16)
            assert received, "the browser has ended"
            self._unread += received
        message, _, self._unread = self._unread.partition(b"\0")
        return json.loads(message)


class Tab:
    """A tab, what it has asked of the network and what its console has complained of."""

    def __init__(self, browser: Browser, session: str) -> None:
        self._browser, self._session = browser, session
        for domain in ("Page", "Network", "Log", "Runtime"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params: Any) -> Any:
        return self._browser.call(method, params, self._session)

    def open(self, url: str) -> None:
        """Go to ``url`` and wait until all of it is loaded."""
        before = len(self._told("Page.loadEventFired"))
        assert "errorText" not in self.call("Page.navigate", url=url)
        wait_until(lambda: len(self._told("Page.loadEventFired")) > before)

    def evaluate(self, script: str) -> Any:
        """Return the value of ``script``, or of what it promises."""
        given = {"expression": script, "returnByValue": True, "awaitPromise": True}
        result = self.call("Runtime.evaluate", **given)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def text(self, selector: str) -> str:
        """Return the text of an element as a reader sees it, or that of a field."""
        found = f"document.querySelector({json.dumps(selector)})"
        return self.evaluate(f"{found}.value ?? {found}.innerText")

    def press(self, selector: str) -> None:
        """Press the mouse's button on the middle of an element."""
        x, y = self.evaluate(
            f"""(() => {{
                const element = document.querySelector({json.dumps(selector)});
                element.scrollIntoView({{ block: "center" }});
                const box = element.getBoundingClientRect();
                return [box.x + box.width / 2, box.y + box.height / 2];
            }})()"""
        )
        for kind in ("mousePressed", "mouseReleased"):
            where = {"x": x, "y": y, "button": "left", "clickCount": 1}
            self.call("Input.dispatchMouseEvent", type=kind, **where)

    def fill(self, selector: str, text: str) -> None:
        """Put ``text`` in place of what a field holds, as a person would who pastes it."""
        self.press(selector)
        self.evaluate("document.activeElement.select()")
        self.call("Input.insertText", text=text)

    @property
    def requests(self) -> list[tuple[str, str]]:
        sent = [event["request"] for event in self._told("Network.requestWillBeSent")]
        return [(request["method"], request["url"]) for request in sent]

    @property
    def complaints(self) -> list[str]:
        """What the console shows: entries of the browser, words of the page, and exceptions."""
        return [
            *(event["entry"]["text"] for event in self._told("Log.entryAdded")),
            *(str(event["args"]) for event in self._told("Runtime.consoleAPICalled")),
            *(str(event["exceptionDetails"]) for event in self._told("Runtime.exceptionThrown")),
        ]

    def _told(self, method: str) -> list[dict[str, Any]]:
        self.call("Runtime.evaluate", expression="0")
        return self._browser.events(self._session, method)


@contextmanager
def browsing(program: str, profile: Path) -> Iterator[Browser]:
    """Run ``program``, a Chromium, with a profile of its own; it does not outlive the context."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        process = subprocess.Popen(
            ["sh", "-c", INHERIT, "sh", program, *FLAGS, f"--user-data-dir={profile}"],
            stdin=theirs,
            stdout=theirs,
            process_group=0,
        )
        theirs.close()
        ours.settimeout(DEADLINE_SECONDS)
        browser = Browser(ours)
        try:
            yield browser
            browser.call("Browser.close", {})
            process.wait(DEADLINE_SECONDS)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(DEADLINE_SECONDS)
