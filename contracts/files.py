"""Files that appear whole or not at all, and tables whose ids stay text."""

import contextlib
import errno
import glob
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from contracts.errors import InputError


@contextlib.contextmanager
def whole(path: str | Path) -> Iterator[Path]:
    """Yield a path beside `path` to write to; it becomes `path` only if the block succeeds.

    The bytes are flushed to disk before the rename, so neither a killed process nor a power cut leaves a
    file that opens but lacks its end. On any exception the partial file is removed and `path` is untouched.

    Raises:
        InputError: the disk is full (names the folder and the cure).
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    for left_behind in path.parent.glob(f".{glob.escape(path.name)}.*.partial"):
        left_behind.unlink(missing_ok=True)  # by a writer that was killed; a file has one writer at a time
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        yield partial
        descriptor = os.open(partial, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        partial.replace(path)
    except OSError as error:
        if disk_is_full(error, path.parent):
            raise InputError(
                "no space left on the device while writing it",
                file=path,
                cure="free some space or move data/ and results/ to a larger disk, then run again",
            ) from error
        raise
    finally:
        partial.unlink(missing_ok=True)


def disk_is_full(error: OSError, folder: Path) -> bool:
    """Whether `error` means a full disk. HDF5 loses errno on its way up and keeps it only in the text."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT) or f"errno = {errno.ENOSPC}" in str(error)


def write_csv(table: pd.DataFrame, path: str | Path) -> None:
    """Write `table` whole, without its index, LF line ends, floats with full precision."""
    with whole(path) as partial:
        table.to_csv(partial, index=False, lineterminator="\n")


def read_csv(path: str | Path, **options) -> pd.DataFrame:
    """Read a table with every cell as text ('006' stays '006') and empty cells as ''; callers convert."""
    try:
        return pd.read_csv(path, dtype=str, keep_default_na=False, **options)
    except FileNotFoundError:
        raise
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise InputError(
            f"not a readable CSV table ({error})", file=path, cure="delete it and run again"
        ) from error


def sha256(path: str | Path) -> str:
    """Hexadecimal SHA-256 of a file's bytes."""
    with Path(path).open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
