"""No run survives its experiment."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from custom.experiments.running.attached import LEFT_ALONE

ROOT = Path(__file__).resolve().parents[2]


def test_a_process_ends_when_the_pipe_from_its_parent_closes():
    code = "import time\nfrom custom.experiments.running.attached import end_with_parent\n"
    code += "end_with_parent()\nprint('here', flush=True)\ntime.sleep(300)"
    process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout.readline().strip() == b"here"
    assert process.poll() is None
    process.stdin.close()
    assert process.wait(60) == LEFT_ALONE


def test_a_process_that_is_done_ends_in_order_while_its_parent_lives():
    code = "from custom.experiments.running.attached import end_with_parent\nend_with_parent()"
    process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.wait(60) == 0, process.stderr.read()
    assert process.stderr.read() == b""
