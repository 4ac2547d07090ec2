"""How long it takes to index the four corpora at their true size.

    python -m benchmarks.index_corpora [--root FOLDER] [--keep]

Writes the four corpora with every clip of the real ones and about as many frames, all of them one tiny
picture, then indexes each in a process of its own and prints a table. The clock includes starting Python.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.report import MISSED, table
from preprocess.corpora import get_corpus
from preprocess.corpora.corpus import Source
from preprocess.corpora.synthetic import Options, write_corpus
from preprocess.frames import SUFFIXES

LENGTHS = {"smic": (11, 56), "casme2": (24, 111), "samm": (47, 101), "dfme": (20, 182)}
"""Shortest and longest clip in frames, for the mean lengths 33.7, 67, 74 and about 100 of the real ones."""
LIMIT = 60
"""Seconds that all four together may take on two cores."""


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--root", type=Path, help="where to write the corpora (default: a temporary folder)")
    parser.add_argument("--keep", action="store_true", help="index what an earlier run wrote to --root")
    parser.add_argument("--one", nargs=2, metavar=("CORPUS", "FOLDER"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        print(json.dumps(_index(*args.one)))
        return 0
    if args.keep and not args.root:
        parser.error("--keep needs --root")
    with tempfile.TemporaryDirectory(prefix="corpora-") as temporary:
        return _measure(args.root or Path(temporary), write=not args.keep)


def _measure(root: Path, *, write: bool) -> int:
    rows = []
    for corpus, length in LENGTHS.items():
        if write:
            start = time.perf_counter()
            write_corpus(root / corpus, corpus, Options(scale="true", pictures="blank", length=length))
            print(f"wrote {root / corpus} in {time.perf_counter() - start:.1f} s", file=sys.stderr)
        command = [sys.executable, "-m", "benchmarks.index_corpora", "--one", corpus, str(root / corpus)]
        start = time.perf_counter()
        found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        found["seconds"] = time.perf_counter() - start
        frames = sum(path.suffix in SUFFIXES for path in (root / corpus).rglob("*"))
        rows.append({"corpus": corpus, "frames": frames, **found})
    total = {key: sum(row[key] for row in rows) for key in ("clips", "frames", "seconds")}
    rows.append({"corpus": "all", **total, "mebibytes": max(row["mebibytes"] for row in rows)})
    form = "{corpus} {clips} {frames} {seconds:.1f} {mebibytes:.0f}"
    header = "corpus", "clips", "frames", "seconds", "peak MiB"
    print(table(header, (form.format(**row).split() for row in rows)))
    return MISSED if total["seconds"] > LIMIT else 0


def _index(corpus: str, root: str) -> dict[str, float]:
    clips = get_corpus(corpus).index(Source(Path(root))).clips
    return {"clips": len(clips), "mebibytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


if __name__ == "__main__":
    sys.exit(main())
