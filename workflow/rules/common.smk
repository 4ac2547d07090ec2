# The checked configuration, who takes part, and what jobs are given: functions and constants that the rules
# by stage, in the files beside this one, are written with.

import functools
import os

# OpenMP threads that spin while another process has the core cost a factor of thirteen.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

# Jobs find the project's packages also where they are not installed (conda, a bare node).
os.environ.update(PYTHONPATH=os.pathsep.join(filter(None, [workflow.basedir, os.getenv("PYTHONPATH")])))

from pathlib import Path

from contracts.config import check_config
from contracts.errors import InputError
from contracts.provenance import code_digest
from merba.recipe import check_overrides
from merba.registry import module_of
from preprocess import receipts
from preprocess.corpora import get_corpus
from protocols import get_protocol


def _configured():
    """Names and subjects are checked once, before any job exists; a fault is one line, not a traceback."""
    source = ", ".join(str(path) for path in workflow.configfiles) or "config/config.yaml"
    try:
        check_config(config, Path(workflow.basedir) / "workflow/schemas/config.schema.json", source)
        protocols = {name: get_protocol(name) for name in config["protocols"]}
        for name, protocol in protocols.items():
            missing = set(protocol.subjects) - set(config["corpora"])
            if missing:
                raise InputError(
                    f"protocol {name} needs corpus {min(missing)}",
                    file=source,
                    clip="corpora",
                    cure=f"add it under corpora or remove {name} from protocols",
                )
        for models in config["protocols"].values():
            for name, settings in models.items():
                overrides = {"model": name, **(settings or {})}
                check_overrides(overrides.pop("model"), {k: v for k, v in overrides.items() if k != "size"})
        for corpus, settings in config["corpora"].items():
            if ("root" in settings) == ("synthetic" in config):
                raise InputError(
                    "a synthetic corpus takes no root" if "root" in settings else "the corpus has no root",
                    file=source,
                    clip=f"corpora.{corpus}.root",
                    cure="remove either the root or the synthetic section"
                    if "root" in settings
                    else "name the folder with the owner's release",
                )
        subjects = {corpus: _subjects(corpus, protocols) for corpus in config["corpora"]}
        folds = {
            name: protocol.folds({corpus: subjects[corpus] for corpus in protocol.subjects})
            for name, protocol in protocols.items()
        }
        return protocols, subjects, folds
    except InputError as error:
        raise WorkflowError(str(error)) from None


def _subjects(corpus, protocols):
    """Configured subjects of a corpus, else every subject that a configured protocol wants of it."""
    get_corpus(corpus)
    chosen = config["corpora"][corpus].get("subjects")
    wanted = {s: None for protocol in protocols.values() for s in protocol.subjects.get(corpus, ())}
    return list(chosen or wanted)


PROTOCOLS, SUBJECTS, FOLDS = _configured()
SYNTHETIC = "synthetic" in config
DATA = f"data/{config['run']}"
RESULTS = f"results/{config['run']}"
LOGS = f"{DATA}/logs"


wildcard_constraints:
    corpus="|".join(SUBJECTS),
    subject=r"[^/]+",
    protocol="|".join(PROTOCOLS),
    model="|".join({model for models in config["protocols"].values() for model in models}),
    fold=r"[^/]+",
    seed=r"\d+",
    size=r"\d+",


def final_output():
    """Everything `snakemake --cores all` makes."""
    return [
        f"{RESULTS}/run.json",
        *expand(f"{RESULTS}/tables/{{protocol}}.{{format}}", protocol=PROTOCOLS, format=("md", "csv", "tex")),
        *[f"{RESULTS}/figures/confusion_{protocol}_{model}.png" for protocol, model in benchmarks()],
        *[f"{DATA}/pictures/{corpus}/{subjects[0]}.png" for corpus, subjects in SUBJECTS.items()],
        *[f"{RESULTS}/curves/{protocol}_{model}.csv" for protocol, model in benchmarks()],
        f"{RESULTS}/scores/metrics.json",
    ]


def benchmarks():
    """(protocol, model) pairs that the configuration asks for."""
    return [(protocol, model) for protocol, models in config["protocols"].items() for model in models]


def root(corpus):
    """Folder that holds a corpus as its owner ships it."""
    return Path(f"{DATA}/raw/{corpus}" if SYNTHETIC else config["corpora"][corpus]["root"])


def receipt(corpus, subject):
    """Where the generator records what it wrote for one subject."""
    return Path(f"{DATA}/raw/.receipts/{corpus}/{subject}.tsv")


def sheet_receipt(corpus):
    return Path(f"{DATA}/raw/.receipts/{corpus}.sheet.tsv")


@functools.cache
def folders_of(corpus):
    """Clip folders of a corpus by subject, listed once while the DAG is built; empty before they are generated."""
    folders = {}
    if root(corpus).is_dir():
        try:
            for (subject, _), folder in get_corpus(corpus).clip_folders(root(corpus)).items():
                folders.setdefault(subject, []).append(folder)
        except InputError as error:
            raise WorkflowError(str(error)) from None
    return folders


# Listing and receipt are read at one moment and kept: jobs ask again while the recordings are being generated.
@functools.cache
def frames_of(corpus, subject):
    """One subject's frames as they are now, and as the generator recorded them (None: licensed recordings)."""
    lines = receipts.listing(receipts.files_below(folders_of(corpus).get(subject, [])), root(corpus))
    return lines, receipts.read_receipt(receipt(corpus, subject), lines) if SYNTHETIC else None


@functools.cache
def sheets_of(corpus):
    """A corpus's annotation sheets, likewise."""
    lines = receipts.listing(receipts.sheets_below(root(corpus)), root(corpus))
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


def generated(wildcards):
    """What the clip table of a synthetic corpus waits for; licensed recordings are simply there."""
    corpus = wildcards.corpus
    return [sheet_receipt(corpus), *(receipt(corpus, subject) for subject in SUBJECTS[corpus])] if SYNTHETIC else []


def fold_named(wildcards):
    return next(fold for fold in FOLDS[wildcards.protocol] if fold.name == wildcards.fold)


def recipe_of(wildcards):
    """What the configuration says of one (protocol, model) beyond the model's own recipe."""
    return {"model": wildcards.model, **(config["protocols"][wildcards.protocol][wildcards.model] or {})}


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
        f"{DATA}/models/{wildcards.protocol}/{wildcards.model}/{{fold}}/log.csv",
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
