"""Write a synthetic corpus, or list what can be written: see the package's docstring."""

import argparse
import sys
from pathlib import Path

from contracts.errors import InputError
from preprocess.corpora.synthetic import Options, list_layouts, write_corpus
from preprocess.corpora.synthetic.layouts import get_layout
from preprocess.corpora.synthetic.plan import SCALES, SHEETS


def main(arguments: list[str] | None = None) -> int:
    """Returns the exit code: 0, or 2 for a fault that the user can cure."""
    parser = argparse.ArgumentParser(prog="python -m preprocess.corpora.synthetic", description=__doc__)
    parser.add_argument("--list", action="store_true", help="variants, codings and faults of every corpus")
    parser.add_argument("--corpus", help=", ".join(list_layouts()))
    parser.add_argument("--out", type=Path, help="root folder to write; new, or written by this program")
    parser.add_argument("--truth", type=Path, help="folder for the planted truth, outside --out")
    parser.add_argument("--subjects", nargs="+", help="default: all of the true corpus")
    parser.add_argument("--variant", default="", help="of the folders; default: the first in the list")
    parser.add_argument("--coding", default="", help="of the workbook; default: the first in the list")
    parser.add_argument("--faults", nargs="+", default=(), metavar="FAULT")
    parser.add_argument("--sheet", default="", choices=SHEETS, help="default: as the owner ships it")
    parser.add_argument("--scale", default="small", choices=SCALES)
    parser.add_argument("--blank", action="store_true", help="tiny blank pictures instead of faces")
    parser.add_argument("--length", nargs=2, type=int, metavar=("SHORTEST", "LONGEST"))
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(arguments)
    if args.list:
        print("\n\n".join(_catalogue(corpus) for corpus in list_layouts()))
        return 0
    if not args.corpus or not args.out:
        parser.error("give --corpus and --out, or --list")
    try:
        options = Options(
            seed=args.seed,
            variant=args.variant,
            coding=args.coding,
            faults=args.faults,
            sheet=args.sheet,
            scale=args.scale,
            pictures="blank" if args.blank else "rendered",
            **({"length": args.length} if args.length else {}),
        )
        planned = write_corpus(args.out, args.corpus, options, args.subjects, args.truth)
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    frames = sum(len(clip.files) for clip in planned)
    print(f"{args.out}: {len(planned)} folders, {frames} frames")
    return 0


def _catalogue(corpus: str) -> str:
    layout = get_layout(corpus)
    lines = [f"{corpus}: {len(layout.SUBJECTS)} subjects, {layout.SUBJECTS[0]} to {layout.SUBJECTS[-1]}"]
    for title, entries in (
        ("variants", layout.VARIANTS),
        ("codings", layout.CODINGS),
        ("faults", layout.FAULTS),
    ):
        if entries:
            lines += [f"  {title}", *(f"    {name:18} {entry.says}" for name, entry in entries.items())]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
