# The checked configuration, who takes part, and what jobs are given: functions and constants that the rules
# by stage, in the files beside this one, are written with.

import functools
import hashlib
import importlib.metadata
import os

# OpenMP threads that spin while another process has the core cost a factor of thirteen.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

# Jobs find the project's packages also where they are not installed (conda, a bare node).
os.environ.update(PYTHONPATH=os.pathsep.join(filter(None, [workflow.basedir, os.getenv("PYTHONPATH")])))

from pathlib import Path

from contracts.config import check_config, nearest
from contracts.errors import InputError
from contracts.provenance import code_digest
from merba.recipe import check_coding, check_overrides
from merba.registry import module_of
from preprocess import receipts
from preprocess.corpora import Flows, Source, get_corpus
from preprocess.corpora.synthetic.plan import Options
from protocols import get_protocol


def _configured():
    """Everything is checked once, before any job exists; a fault names file, key and cure."""
    source = ", ".join(str(path) for path in workflow.configfiles) or "config/config.yaml"
    try:
        check_config(config, Path(workflow.basedir) / "workflow/schemas/config.schema.json", source)
        protocols = {name: get_protocol(name) for name in config["protocols"]}
        providers = _providers(source)
        for name, protocol in protocols.items():
            missing = set(protocol.subjects) - set(providers)
            if missing:
                raise InputError(
                    f"protocol {name} needs corpus {min(missing)}",
                    file=source,
                    clip="corpora",
                    cure=f"add it under corpora or remove {name} from protocols",
                )
        for name, models in config["protocols"].items():
            for row, settings in models.items():
                _check_recipe(row, settings or {}, source, f"protocols.{name}.{row}")
        Options(**config.get("synthetic", {}))
        for name, settings in config["corpora"].items():
            _check_corpus(name, settings, source)
        subjects = _subjects(protocols, providers, source)
        folds = {name: protocol.folds(_subjects_in(protocol, subjects)) for name, protocol in protocols.items()}
        return protocols, providers, subjects, folds
    except InputError as error:
        raise WorkflowError(str(error)) from None


def _providers(source):
    """Corpus of clip ids -> name under `corpora` in the configuration whose files have its clips."""
    providers = {}
    for name in config["corpora"]:
        for corpus in get_corpus(name).provides:
            if corpus in providers:
                raise InputError(
                    f"clips of {corpus} come from both {providers[corpus]} and {name}",
                    file=source,
                    clip="corpora",
                    cure="give each a configuration with a run of its own",
                )
            providers[corpus] = name
    kinds = {isinstance(get_corpus(name), Flows) for name in config["corpora"]}
    if len(kinds) > 1:
        raise InputError(
            "recordings and flow that others have computed do not go into one run",
            file=source,
            clip="corpora",
            cure="give each a configuration with a run of its own",
        )
    return providers


def _check_corpus(name, settings, source):
    """What depends on the kind of corpus, beyond the schema."""

    def wrong(key, problem, cure):
        raise InputError(problem, file=source, clip=f"corpora.{name}.{key}", cure=cure)

    if isinstance(get_corpus(name), Flows):
        if "synthetic" in config:
            wrong("root", f"{name} cannot be synthesised", "remove the synthetic section")
        if "apex" in settings:
            wrong("apex", "flow has no frames to find an apex in", "remove the key")
    elif "apex" not in settings:
        wrong("apex", "the key is missing", "use annotated, spotted or midpoint")
    for section in ("crop", "flow"):
        if (section in config) == isinstance(get_corpus(name), Flows):
            where = {"file": source, "clip": section}
            if section in config:
                raise InputError("nothing is cropped, nor is flow computed", cure="remove the section", **where)
            raise InputError("the section is missing", cure="copy it from config/config.yaml", **where)
    if "synthetic" in config:
        for key in ("root", "frames", "sheets"):
            if key in settings:
                wrong(key, f"a synthetic corpus takes no {key}", f"remove either the {key} or the synthetic section")
    elif "root" not in settings:
        wrong("root", "the corpus has no root", "name the folder with the owner's release")


def _check_recipe(row, settings, source, key):
    settings = {"model": row, **settings}
    model, size = settings.pop("model"), settings.pop("size", 28)
    if "crop" in config:
        possible, said = range(1, config["crop"]["size"] + 1), f"up to crop.size, {config['crop']['size']}"
    else:
        possible = {get_corpus(name).size for name in config["corpora"]}
        said = f"that the flow has ({', '.join(map(str, possible))})"
    if not isinstance(size, int) or size not in possible:
        raise InputError(
            f"size {size!r} is no number of pixels {said}",
            file=source,
            clip=key,
            cure="flow can be averaged down, never enlarged",
        )
    try:
        check_overrides(model, settings)
        for corpus in map(get_corpus, config["corpora"]):
            # A model's own coding is known only with the model; its training refuses what does not fit.
            if isinstance(corpus, Flows) and "coding" in settings:
                check_coding(settings["coding"], corpus.coding)
    except InputError as error:
        where = key if error.clip is None else f"{key}.{error.clip}"
        raise InputError(error.problem, cure=error.cure, file=source, clip=where) from None


def _subjects(protocols, providers, source):
    """Per corpus, the configured subjects, else every subject that a configured protocol wants of it."""
    wanted = {corpus: {} for corpus in providers}
    for protocol in protocols.values():
        for corpus, subjects in protocol.subjects.items():
            wanted[corpus] |= dict.fromkeys(subjects)
    for name, settings in config["corpora"].items():
        if chosen := settings.get("subjects"):
            # One list may serve several corpora: each subject belongs to the corpus that knows it.
            provided = get_corpus(name).provides
            known = [subject for corpus in provided for subject in wanted[corpus]]
            if strangers := sorted(set(chosen) - set(known)):
                raise InputError(
                    f"subject {strangers[0]!r} is in no protocol of the run: {nearest(strangers[0], known)}",
                    file=source,
                    clip=f"corpora.{name}.subjects",
                    cure="correct its spelling, or remove it",
                )
            wanted |= {corpus: [one for one in chosen if one in wanted[corpus]] for corpus in provided}
    return {corpus: list(subjects) for corpus, subjects in wanted.items() if subjects}


def _subjects_in(protocol, subjects):
    """Those of the run's subjects that one protocol knows; another may want more of the same corpus."""
    return {
        corpus: [one for one in subjects.get(corpus, ()) if one in official]
        for corpus, official in protocol.subjects.items()
    }


PROTOCOLS, PROVIDERS, SUBJECTS, FOLDS = _configured()
SYNTHETIC = "synthetic" in config
DATA = f"data/{config['run']}"
RESULTS = f"results/{config['run']}"
LOGS = f"{DATA}/logs"
RECORDED = not any(isinstance(get_corpus(name), Flows) for name in config["corpora"])


wildcard_constraints:
    corpus="|".join(SUBJECTS),
    subject=r"[^/]+",
    protocol="|".join(PROTOCOLS),
    model="|".join({model for models in config["protocols"].values() for model in models}),
    fold=r"[^/]+",
    seed=r"\d+",
    size=r"\d+",


def uses(*modules, packages=()):
    """Digest of the code behind a job: the modules its script calls, what all scripts share, deciding packages.

    Snakemake itself sees only the script. A parameter of every job.
    """
    shared = Path(workflow.basedir, "workflow/scripts/_job.py").read_bytes()
    versions = [f"{name} {importlib.metadata.version(name)}" for name in packages]
    return hashlib.sha256(repr((code_digest("contracts.clips", *modules), shared, versions)).encode()).hexdigest()[:16]


def generator_code(corpus):
    """The generator with the layout that it writes and the reader that it asks where things are."""
    synthetic = "preprocess.corpora.synthetic"
    return uses(synthetic, f"{synthetic}.layouts.{corpus}", f"preprocess.corpora.{corpus}", "preprocess.receipts")


def without_roots(settings):
    """The configuration without the user's own paths: what may be published beside results."""
    corpora = {
        name: {key: value for key, value in one.items() if key != "root"} for name, one in settings["corpora"].items()
    }
    return {**settings, "corpora": corpora}


def final_output():
    """Everything `snakemake --cores all` makes."""
    return [
        f"{RESULTS}/run.json",
        *expand(f"{RESULTS}/tables/{{protocol}}.{{format}}", protocol=PROTOCOLS, format=("md", "csv", "tex")),
        *[f"{RESULTS}/figures/confusion_{protocol}_{model}.png" for protocol, model in benchmarks()],
        *[f"{DATA}/pictures/{corpus}/{subjects[0]}.png" for corpus, subjects in SUBJECTS.items() if RECORDED],
        *[f"{RESULTS}/curves/{protocol}_{model}.csv" for protocol, model in benchmarks()],
        f"{RESULTS}/scores/metrics.json",
    ]


def benchmarks():
    """(protocol, model) pairs that the configuration asks for."""
    return [(protocol, model) for protocol, models in config["protocols"].items() for model in models]


def root(corpus):
    """Folder that holds a corpus as its owner ships it."""
    return Path(f"{DATA}/raw/{corpus}" if SYNTHETIC else settings_of(corpus)["root"])


def settings_of(corpus):
    """What the configuration says of the corpus that has these clips."""
    return config["corpora"][PROVIDERS[corpus]]


def source_of(corpus):
    """The same as the readers take it."""
    settings = settings_of(corpus)
    return Source(root(corpus), settings.get("frames", ""), tuple(settings.get("sheets", ())))


def source_params(wildcards):
    """The same as plain values: a parameter of jobs that read a corpus as its owner ships it."""
    source = source_of(wildcards.corpus)
    return {
        "provider": PROVIDERS[wildcards.corpus],
        "root": str(source.root),
        "frames": source.frames,
        "sheets": list(source.sheets),
    }


def receipt(corpus, subject):
    """Where the generator records what it wrote for one subject."""
    return root(corpus) / ".receipts" / f"{subject}.tsv"


def sheet_receipt(corpus):
    return root(corpus) / ".receipts" / "sheet" / "receipt.tsv"


@functools.cache
def paths_of(corpus):
    """What holds each subject's pictures, listed once while the DAG is built; empty before they are generated."""
    try:
        return get_corpus(PROVIDERS[corpus]).subject_paths(source_of(corpus), corpus)
    except InputError as error:
        raise WorkflowError(str(error)) from None


# Listing and receipt are read at one moment and kept: jobs ask again while the recordings are being generated.
@functools.cache
def frames_of(corpus, subject):
    """One subject's frames as they are now, and as the generator recorded them (None: licensed recordings)."""
    lines = receipts.listing(receipts.frames_below(paths_of(corpus).get(subject, [])), root(corpus))
    return lines, receipts.read_receipt(receipt(corpus, subject), lines) if SYNTHETIC else None


@functools.cache
def sheets_of(corpus):
    """A corpus's annotation sheets, likewise."""
    lines = receipts.listing(get_corpus(PROVIDERS[corpus]).sheet_files(source_of(corpus)), root(corpus))
    return lines, receipts.read_receipt(sheet_receipt(corpus), lines) if SYNTHETIC else None


def frames_state(wildcards):
    """State of one subject's frames: a parameter of every job that reads them."""
    return receipts.state(*frames_of(wildcards.corpus, wildcards.subject))


def names_state(wildcards):
    """Which frames a corpus has: a parameter of its clip table."""
    return [
        receipts.state(*frames_of(wildcards.corpus, subject), times=False) for subject in SUBJECTS[wildcards.corpus]
    ]


def sheets_state(wildcards):
    """State of a corpus's annotation sheets: a parameter of its clip table."""
    return receipts.state(*sheets_of(wildcards.corpus))


def excluded(corpus):
    """Clips that the configuration leaves out, with the reason."""
    provided = get_corpus(PROVIDERS[corpus]).provides

    def owner(clip):
        # A misspelt corpus goes to the first, whose lists will say that they do not know the clip.
        return next((name for name in provided if clip.startswith(f"{name}/")), provided[0])

    chosen = settings_of(corpus).get("exclude", {})
    return {clip: reason for clip, reason in chosen.items() if owner(clip) == corpus}


def excluded_of_subject(wildcards):
    """Those of one subject: excluding a clip redoes its subject, not its corpus."""
    return [one for one in excluded(wildcards.corpus) if one.split("/")[1:2] == [wildcards.subject]]


def generated(wildcards):
    """What the clip table of a synthetic corpus waits for; licensed recordings are simply there."""
    corpus = wildcards.corpus
    return [sheet_receipt(corpus), *(receipt(corpus, subject) for subject in SUBJECTS[corpus])] if SYNTHETIC else []


def fold_named(wildcards):
    return next(fold for fold in FOLDS[wildcards.protocol] if fold.name == wildcards.fold)


def recipe_of(wildcards):
    """What the configuration says of one (protocol, model) beyond the model's own recipe."""
    settings = config["protocols"][wildcards.protocol][wildcards.model] or {}
    return dict(sorted({"model": wildcards.model, **settings}.items()))


def input_size(wildcards):
    return recipe_of(wildcards).get("size", 28)


def caches(subjects, size):
    """Cache files of namespaced subjects (`casme2/sub01`)."""
    return [f"{DATA}/cache/{size}/{subject}.h5" for subject in subjects]


def training_caches(wildcards):
    """The only pixels a fold's training job is given: never its test subjects'."""
    fold = fold_named(wildcards)
    assert not set(fold.train) & set(fold.test)
    return caches(fold.train, input_size(wildcards))


def test_caches(wildcards):
    subjects = sorted({subject for fold in FOLDS[wildcards.protocol] for subject in fold.test})
    return caches(subjects, input_size(wildcards))


def clip_tables(wildcards):
    return expand(f"{DATA}/clips/{{corpus}}.csv", corpus=PROTOCOLS[wildcards.protocol].subjects)


def checkpoints(wildcards):
    """One checkpoint per fold of a protocol, for one model and seed."""
    return expand(
        f"{DATA}/models/{wildcards.protocol}/{wildcards.model}/{{fold}}/seed{wildcards.seed}.pt",
        fold=[fold.name for fold in FOLDS[wildcards.protocol]],
    )


def training_logs(wildcards):
    return expand(
        f"{DATA}/models/{wildcards.protocol}/{wildcards.model}/{{fold}}/seed{{seed}}.csv",
        seed=config["seeds"],
        fold=[fold.name for fold in FOLDS[wildcards.protocol]],
    )


def protocol_modules(*packages):
    """Every module in registries that a rule searches by name."""
    return [
        f"{package}.{path.stem}"
        for package in packages
        for path in sorted(Path(workflow.basedir, *package.split(".")).glob("*.py"))
        if path.stem != "__init__"
    ]


def published_files():
    return sorted(str(path) for path in Path("results/published").glob("*.csv"))


def prediction_files():
    return [
        f"{RESULTS}/predictions/{protocol}/{model}/seed{seed}.csv"
        for protocol, model in benchmarks()
        for seed in config["seeds"]
    ]
