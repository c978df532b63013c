"""A run ends with the experiment that started it, however that ended: none goes on unseen beside its own repetition."""

from __future__ import annotations

import os
import threading

ATTACHED = "attached"
"""The word that tells a run so."""

LEFT_ALONE = 3
"""Exit code of a run whose experiment is gone."""

STDIN = 0


def end_with_parent() -> None:
    """End this process when its standard input closes, as a pipe from the experiment does when that is killed."""

    def watch() -> None:
        while os.read(STDIN, 1):  # not by sys.stdin, whose lock the interpreter wants when it shuts down
            pass
        os._exit(LEFT_ALONE)  # whatever was half written lies under a temporary name

    threading.Thread(target=watch, daemon=True).start()
