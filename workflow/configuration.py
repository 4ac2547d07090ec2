"""The configuration of a run, checked once before any job exists, and who takes part in it.

A fault names the file, the key and the cure. Nothing here touches the data.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import yaml

from contracts.config import check_config
from contracts.errors import InputError, nearest
from merba.overrides import check_row
from merba.recipe import check_coding
from merba.registry import declaration
from preprocess.corpora import Corpus, Flows, Source, get_corpus
from preprocess.corpora.synthetic.plan import Options
from protocols import Fold, Protocol, get_protocol

CANARY = "canary"
"""The row of every protocol that the alarm of every run goes by; none of the user's may have its name."""
CONFIGS = Path("config")
SCHEMA = Path(__file__).with_name("schemas") / "config.schema.json"


@dataclass(frozen=True)
class Configuration:
    """A checked configuration.

    Attributes:
        settings: as written.
        file: where, for messages.
        protocols: name -> protocol.
        providers: corpus as in clip ids -> the corpus under `corpora` whose files have its clips.
        subjects: corpus as in clip ids -> the run's subjects.
        folds: protocol -> its folds over these subjects.
    """

    settings: dict
    file: str
    protocols: dict[str, Protocol]
    providers: dict[str, Corpus]
    subjects: dict[str, list[str]]
    folds: dict[str, list[Fold]]

    @property
    def recorded(self) -> bool:
        """Whether the run starts from recordings, not from flow that others have computed."""
        return not any(isinstance(corpus, Flows) for corpus in self.providers.values())

    @property
    def corpora_kind(self) -> dict[str, str]:
        """What a run's record says of its corpora, as `protocols.runs` reads it."""
        if "synthetic" in self.settings:
            return {"corpora": "synthetic"}
        if self.recorded:
            return {"corpora": "licensed"}
        titles = {corpus.title: None for corpus in self.providers.values()}
        return {"corpora": "flows", "title": ", ".join(titles)}

    def of_corpus(self, corpus: str) -> dict:
        """What is written about the corpus that has these clips."""
        return self.settings["corpora"][self.providers[corpus].name]

    def subjects_of(self, protocol: str) -> dict[str, list[str]]:
        """Those of the run's subjects that a protocol knows; another may want more of the same corpus."""
        return _known(self.protocols[protocol], self.subjects)

    def excluded(self, corpus: str) -> dict[str, str]:
        """Clips that are left out, with the reason."""
        provided = self.providers[corpus].provides

        def owner(clip: str) -> str:
            # A misspelt corpus goes to the first, whose lists will say that they do not know the clip.
            return next((name for name in provided if clip.startswith(f"{name}/")), provided[0])

        chosen = self.of_corpus(corpus).get("exclude", {})
        return {clip: reason for clip, reason in chosen.items() if owner(clip) == corpus}


def configured(settings: dict, file: str, *, build: bool = True) -> Configuration:
    """Check a configuration.

    Args:
        settings: as read.
        file: where, for messages.
        build: also build the networks of rows with a size, channels or options of their own: which a job
            need not do again.

    Raises:
        InputError: its first fault.
    """
    check_config(settings, SCHEMA, file)
    protocols = {name: get_protocol(name) for name in settings["protocols"]}
    providers = _providers(settings, file)
    for name, protocol in protocols.items():
        if missing := sorted(set(protocol.subjects) - set(providers)):
            raise InputError(
                f"protocol {name} needs corpus {missing[0]}",
                file=file,
                clip="corpora",
                cure=f"add it under corpora or remove {name} from protocols",
            )
    Options(**settings.get("synthetic", {}))
    for corpus in {corpus.name: corpus for corpus in providers.values()}.values():
        _check_corpus(corpus, settings, file)
    for name, models in settings["protocols"].items():
        for row, overrides in models.items():
            if row == CANARY:
                cure = "give the row another name, and its model as `model`"
                raise InputError(
                    "is the name of the alarm of every run",
                    file=file,
                    clip=f"protocols.{name}.{row}",
                    cure=cure,
                )
            asked = {"model": row, **(overrides or {})}
            classes = protocols[name].classes
            _check_recipe(asked, classes, settings, file, f"protocols.{name}.{row}", build)
    _check_audit(settings, file)
    subjects = _subjects(settings, protocols.values(), providers, file)
    folds = {name: protocol.folds(_known(protocol, subjects)) for name, protocol in protocols.items()}
    return Configuration(settings, file, protocols, providers, subjects, folds)


def read_settings(path: Path) -> object:
    """A configuration file as written, not yet checked.

    Raises:
        InputError: it cannot be read, or is no YAML.
    """
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeError, yaml.YAMLError) as error:
        raise InputError(
            f"not a readable configuration ({error})", file=path, cure="give another one by --configfile"
        ) from error


def source_of(settings: Mapping) -> Source:
    """Where a corpus lies, from what is written about it."""
    chosen = {key: settings[key] for key in ("frames", "sheets", "pictures") if key in settings}
    return Source(Path(settings["root"]), **chosen)


def check_excluded(excluded: Mapping[str, str], clip_ids: Collection[str], corpus: str) -> None:
    """Refuse to leave out what is not there: a misspelt id would leave the clip in.

    Args:
        excluded: clip id -> reason.
        clip_ids: what is there.
        corpus: its name under `corpora`.

    Raises:
        InputError: names the first unknown id.
    """
    for clip_id in sorted(set(excluded) - set(clip_ids)):
        raise InputError(
            "an excluded clip is not in the corpus",
            clip=clip_id,
            cure=f"correct its spelling under corpora.{corpus}.exclude",
        )


def _providers(settings: dict, file: str) -> dict[str, Corpus]:
    providers: dict[str, Corpus] = {}
    apart = {"file": file, "clip": "corpora", "cure": "give each a configuration with a run of its own"}
    for corpus in map(get_corpus, settings["corpora"]):
        for name in corpus.provides:
            if name in providers:
                both = f"{providers[name].name} and {corpus.name}"
                raise InputError(f"clips of {name} come from both {both}", **apart)
            providers[name] = corpus
    if len({isinstance(corpus, Flows) for corpus in providers.values()}) > 1:
        raise InputError("recordings and flow that others have computed do not go into one run", **apart)
    return providers


def _check_corpus(corpus: Corpus, settings: dict, file: str) -> None:
    """What depends on the kind of corpus, beyond the schema."""
    own, synthetic = settings["corpora"][corpus.name], "synthetic" in settings

    def wrong(key: str, problem: str, cure: str) -> NoReturn:
        raise InputError(problem, file=file, clip=key, cure=cure)

    where = f"corpora.{corpus.name}"
    if isinstance(corpus, Flows):
        if synthetic:
            wrong("synthetic", f"{corpus.name} cannot be synthesised", "remove the section")
        if "apex" in own:
            wrong(f"{where}.apex", "flow has no frames to find an apex in", "remove the key")
        if "pictures" in own:
            wrong(f"{where}.pictures", "flow is neither raw nor cropped", "remove the key")
        for section in ("faces", "crop", "flow"):
            if section in settings:
                wrong(section, "no face is looked for, nothing cropped, no flow made", "remove the section")
    else:
        if "apex" not in own:
            wrong(f"{where}.apex", "the key is missing", "use annotated, spotted or midpoint")
        for section in ("crop", "flow"):
            if section not in settings:
                wrong(section, "the section is missing", "copy it from config/config.yaml")
    if not synthetic and "root" not in own:
        wrong(f"{where}.root", "the corpus has no root", "name the folder with the owner's release")
    for key in ("root", "frames", "sheets", "pictures"):
        if synthetic and key in own:
            cure = f"remove either the {key} or the synthetic section"
            wrong(f"{where}.{key}", f"a synthetic corpus takes no {key}", cure)


def _check_recipe(
    overrides: dict, classes: Sequence[str], settings: dict, file: str, key: str, build: bool
) -> None:
    """One row of one protocol: its model and what departs from the model's own recipe."""
    model, given = overrides.pop("model"), "size" in overrides
    if not isinstance(model, str):
        cure = "name a model, see docs/models.md, or remove the key: the row's name is then the model's"
        raise InputError(f"{model!r} is no model", file=file, clip=f"{key}.model", cure=cure)
    if type(shuffled := overrides.pop("shuffle_labels", False)) is not bool:
        raise InputError(
            f"{shuffled!r} is neither true nor false",
            file=file,
            clip=f"{key}.shuffle_labels",
            cure="write true for an alarm that learns from shuffled labels, or remove the key",
        )
    seeds = overrides.pop("seeds", settings["seeds"])
    if not (
        isinstance(seeds, list)
        and all(type(one) is int and one in settings["seeds"] for one in seeds)
        and len(seeds) == len(set(seeds)) > 0
    ):
        raise InputError(
            f"{seeds!r} is no list of some of the run's seeds, {settings['seeds']}",
            file=file,
            clip=f"{key}.seeds",
            cure="name those that this row is trained for, or remove the key",
        )
    size = overrides.pop("size", 28)
    flows = [corpus for corpus in map(get_corpus, settings["corpora"]) if isinstance(corpus, Flows)]
    if flows:
        possible = sorted({corpus.size for corpus in flows})
        said = f"that the flow has ({', '.join(map(str, possible))})"
    else:
        possible = range(1, settings["crop"]["size"] + 1)
        said = f"up to crop.size, {settings['crop']['size']}"
    if type(size) is not int or size not in possible:
        raise InputError(
            f"size {size!r} is no number of pixels {said}",
            file=file,
            clip=key,
            cure="flow can be averaged down, never enlarged",
        )
    try:
        _check_clips(model, given, bool(flows), settings)
        recipe = check_row(model, overrides, classes, size if given else None, build=build)
        for corpus in flows:
            check_coding(recipe.coding, corpus.coding)
    except InputError as error:
        where = key if error.clip is None else f"{key}.{error.clip}"
        raise InputError(error.problem, cure=error.cure, file=file, clip=where) from None


def _check_clips(model: str, sized: bool, flows: bool, settings: dict) -> None:
    """What a model of whole clips needs, where this is one."""
    clips = declaration(model).clips
    if clips is None:
        return
    if flows:
        raise InputError(
            f"{model} learns from whole clips, and flow has none",
            cure="remove the model, or give it recordings in a run of their own",
        )
    if sized:
        raise InputError(
            f"{model} learns from frames of {clips.size} pixels, not from a cache",
            clip="size",
            cure="remove the key",
        )
    if clips.size > settings["crop"]["size"]:
        raise InputError(
            f"{model} learns from frames of {clips.size} pixels, crops have {settings['crop']['size']}",
            cure="raise crop.size",
        )


def _check_audit(settings: dict, file: str) -> None:
    """Only rows of the run can be audited."""
    for protocol, rows in settings.get("audit", {}).items():
        known = settings["protocols"].get(protocol)
        if known is None:
            raise InputError(
                f"protocol {protocol!r} is not in the run: {nearest(protocol, settings['protocols'])}",
                file=file,
                clip="audit",
                cure="add it under protocols, or remove it here",
            )
        if strangers := sorted(set(rows) - set(known)):
            raise InputError(
                f"row {strangers[0]!r} is not in the run: {nearest(strangers[0], known)}",
                file=file,
                clip=f"audit.{protocol}",
                cure=f"add it under protocols.{protocol}, or remove it here",
            )
        for row in rows:
            own = known[row] or {}
            if own.get("selection", "last") != "last" or own.get("shuffle_labels"):
                raise InputError(
                    f"row {row!r} chooses its epoch by an inner split, or is an alarm",
                    file=file,
                    clip=f"audit.{protocol}",
                    cure="audit rows of a frozen recipe and of true labels",
                )


def _subjects(
    settings: dict, protocols: Iterable[Protocol], providers: dict[str, Corpus], file: str
) -> dict[str, list[str]]:
    """Per corpus, the configured subjects, else every subject that a configured protocol wants of it."""
    wanted: dict[str, dict[str, None]] = {corpus: {} for corpus in providers}
    for protocol in protocols:
        for corpus, official in protocol.subjects.items():
            wanted[corpus] |= dict.fromkeys(official)
    for name, own in settings["corpora"].items():
        if chosen := own.get("subjects"):
            # One list may serve several corpora: each subject belongs to the corpus that knows it.
            provided = get_corpus(name).provides
            known = [subject for corpus in provided for subject in wanted[corpus]]
            if strangers := sorted(set(chosen) - set(known)):
                raise InputError(
                    f"subject {strangers[0]!r} is in no protocol of the run: {nearest(strangers[0], known)}",
                    file=file,
                    clip=f"corpora.{name}.subjects",
                    cure="correct its spelling, or remove it",
                )
            wanted |= {corpus: {one: None for one in chosen if one in wanted[corpus]} for corpus in provided}
    return {corpus: list(subjects) for corpus, subjects in wanted.items() if subjects}


def _known(protocol: Protocol, subjects: Mapping[str, list[str]]) -> dict[str, list[str]]:
    return {
        corpus: [one for one in subjects.get(corpus, ()) if one in official]
        for corpus, official in protocol.subjects.items()
    }
