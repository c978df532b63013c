"""``python -m benchmarks.fuzz --count 2000``: how reading holds out against damage; exit code 1 if it does not."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

from .campaign import bad, run_campaign, table


def main() -> int:
    """Run a campaign, print its table and what must not be."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fuzz", description=__doc__)
    parser.add_argument("--count", type=int, default=2000, help="damaged studies")
    parser.add_argument("--start", type=int, default=0, help="number of the first one")
    parser.add_argument("--seed", type=int, default=0, help="of the damage")
    parser.add_argument("--real", default=os.environ.get("MTINET_REAL_DATA"), help="folder of real scanner files")
    parser.add_argument("--root", help="folder for the good studies (default: a temporary one)")
    parser.add_argument("--records", help="file for one line of JSON a case")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        records = run_campaign(
            Path(chosen.root or scratch),
            count=chosen.count,
            seed=chosen.seed,
            start=chosen.start,
            real=Path(chosen.real) if chosen.real else None,
        )
    if chosen.records:
        Path(chosen.records).write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    sys.stdout.write(table(records) + "\n")
    wrong = bad(records)
    for record in wrong:
        sys.stdout.write(
            f"\n{record['case']} {record['seed']} {record['file']}: {record['done']}\n  {record['verdict']}\n"
        )
        sys.stdout.write(f"{record['why']}\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
