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
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from contracts.clips import NO_FRAME, PICTURES
from contracts.errors import InputError
from preprocess.corpora import Corpus, Flows, Index, Source, get_corpus, list_corpora
from preprocess.frames import list_frames, looks_like_image, read_gray
from protocols import Protocol, get_protocol, list_protocols
from protocols.coverage import Coverage, assert_official
from protocols.lists import make_lists
from workflow.configuration import (
    CONFIGS,
    Configuration,
    check_excluded,
    configured,
    read_settings,
    source_of,
)

DEFAULT = CONFIGS / "paper.yaml"
FINE, FAULTY, PARTIAL = 0, 1, 3
NAMED = 5


@dataclass(frozen=True)
class Wanted:
    """What is to be looked at: corpora by name with their sources, and the configuration, if there is one."""

    sources: dict[str, Source]
    run: Configuration | None = None

    def subjects(self, part: str) -> list[str] | None:
        """Of one corpus as in clip ids, those that the run asks for; None: everybody."""
        return self.run.subjects.get(part) if self.run else None

    def excluded(self, part: str) -> dict[str, str]:
        """Clips of one corpus that the run leaves out."""
        return self.run.excluded(part) if self.run else {}


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="merba-check", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", nargs="*", metavar="[corpus=]folder", help="instead of a configuration")
    parser.add_argument("--configfile", type=Path, help=f"default: {DEFAULT}")
    parser.add_argument(
        "--every-frame", action="store_true", help="decode every frame (minutes), not only probe three a clip"
    )
    parser.add_argument("--all", action="store_true", help=f"list every clip, not only the first {NAMED}")
    options = parser.parse_args(arguments)
    if options.folders and options.configfile:
        parser.error("give folders or a configuration, not both")
    try:
        wanted = (
            _from_folders(options.folders) if options.folders else _from_config(options.configfile or DEFAULT)
        )
    except InputError as error:
        print(error)
        return FAULTY
    shown = sys.maxsize if options.all else NAMED
    clips: dict[str, dict[str, pd.DataFrame]] = {}
    faulty = False
    for name, source in wanted.sources.items():
        found, faults = _examined(get_corpus(name), source, wanted, options.every_frame)
        print("\n".join(_report(name, source, found, faults, shown)), end="\n\n", flush=True)
        faulty |= bool(faults)
        usable = {part: index.clips for part, index in found.items() if len(index.clips)}
        clips.setdefault(_kind(name), {}).update(usable)
    partial = False
    for kind, tables in clips.items():
        lines, short, refused = _protocols(wanted, tables)
        print("\n".join([f"Protocols, from {kind}", *lines, ""]))
        partial |= short
        faulty |= refused
    print("\n".join(_next(wanted, clips, faulty, partial)))
    return FAULTY if faulty else PARTIAL if partial else FINE


def run() -> None:
    """The `merba-check` command."""
    # Names of files may be in any encoding, and the terminal in another.
    sys.stdout.reconfigure(errors="backslashreplace")
    try:
        status = main()
        sys.stdout.flush()
    except BrokenPipeError:
        # `merba-check | head` has read enough; what is still in the buffer must not be written at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = FAULTY
    sys.exit(status)


def _kind(name: str) -> str:
    """Recordings go into one run together; flow that others have computed, by itself."""
    return name if isinstance(get_corpus(name), Flows) else "recordings"


# What to look at


def _from_config(path: Path) -> Wanted:
    run = configured(read_settings(path), str(path), build=False)
    if "synthetic" in run.settings:
        raise InputError(
            "the corpora of this configuration are synthetic",
            file=path,
            clip="synthetic",
            cure="give a configuration of your own recordings, or their folders",
        )
    return Wanted({name: source_of(own) for name, own in run.settings["corpora"].items()}, run)


def _from_folders(given: list[str]) -> Wanted:
    sources: dict[str, Source] = {}
    for one in given:
        name, mark, folder = one.partition("=")
        named = bool(mark) and name in list_corpora()
        root = Path(folder if named else one).expanduser()
        if not root.is_dir() or not (folder or not named):
            raise InputError(
                "there is no such folder",
                file=one,
                cure="give a folder, or corpus=folder with a known corpus",
            )
        here = [name] if named else [name for name in list_corpora() if _is_here(get_corpus(name), root)]
        if not here:
            raise InputError(
                "no corpus is recognised there", file=root, cure="say which one it is: corpus=folder"
            )
        for name in here:
            if name in sources:
                raise InputError(
                    f"{name} is given twice, here and in {sources[name].root}",
                    file=root,
                    cure="look at one after the other",
                )
            sources[name] = Source(root) if named else _narrowed(get_corpus(name), Source(root))
    return Wanted(sources)


def _is_here(corpus: Corpus, root: Path) -> bool:
    try:
        return any(corpus.subject_paths(Source(root), part) for part in corpus.provides)
    except InputError:
        # Several copies of it: it is here, and the report will ask which one is meant.
        return True


def _narrowed(corpus: Corpus, source: Source) -> Source:
    """The deepest root that still has all of the corpus: other corpora's sheets are none of its business."""
    try:
        root = Path(os.path.commonpath([path.parent for path in corpus.places(source)]))
    except InputError:
        return source
    return Source(root) if root.is_relative_to(source.root) else source


# What is there


def _examined(
    corpus: Corpus, source: Source, wanted: Wanted, every_frame: bool
) -> tuple[dict[str, Index], list[InputError]]:
    """One corpus: an Index for each part that it provides, and all that must be mended."""
    found, faults = {}, []
    for part in corpus.provides:
        try:
            found[part] = corpus.examine(source, wanted.subjects(part), corpus=part)
        except InputError as fault:
            faults.append(fault)
            continue
        index = found[part]
        faults += index.faults
        if not isinstance(corpus, Flows):
            faults += _bad_frames(index.clips, source.root, every_frame)
        try:
            check_excluded(wanted.excluded(part), set(index.clips.clip_id), corpus.name)
        except InputError as fault:
            faults.append(fault)
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
        if number == NO_FRAME:
            continue
        try:
            if looks_like_image(frames[number]):
                continue
            problem, cure = "not a picture, whatever its name says", "unpack the clip again"
        except InputError as error:
            problem, cure = error.problem, error.cure
        return InputError(problem, file=frames[number], clip=clip_id, cure=cure)
    return None


def _decode(job: tuple[str, Path, tuple[int, ...]]) -> InputError | None:
    """The first frame of a clip that cannot be decoded."""
    clip_id, folder, _ = job
    for path in list_frames(folder).values():
        try:
            read_gray(path)
        except InputError as error:
            return InputError(error.problem, file=path, clip=clip_id, cure=error.cure)
    return None


# What to say


def _report(
    name: str, source: Source, found: Mapping[str, Index], faults: list[InputError], shown: int
) -> Iterator[str]:
    yield f"{get_corpus(name).title} ({name}) in {source.root}"
    for part, index in found.items():
        if len(found) > 1:
            yield f"  {part}"
        for what, how in index.recognised.items():
            for k, line in enumerate(how):
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


def _protocols(wanted: Wanted, clips: Mapping[str, pd.DataFrame]) -> tuple[list[str], bool, bool]:
    """A line or more for each protocol; whether one is not the official list, and whether a run refuses one.

    Only the configuration's protocols count; without a configuration, all that can be built, and none is
    refused.
    """
    lines, partial, refused = [], False, False
    for name in list_protocols():
        protocol = get_protocol(name)
        asked = wanted.run is not None and name in wanted.run.protocols
        if missing := [corpus for corpus in protocol.corpora if corpus not in clips]:
            lines.append(f"  {name:<16}needs {', '.join(missing)}")
            partial |= asked
            continue
        said, coverage = _buildable(protocol, wanted, clips)
        if coverage is not None:
            partial |= not coverage.complete and (asked or wanted.run is None)
            try:
                assert_official(protocol, coverage)
            except InputError as error:
                said.append(f"a run is refused: {error.cure}")
                refused |= asked
        else:
            refused |= asked
        lines += [f"  {name if not k else '':<16}{line}" for k, line in enumerate(said)]
    return lines, partial, refused


def _buildable(
    protocol: Protocol, wanted: Wanted, clips: Mapping[str, pd.DataFrame]
) -> tuple[list[str], Coverage | None]:
    """What can be said of a protocol's list, and how much of the official one it is; None: there is none."""
    subjects = {
        corpus: [one for one in protocol.subjects[corpus] if one in set(clips[corpus].subject)]
        for corpus in protocol.corpora
    }
    excluded = {clip: why for corpus in protocol.corpora for clip, why in wanted.excluded(corpus).items()}
    try:
        table = pd.concat([clips[corpus] for corpus in protocol.corpora], ignore_index=True)
        coverage = make_lists(protocol, table, subjects, excluded).coverage
    except InputError as error:
        return [f"not from these labels: {error}"], None
    official = " (the official list, by its checksum)" if coverage.complete else ""
    said = [part for line in coverage.differences for part in line.split("; ")]
    return [coverage.text() + official, *said], coverage


def _next(
    wanted: Wanted, clips: Mapping[str, Mapping[str, pd.DataFrame]], faulty: bool, partial: bool
) -> Iterator[str]:
    yield "Next"
    if faulty:
        yield "  Mend what is marked MEND and run merba-check again."
        return
    if partial:
        yield "  It can run; tables of lists that are not the official ones will say so."
    if wanted.run is not None:
        yield from _commands(wanted.run.file)
        return
    for kind, tables in clips.items():
        corpora = {name: source for name, source in wanted.sources.items() if _kind(name) == kind}
        example = _example(set(corpora))
        yield f"  Put this into a copy of {example}, and keep of its protocols what can be built:"
        yield "    corpora:"
        protocols = read_settings(example)["protocols"]
        for name, source in corpora.items():
            settings = ", ".join(_settings(get_corpus(name), source, tables, protocols))
            yield f"      {name}: {{{settings}}}"


def _settings(
    corpus: Corpus, source: Source, tables: Mapping[str, pd.DataFrame], protocols: Iterable[str]
) -> Iterator[str]:
    """What to write about a corpus in a configuration with these protocols."""
    yield f"root: {str(source.root)!r}"
    clips = pd.concat([tables[part] for part in corpus.provides if part in tables])
    if not isinstance(corpus, Flows):
        yield "apex: spotted" if (clips.apex_source == "none").all() else "apex: annotated"
    wanted = {
        subject
        for protocol in map(get_protocol, protocols)
        for part in corpus.provides
        for subject in protocol.subjects.get(part, ())
    }
    if wanted - set(clips.subject):
        here = ", ".join(f"'{subject}'" for subject in sorted(wanted & set(clips.subject)))
        yield f"subjects: [{here}]"


def _commands(configfile: str | Path) -> Iterator[str]:
    yield f"  snakemake -n --configfile {configfile}           # what will run"
    yield f"  snakemake --cores all --configfile {configfile}"


def _example(names: set[str]) -> Path:
    """The configuration of this project that is about these corpora."""
    for path in sorted(CONFIGS.glob("*.yaml")):
        settings = read_settings(path)
        if "synthetic" not in settings and names <= set(settings["corpora"]):
            return path
    return DEFAULT


if __name__ == "__main__":
    run()
