"""Look at what a run's preprocessing made of one clip.

    merba-look casme2/sub12/EP01_09f                            of the demo
    merba-look --run paper smic/s03/s03_ne_01 --out sheet.png   of another run
    merba-look --configfile my.yaml samm/006/006_1_2            of the run of that configuration
    merba-look --configfile config/config.yaml --configfile config/apex/spotted.yaml samm/006/006_1_2
                                                                of two, the second laid over the first

Draws onset and apex with landmarks, the aligned crops, u, v and strain at crop size and as a network takes
them, and beside them what was planted when the clip is synthetic. Published flow has no frames: u, v and
strain alone are drawn. Which clips to look at first, `data/<run>/quality/` says.

A sheet of a licensed corpus shows a participant: it is for you alone.
"""

import argparse
import sys
from pathlib import Path

from snakemake.utils import update_config

from contracts.clips import read_clips
from contracts.errors import InputError, nearest
from workflow.configuration import CONFIGS, Configuration, configured, read_settings, source_of

DATA = Path("data")
_DEFAULT = CONFIGS / "config.yaml"
_STAGES = {"faces": "csv", "align": "csv", "apex": "csv", "flow": "h5"}


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns the exit status: 0, or 1 where there is nothing to be drawn."""
    parser = argparse.ArgumentParser(
        prog="merba-look", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("clip", help="clip id: corpus/subject/clip")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--run", default="demo", help="a run that a file in config/ configures; default: demo")
    which.add_argument(
        "--configfile",
        type=Path,
        action="append",
        help="its configuration, where that lies elsewhere; once more for each that is laid over it",
    )
    parser.add_argument("--out", type=Path, help="default: data/<run>/pictures/<corpus>/<subject>/<clip>.png")
    options = parser.parse_args(arguments)
    try:
        run = _read(*options.configfile) if options.configfile else _find(options.run)
        print(draw(run, options.clip, options.out))
    except InputError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def run() -> None:
    """The `merba-look` command."""
    sys.exit(main())


def draw(run: Configuration, clip_id: str, out: Path | None = None) -> Path:
    """Draw one clip of a run; returns the sheet's path.

    Raises:
        InputError: the run has no such clip, the licence forbids to show it, or a stage is still to run.
    """
    corpus, subject, name = _parts(run, clip_id)
    if run.recorded:
        run.providers[corpus].showable(subject)
    if reason := run.excluded(corpus).get(clip_id):
        raise InputError(
            f"the configuration leaves this clip out: {reason}",
            file=run.file,
            clip=clip_id,
            cure=f"remove it from corpora.{run.providers[corpus].name}.exclude and run snakemake",
        )
    data = DATA / run.settings["run"]
    clip = _row(run, data, corpus, clip_id)
    files = {}
    if run.recorded:
        for stage, suffix in _STAGES.items():
            files[stage] = _made(run, stage, data / stage / corpus / f"{subject}.{suffix}")
        files["root"] = data / "raw" / corpus
        if "synthetic" in run.settings:
            files["truth"] = _made(run, "synthesise_subject", data / "truth" / corpus / f"{subject}.h5")
        else:
            files["root"] = source_of(run.of_corpus(corpus)).root
    cache = _cache(run, data, corpus, subject)
    # Seconds to import: faults above are told at once.
    from preprocess.picture import clip_sheet, save
    from preprocess.view import read_view

    out = out or data / "pictures" / corpus / subject / f"{name}.png"
    save(clip_sheet(read_view(clip, cache, **files)), out)
    return out


def _find(name: str) -> Configuration:
    """The configuration of a run, among those in `config/`."""
    runs: dict[str, list[Path]] = {}
    for path in sorted(CONFIGS.glob("*.yaml")):
        settings = read_settings(path)
        if isinstance(settings, dict) and "run" in settings:
            runs.setdefault(str(settings["run"]), []).append(path)
    if name not in runs:
        raise InputError(
            f"no configuration in {CONFIGS}/ has run {name!r}: {nearest(name, runs)}",
            clip="--run",
            cure="correct it, or give the configuration's file by --configfile, or each of its files",
        )
    if len(runs[name]) > 1:
        both = " and ".join(map(str, runs[name]))
        raise InputError(f"{both} have the same run {name!r}", clip="--run", cure="give one by --configfile")
    return _read(runs[name][0])


def _read(*paths: Path) -> Configuration:
    """The configuration of these files, each laid over those before it as Snakemake does it."""
    settings = read_settings(paths[0])
    for path in paths[1:]:
        update_config(settings, read_settings(path))
    return configured(settings, " ".join(map(str, paths)), build=False)


def _parts(run: Configuration, clip_id: str) -> tuple[str, str, str]:
    """Corpus, subject and clip, of which the run has the first two."""
    parts = clip_id.strip("/").split("/")
    if len(parts) != 3 or not all(parts):
        raise InputError("not a clip id", clip=clip_id, cure="write it as corpus/subject/clip")
    corpus, subject, clip = parts
    for what, one, known in (
        ("corpus", corpus, run.subjects),
        ("subject", subject, run.subjects.get(corpus, ())),
    ):
        if one not in known:
            raise InputError(
                f"run {run.settings['run']} has no {what} {one!r}: {nearest(one, known)}",
                file=run.file,
                clip=clip_id,
                cure="correct it, or look into another run by --run",
            )
    return corpus, subject, clip


def _row(run: Configuration, data: Path, corpus: str, clip_id: str):
    """The clip's row of the clip table."""
    table = read_clips(_made(run, "clips", data / "clips" / f"{corpus}.csv"))
    row = next(table[table.clip_id == clip_id].itertuples(), None)
    if row is None:
        subject = clip_id.rsplit("/", 1)[0]
        here = [one for one in table.clip_id if one.startswith(f"{subject}/")]
        raise InputError(
            f"no such clip in the clip table: {nearest(clip_id, here)}",
            clip=clip_id,
            cure=f"correct it; {data}/clips/{corpus}.skipped.csv says what was left out",
        )
    return row


def _cache(run: Configuration, data: Path, corpus: str, subject: str) -> Path:
    """The subject's cache at 28 px."""
    stage = "cache" if run.recorded else "import_flow"
    return _made(run, stage, data / "cache" / "28" / corpus / f"{subject}.h5")


def _made(run: Configuration, stage: str, path: Path) -> Path:
    """A stage's file, which has to be there."""
    if path.exists():
        return path
    chosen = "" if Path(run.file) == _DEFAULT else f" --configfile {run.file}"
    # The target stands first: --configfile takes every word that follows it.
    raise InputError(
        f"stage {stage} has not made it yet", file=path, cure=f"run 'snakemake --cores all {path}{chosen}'"
    )


if __name__ == "__main__":
    run()
