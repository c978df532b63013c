"""A MONAI Label server as a process of its own, and a client that speaks HTTP with it; nothing beyond Python."""

from __future__ import annotations

import gzip
import json
import os
import re
import shlex
import socket
import subprocess
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import nibabel as nib

START_LIMIT_S = 300
QUIET = {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "PYTHONIOENCODING": "utf-8", "OMP_WAIT_POLICY": "passive"}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@dataclass
class Answer:
    """Status, content as JSON where it is, and the label map where there is one."""

    status: int
    content: Any
    label_map: nib.Nifti1Image | None = None


class Client:
    """HTTP requests to ``http://127.0.0.1:<port>``."""

    def __init__(self, port: int) -> None:
        self.root = f"http://127.0.0.1:{port}"

    def get(self, path: str, **query: str) -> Answer:
        return self._ask("GET", path, query)

    def post(self, path: str, body: Any = None, **query: str) -> Answer:
        content = None if body is None else json.dumps(body).encode()
        return self._ask("POST", path, query, content, "application/json")

    def form(self, method: str, path: str, fields: dict[str, str], files: dict[str, Path], **query: str) -> Answer:
        """A request as a browser's form sends it."""
        boundary = "a1b2c3d4e5"
        parts = [(f'name="{name}"', value.encode()) for name, value in fields.items()]
        parts += [(f'name="{name}"; filename="{path.name}"', path.read_bytes()) for name, path in files.items()]
        lines = [b"--%b\r\nContent-Disposition: form-data; %b\r\n\r\n%b\r\n" % (boundary.encode(), head.encode(), value)
                 for head, value in parts]  # fmt: skip
        content = b"".join(lines) + f"--{boundary}--\r\n".encode()
        return self._ask(method, path, query, content, f"multipart/form-data; boundary={boundary}")

    def infer(self, model: str, image: str | Path = "", upload: Path | None = None, **params: Any) -> Answer:
        files = {} if upload is None else {"file": upload}
        query = {"image": str(image)} if image else {}
        return self.form("POST", f"/infer/{model}", {"params": json.dumps(params)}, files, **query)

    def _ask(self, method: str, path: str, query: dict, content: bytes | None = None, kind: str = "") -> Answer:
        address = f"{self.root}{path}?{urlencode(query)}"
        headers = {"Content-Type": kind} if content is not None else {}
        request = urllib.request.Request(address, content, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=START_LIMIT_S) as response:
                return read_answer(response.status, response.headers.get("Content-Type", ""), response.read())
        except urllib.error.HTTPError as error:
            with error:
                return read_answer(error.code, error.headers.get("Content-Type", ""), error.read())


def read_answer(status: int, kind: str, body: bytes) -> Answer:
    """MONAI Label answers an inference with two parts: ``params`` as JSON, and ``image``, a file."""
    if kind.startswith("application/json"):
        return Answer(status, json.loads(body))
    if not kind.startswith("multipart/form-data"):
        return Answer(status, body.decode("utf-8", "replace"))
    boundary = b"--" + re.search("boundary=(.*)", kind)[1].strip('"').encode()
    contents = {}
    for part in body.split(boundary)[1:-1]:
        head, _, value = part.partition(b"\r\n\r\n")
        contents[re.search(rb'name="(\w+)"', head)[1].decode()] = value.removesuffix(b"\r\n")
    label_map = nib.Nifti1Image.from_bytes(gzip.decompress(contents["image"]))
    return Answer(status, json.loads(contents["params"]), label_map)


class LabelServer:
    """A running server; it is ended by its own process id.

    Args:
        environment: the virtual environment that MONAI Label is installed in.
        start: the command line that starts it, ``python -m monailabel.main start_server ...``.
        folder: where the command is typed.
        log: where the server writes what it says.
        conf: further ``--conf``, which count more than those of the command.
    """

    def __init__(self, environment: Path, start: str, folder: Path, log: Path, **conf: str) -> None:
        self.port, self.log = free_port(), log
        self.client = Client(self.port)
        python, *arguments = shlex.split(start)
        assert python == "python"
        command = [environment / "bin" / python, *arguments, "--port", self.port]
        command += [text for item in conf.items() for text in ("--conf", *item)]
        inherited = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        with log.open("wb") as said:
            self.process = subprocess.Popen(
                list(map(str, command)),
                stdout=said,
                stderr=subprocess.STDOUT,
                cwd=folder,
                env={**inherited, **QUIET, "MONAI_LABEL_AUTO_UPDATE_SCORING": "false"},
            )

    def wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + START_LIMIT_S
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                if self.client.get("/info/").status == 200:
                    return
            except OSError:
                time.sleep(0.5)
        raise RuntimeError(f"the server does not answer:\n{self.said()[-4000:]}")

    def said(self) -> str:
        return self.log.read_text("utf-8", "replace")

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
