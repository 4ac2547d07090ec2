"""Look at the corpora a user has, before anything is computed.

    merba-check                          the corpora of config/paper.yaml
    merba-check --configfile my.yaml     those of another configuration
    merba-check /data/corpora            whatever is found there
    merba-check casme2=/data/CASME2 ...  or exactly these

For each corpus: what was recognised, what was left out or decided, clip by clip, and what must be mended;
then which protocols' lists can be built from it, and what to do next.

Exit status: 0, all is well and every list is the official one; 3, everything can be read, but some list is
partial; 1, something must be mended first; 2, the command itself was wrong.
"""

import argparse
import os
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import yaml

from contracts.clips import NO_FRAME, PICTURES
from contracts.errors import InputError
from preprocess.corpora import Flows, Index, Source, get_corpus, list_corpora
from preprocess.frames import list_frames, looks_like_image, read_gray
from protocols import get_protocol, list_protocols
from protocols.base import Protocol
from protocols.lists import make_lists
from workflow.configuration import configured, source_of

DEFAULT = Path("config/paper.yaml")
FINE, FAULTY, PARTIAL = 0, 1, 3
NAMED = 5


@dataclass(frozen=True)
class Wanted:
    """What is to be looked at: corpus -> source, and the subjects and protocols that count.

    `subjects` holds only corpora that the configuration restricts. `protocols` empty: all that can be built.
    """

    sources: dict[str, Source]
    subjects: dict[str, list[str]] = field(default_factory=dict)
    protocols: tuple[str, ...] = ()
    configfile: Path | None = None


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="merba-check", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", nargs="*", metavar="[corpus=]folder", help="instead of a configuration")
    parser.add_argument("--configfile", type=Path, default=DEFAULT, help=f"default: {DEFAULT}")
    parser.add_argument(
        "--every-frame",
        action="store_true",
        help="decode every frame (minutes) instead of probing three a clip",
    )
    parser.add_argument("--all", action="store_true", help=f"list every clip, not only the first {NAMED}")
    options = parser.parse_args(arguments)
    try:
        wanted = _from_folders(options.folders) if options.folders else _from_config(options.configfile)
    except InputError as error:
        print(error)
        return FAULTY
    shown = sys.maxsize if options.all else NAMED
    clips, faulty = {}, False
    for name, source in wanted.sources.items():
        found, faults = _examined(name, source, wanted.subjects.get(name), options.every_frame)
        print("\n".join(_report(name, source, found, faults, shown)), end="\n\n", flush=True)
        faulty |= bool(faults)
        clips |= {corpus: table for corpus, table in found.items() if len(table.clips)}
    lines, partial = _protocols(wanted, {corpus: index.clips for corpus, index in clips.items()})
    spotted = {name for name, index in clips.items() if (index.clips.apex_source == "none").all()}
    print("\n".join([*lines, "", *_next(wanted, spotted, faulty, partial)]))
    return FAULTY if faulty else PARTIAL if partial else FINE


def run() -> None:
    """The `merba-check` command."""
    try:
        sys.exit(main())
    except BrokenPipeError:
        # `merba-check | head` has read enough; what is still in the buffer must not be written at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(FAULTY)


def _from_config(path: Path) -> Wanted:
    try:
        config = yaml.safe_load(path.read_text())
    except (OSError, yaml.YAMLError) as error:
        raise InputError(
            f"not a readable configuration ({error})", file=path, cure="give another one by --configfile"
        ) from error
    run = configured(config, str(path))
    if "synthetic" in config:
        raise InputError(
            "the corpora of this configuration are synthetic",
            file=path,
            clip="synthetic",
            cure="give a configuration of your own recordings, or their folders",
        )
    corpora = run.settings["corpora"]
    return Wanted(
        sources={name: source_of(own) for name, own in corpora.items()},
        subjects={name: own["subjects"] for name, own in corpora.items() if "subjects" in own},
        protocols=tuple(run.protocols),
        configfile=path,
    )


def _from_folders(given: list[str]) -> Wanted:
    sources: dict[str, Source] = {}
    for one in given:
        name, mark, folder = one.partition("=")
        if mark and name in list_corpora():
            sources[name] = Source(Path(folder))
            continue
        root = Path(one)
        if not root.is_dir():
            raise InputError(
                "there is no such folder",
                file=one,
                cure="give a folder, or corpus=folder with a known corpus",
            )
        here = [name for name in list_corpora() if _is_here(name, root)]
        if not here:
            raise InputError(
                "no corpus is recognised there", file=root, cure="say which one it is: corpus=folder"
            )
        sources |= {name: Source(root) for name in here}
    return Wanted(sources)


def _is_here(name: str, root: Path) -> bool:
    corpus = get_corpus(name)
    try:
        return any(corpus.subject_paths(Source(root), part) for part in corpus.provides)
    except InputError:
        # Several copies of it: it is here, and the report will ask which one is meant.
        return True


def _examined(
    name: str, source: Source, subjects: list[str] | None, every_frame: bool
) -> tuple[dict[str, Index], list[InputError]]:
    """One corpus: an Index for each part that it provides, and all that must be mended."""
    corpus = get_corpus(name)
    found, faults = {}, []
    for part in corpus.provides:
        # Where one folder has several corpora, the list of subjects is meant for all of them together.
        own = subjects if len(corpus.provides) == 1 else None
        try:
            found[part] = corpus.examine(source, own, corpus=part)
        except InputError as fault:
            faults.append(fault)
            continue
        faults += found[part].faults
        if not isinstance(corpus, Flows):
            faults += _bad_frames(found[part].clips, source.root, every_frame)
    return found, list({str(fault): fault for fault in faults}.values())


def _bad_frames(clips: pd.DataFrame, root: Path, every_frame: bool) -> list[InputError]:
    jobs = [
        (row.clip_id, root / row.frames_dir, (row.onset, row.apex, row.offset))
        for row in clips.itertuples(index=False)
    ]
    if not every_frame:
        return [fault for job in jobs if (fault := _probe(*job))]
    with ProcessPoolExecutor() as pool:
        return [fault for fault in pool.map(_decode, jobs, chunksize=8) if fault]


def _probe(clip_id: str, folder: Path, numbers: tuple[int, ...]) -> InputError | None:
    """The first of the named frames that is no picture by its first bytes."""
    frames = list_frames(folder)
    for number in numbers:
        if number != NO_FRAME and not looks_like_image(frames[number]):
            return _no_picture(frames[number], clip_id, "not a picture, whatever its name says")
    return None


def _decode(job: tuple[str, Path, tuple[int, ...]]) -> InputError | None:
    """The first frame of a clip that cannot be decoded."""
    clip_id, folder, _ = job
    for path in list_frames(folder).values():
        try:
            read_gray(path)
        except InputError as error:
            return _no_picture(path, clip_id, error.problem)
    return None


def _no_picture(path: Path, clip_id: str, problem: str) -> InputError:
    return InputError(problem, file=path, clip=clip_id, cure="unpack the clip again")


def _report(
    name: str, source: Source, found: Mapping[str, Index], faults: list[InputError], shown: int
) -> Iterator[str]:
    yield f"{get_corpus(name).title} ({name}) in {source.root}"
    for part, index in found.items():
        if len(found) > 1:
            yield f"  {part}"
        for what, how in index.recognised.items():
            for k, line in enumerate(how.split("; ")):
                yield f"  {what if not k else '':<12}{line}"
        clips = index.clips
        pictures = ", ".join(kind for kind in PICTURES if (clips.pictures == kind).any())
        size = f"{len(clips)} of {clips.subject.nunique()} subjects"
        yield f"  {'clips':<12}{size} can be used ({pictures or 'none'})"
        yield from _grouped("left out", index.skipped.clip_id, index.skipped.reason, shown)
        yield from _grouped("decided", index.notes.clip_id, index.notes.note, shown)
    for k, fault in enumerate(faults[:shown]):
        yield f"  {'MEND' if not k else '':<12}{fault}"
    if len(faults) > shown:
        yield f"  {'':<12}and {len(faults) - shown} more faults (--all lists them)"


def _grouped(title: str, clip_ids: pd.Series, texts: pd.Series, shown: int) -> Iterator[str]:
    """One line a clip, or one line for all clips of which the same is said."""
    lines = [f"{text}: {_few(list(ids), shown)}" for text, ids in clip_ids.groupby(texts, sort=False)]
    for k, line in enumerate(lines[:shown]):
        yield f"  {title if not k else '':<12}{line}"
    if len(lines) > shown:
        yield f"  {'':<12}and {len(lines) - shown} more (--all lists them)"


def _few(ids: list[str], shown: int) -> str:
    more = f" and {len(ids) - shown} more" if len(ids) > shown else ""
    return ", ".join(ids[:shown]) + more


def _protocols(wanted: Wanted, clips: Mapping[str, pd.DataFrame]) -> tuple[list[str], bool]:
    """A line or more for each protocol, and whether one of those that count is not the official list."""
    lines, partial = ["Protocols"], False
    for name in list_protocols():
        protocol = get_protocol(name)
        counts = name in wanted.protocols or not wanted.protocols
        missing = [corpus for corpus in protocol.corpora if corpus not in clips]
        if missing:
            lines.append(f"  {name:<16}needs {', '.join(missing)}")
            partial |= counts and bool(wanted.protocols)
            continue
        said, official = _buildable(protocol, clips)
        partial |= counts and not official
        lines += [f"  {name if not k else '':<16}{line}" for k, line in enumerate(said)]
    return lines, partial


def _buildable(protocol: Protocol, clips: Mapping[str, pd.DataFrame]) -> tuple[list[str], bool]:
    subjects = {
        corpus: [one for one in protocol.subjects[corpus] if one in set(clips[corpus].subject)]
        for corpus in protocol.corpora
    }
    try:
        table = pd.concat([clips[corpus] for corpus in protocol.corpora], ignore_index=True)
        coverage = make_lists(protocol, table, subjects).coverage
    except InputError as error:
        return [f"cannot be built: {error}"], False
    official = " (the official list, by its checksum)" if coverage.complete else ""
    said = [part for line in coverage.differences for part in line.split("; ")]
    return [coverage.text() + official, *said], coverage.complete


def _next(wanted: Wanted, spotted: set[str], faulty: bool, partial: bool) -> Iterator[str]:
    yield "Next"
    if faulty:
        yield "  Mend what is marked MEND and run merba-check again."
        return
    if wanted.configfile is None:
        yield f"  Put this into a copy of {DEFAULT}, and keep of its protocols what can be built:"
        yield "    corpora:"
        for name, source in wanted.sources.items():
            flows = isinstance(get_corpus(name), Flows)
            apex = "" if flows else f", apex: {'spotted' if name in spotted else 'annotated'}"
            yield f"      {name}: {{root: {str(source.root)!r}{apex}}}"
        return
    if partial:
        yield "  It can run; tables of lists that are not the official ones will say so."
    yield f"  snakemake -n --configfile {wanted.configfile}           # what will run"
    yield f"  snakemake --cores all --configfile {wanted.configfile}"


if __name__ == "__main__":
    run()
