"""A headless Chromium that is spoken to over a pipe, in its DevTools protocol."""

import base64
import contextlib
import json
import os
import subprocess
import tempfile


class Browser:
    def __init__(self, stack, program):
        profile = stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
        (self._from, write), (read, self._to) = os.pipe(), os.pipe()

        def as_it_expects():
            # It reads from 3 and writes to 4, which the pipes may hold themselves.
            high_read, high_write = os.dup2(read, 100), os.dup2(write, 101)
            os.dup2(high_read, 3)
            os.dup2(high_write, 4)

        # Without a sandbox of its own it runs as root, too; it opens nothing but our own files.
        command = [program, "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run",
                   "--disable-dev-shm-usage", "--remote-debugging-pipe", f"--user-data-dir={profile}", "about:blank"]
        process = subprocess.Popen(command, preexec_fn=as_it_expects, close_fds=False, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        os.close(write)
        os.close(read)
        stack.callback(self._end, process)
        self._left, self._number, self._session, self.events = b"", 0, None, []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Log", "Runtime"):
            self.call(f"{domain}.enable")

    def open(self, path, width=1100, height=900, scheme="light"):
        """Opens a file in a window of this size, and forgets what happened before."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 500)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.events.clear()
        self.call("Page.navigate", url=path.resolve().as_uri())
        while not any(event["method"] == "Page.loadEventFired" for event in self.events):
            self._hear()

    def ask(self, script):
        """Returns what an expression comes to in the page, whatever the page's own policy says."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def picture(self, path):
        """Keeps a picture of the whole page."""
        picture = self.call("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(picture["data"]))

    def printed(self):
        return base64.b64decode(self.call("Page.printToPDF", printBackground=False)["data"])

    def call(self, method, **parameters):
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while True:
            said = self._hear()
            if said.get("id") == self._number:
                assert "error" not in said, f"{method}: {said}"
                return said["result"]

    def _hear(self):
        while b"\0" not in self._left:
            more = os.read(self._from, 1 << 16)
            assert more, "the browser ended"
            self._left += more
        said, self._left = self._left.split(b"\0", 1)
        said = json.loads(said)
        if "method" in said:
            self.events.append(said)
        return said

    def _end(self, process):
        with contextlib.suppress(Exception):
            self._session = None
            self.call("Browser.close")
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
