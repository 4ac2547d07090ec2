"""Files that appear whole or not at all, and tables whose ids stay text."""

import contextlib
import errno
import glob
import hashlib
import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from contracts.errors import InputError


@contextlib.contextmanager
def whole(path: str | Path, *, folder: bool = False) -> Iterator[Path]:
    """Yield a path beside `path` to write to; it becomes `path` only if the block succeeds.

    A file's bytes are flushed to disk before the rename, so neither a killed process nor a power cut leaves
    one that opens but lacks its end. On any exception what was written is removed and `path` is untouched.
    What killed processes left behind is cleared by the next that writes the same path.

    Args:
        path: the file or folder; an existing one is replaced.
        folder: yield an empty folder instead of the name of a file.

    Raises:
        InputError: the disk is full, or the folder cannot be made (names the path and the cure).
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"its folder cannot be made ({error.strerror})",
            file=path,
            cure="check the path and who may write there",
        ) from error
    for left_behind in path.parent.glob(f".{glob.escape(path.name)}@*.partial"):
        if not _writer_lives(left_behind):
            _remove(left_behind)
    partial = path.with_name(f".{path.name}@{socket.gethostname()}-{os.getpid()}.partial")
    try:
        if folder:
            partial.mkdir()
        yield partial
        if folder:
            _remove(path)  # an orphan of a killed run may have finished the same folder meanwhile
        else:
            _flush(partial)
        partial.replace(path)
    except OSError as error:
        if _disk_is_full(error):
            raise InputError(
                "no space left on the device while writing it",
                file=path,
                cure="free some space or move data/ and results/ to a larger disk, then run again",
            ) from error
        raise
    finally:
        _remove(partial)


def _writer_lives(partial: Path) -> bool:
    """Whether the process that writes `partial` may still run; one on another machine always may."""
    host, pid = partial.name.removesuffix(".partial").rsplit("@", 1)[-1].rsplit("-", 1)
    if host != socket.gethostname():
        return True
    return int(pid) != os.getpid() and Path(f"/proc/{pid}").exists()


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _disk_is_full(error: OSError) -> bool:
    # HDF5 loses errno on its way up and keeps it only in the text.
    return error.errno in (errno.ENOSPC, errno.EDQUOT) or f"errno = {errno.ENOSPC}" in str(error)


def write_csv(table: pd.DataFrame, path: str | Path) -> None:
    """Write `table` whole, without its index, LF line ends, floats with full precision, UTF-8.

    Raises:
        InputError: as `whole`, or a cell has the name of a file or folder that is not UTF-8.
    """
    try:
        with whole(path) as partial:
            table.to_csv(partial, index=False, lineterminator="\n")
    except UnicodeEncodeError as error:
        row = error.object[: error.end].rpartition("\n")[2]
        raise InputError(
            f"a name in it is not UTF-8 ({row})", file=path, cure="rename the file or folder of that name"
        ) from error


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
