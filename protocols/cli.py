"""The command line that scores, tables, figures and submissions share."""

import argparse
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from contracts.errors import InputError


def run_command(doc: str, command: Callable[[argparse.Namespace], Iterable[Path]], **options: dict) -> None:
    """Parse `--results` and `options` (name -> argparse settings), run, print each file written.

    A fault the user can cure is printed without a traceback and ends with exit status 1.
    """
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=Path, required=True, help="the run's folder, e.g. results/demo")
    for name, settings in options.items():
        parser.add_argument(f"--{name}", **settings)
    try:
        for path in command(parser.parse_args()):
            print(path)
    except InputError as error:
        sys.exit(str(error))
