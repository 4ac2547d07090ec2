# The checked configuration, who takes part, and what jobs are given: functions and constants that the rules
# by stage, in the files beside this one, are written with.

import contextlib
import dataclasses
import fcntl
import functools
import hashlib
import importlib.metadata
import os
from pathlib import Path
from types import SimpleNamespace

# OpenMP threads that spin while another process has the core cost a factor of thirteen.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

# Held for as long as this process lives, and by no child: `make reproduce` removes the lock of a run that died, and
# must see that none is living.
with contextlib.suppress(OSError):
    Path(".snakemake").mkdir(exist_ok=True)
    ALIVE = open(".snakemake/alive", "a+")  # NFS shares no lock of a file that is open for writing alone
    fcntl.flock(ALIVE, fcntl.LOCK_SH | fcntl.LOCK_NB)

# Jobs find the project's packages also where they are not installed (conda, a bare node).
os.environ.update(PYTHONPATH=os.pathsep.join(filter(None, [workflow.basedir, os.getenv("PYTHONPATH")])))

from contracts.errors import InputError
from contracts.provenance import code_digest
from merba.canary import MODEL as CANARY_MODEL
from merba.registry import declaration, module_of
from preprocess import receipts
from preprocess.corpora import Source, get_corpus
from preprocess.corpora.reading.pictures import named_cropped
from workflow.configuration import CANARY, configured, source_of

try:
    written = ", ".join(map(str, workflow.configfiles)) or "config/config.yaml"
    RUN = configured(config, written, build=workflow.is_main_process)
except InputError as error:
    raise WorkflowError(str(error)) from None

PROTOCOLS, SUBJECTS, FOLDS, RECORDED = RUN.protocols, RUN.subjects, RUN.folds, RUN.recorded
SYNTHETIC = "synthetic" in config
DATA = f"data/{config['run']}"
RESULTS = f"results/{config['run']}"
PACK, PACK_SEEDS = config.get("pack", 1), config.get("pack_seeds", 1)
LEARNING = ("torch", "timm", "numpy", "scikit-learn")
LOGS = f"{DATA}/logs"
TRAINING_LIST = f"{DATA}/protocols/{{protocol}}/train/{{fold}}.csv"
TEST_LIST = f"{DATA}/protocols/{{protocol}}/test.csv"


wildcard_constraints:
    corpus="|".join(SUBJECTS),
    subject=r"[^/]+",
    protocol="|".join(PROTOCOLS),
    model="|".join({model for models in config["protocols"].values() for model in models}),
    fold=r"[^/]+",
    seed=r"\d+",
    size=r"\d+",


@functools.cache
def uses(*modules, packages=()):
    """Digest of the code behind a job: the modules its script calls, what all scripts share, deciding packages.

    Snakemake itself sees only the script. A parameter of every job.
    """
    shared = Path(workflow.basedir, "workflow/scripts/_job.py").read_bytes()
    versions = [f"{name} {importlib.metadata.version(name)}" for name in packages]
    return hashlib.sha256(repr((code_digest("contracts.clips", *modules), shared, versions)).encode()).hexdigest()[:16]


def generator_code(corpus):
    """The generator with the layout that it writes."""
    synthetic = "preprocess.corpora.synthetic"
    return uses(synthetic, f"{synthetic}.layouts.{corpus}", "preprocess.receipts")


def reader_code(corpus, *modules, packages=()):
    """The reader of the corpus that has these clips."""
    return uses(f"preprocess.corpora.{RUN.providers[corpus].name}", *modules, packages=packages)


def published(settings):
    """The configuration without the user's own paths and without what changes no result."""
    corpora = {
        name: {key: value for key, value in one.items() if key != "root"} for name, one in settings["corpora"].items()
    }
    protocols = {
        name: {
            row: own | {"weights": Path(own["weights"]).name} if (own or {}).get("weights") else own
            for row, own in rows.items()
        }
        for name, rows in settings["protocols"].items()
    }
    kept = {key: value for key, value in settings.items() if key not in ("pack", "pack_seeds")}
    return {**kept, "corpora": corpora, "protocols": protocols}


def final_output():
    """Everything `snakemake --cores all` makes."""
    return [
        f"{RESULTS}/run.json",
        *all_tables(),
        *expand(f"{RESULTS}/figures/{{kind}}_{{protocol}}.png", protocol=PROTOCOLS, kind=("intervals", "subjects")),
        *[f"{RESULTS}/figures/confusion_{protocol}_{model}.png" for protocol, model in benchmarks()],
        *[f"{DATA}/pictures/{corpus}/{subject}.png" for corpus in SUBJECTS for subject in shown(corpus)],
        *[f"{DATA}/quality/{corpus}.png" for corpus in SUBJECTS if RECORDED],
        *[f"{RESULTS}/curves/{protocol}_{model}.csv" for protocol, model in benchmarks()],
        f"{RESULTS}/scores/metrics.json",
        *expand(f"{RESULTS}/alarms/{{protocol}}.json", protocol=PROTOCOLS),
    ]


def shown(corpus):
    """The subject whose first clip is drawn: the first whom the licence allows to show; none for flow."""
    allowed = [one for one in SUBJECTS[corpus] if one not in RUN.providers[corpus].never_shown]
    return allowed[:1] if RECORDED else []


def of_subjects(stage, corpus, suffix):
    """A stage's files of all of a corpus's subjects."""
    return [f"{DATA}/{stage}/{corpus}/{subject}.{suffix}" for subject in SUBJECTS[corpus]]


def benchmarks():
    """(protocol, model) pairs that the configuration asks for."""
    return [(protocol, model) for protocol, models in config["protocols"].items() for model in models]


def root(corpus):
    """Folder that holds a corpus as its owner ships it."""
    return source(corpus).root


def root_of_job(wildcards, input):
    """The same for a job that reads the corpus. What lies there is in `frames_state` and the like, by paths below it;
    where it lies changes no result, and Snakemake does not remember a parameter that could be derived from `input`. So
    a corpus can be moved, and nothing is made again."""
    return str(root(wildcards.corpus))


def source(corpus):
    """What the readers take: the folder, and what is chosen in it."""
    return Source(Path(f"{DATA}/raw/{corpus}")) if SYNTHETIC else source_of(RUN.of_corpus(corpus))


def source_params(wildcards):
    """The same without the folder, as plain values: a parameter of jobs that read a corpus as its owner ships it."""
    here = source(wildcards.corpus)
    # All that the folder's own name can say.
    pictures = here.pictures or ("cropped" if named_cropped(here.root) else "")
    chosen = dataclasses.asdict(dataclasses.replace(here, pictures=pictures))
    del chosen["root"]
    return {"provider": RUN.providers[wildcards.corpus].name, **chosen}


def receipt(corpus, subject):
    """Where the generator records what it wrote for one subject."""
    return root(corpus) / ".receipts" / f"{subject}.tsv"


def sheet_receipt(corpus):
    return root(corpus) / ".receipts" / "sheet" / "receipt.tsv"


def looked_up(question, corpus):
    """What a corpus's reader answers; a fault the user can cure is one line."""
    try:
        return question(RUN.providers[corpus])
    except InputError as error:
        raise WorkflowError(str(error)) from None


@functools.cache
def paths_of(corpus):
    """What holds each subject's pictures, listed once while the DAG is built; empty before they are generated."""
    return looked_up(lambda reader: reader.subject_paths(source(corpus), corpus), corpus)


# Listing and receipt are read at one moment and kept: jobs ask again while the recordings are being generated.
@functools.cache
def frames_of(corpus, subject):
    """One subject's frames as they are now, and as the generator recorded them (None: licensed recordings)."""
    lines = receipts.listing(receipts.frames_below(paths_of(corpus).get(subject, [])), root(corpus))
    return lines, receipts.read_receipt(receipt(corpus, subject), lines) if SYNTHETIC else None


@functools.cache
def sheets_of(corpus):
    """A corpus's annotation sheets, likewise."""
    lines = receipts.listing(looked_up(lambda reader: reader.sheet_files(source(corpus)), corpus), root(corpus))
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


def excluded_of_subject(wildcards):
    """Those of one subject: excluding a clip redoes its subject, not its corpus."""
    return [one for one in RUN.excluded(wildcards.corpus) if one.split("/")[1:2] == [wildcards.subject]]


def generated(wildcards):
    """What the clip table of a synthetic corpus waits for; licensed recordings are simply there."""
    corpus = wildcards.corpus
    return [sheet_receipt(corpus), *(receipt(corpus, subject) for subject in SUBJECTS[corpus])] if SYNTHETIC else []


def packs():
    """What each job trains where it does several trainings: (name, protocol, row, seeds, names of folds)."""
    found = []
    for protocol, row in benchmarks():
        for seeds in chunks(seeds_of(protocol, row), PACK_SEEDS):
            own = f"seeds{seeds[0]}to{seeds[-1]}" if len(seeds) > 1 else f"seed{seeds[0]}"
            for k, names in enumerate(chunks([fold.name for fold in FOLDS[protocol]], PACK), 1):
                found.append((f"{protocol}_{row}_{own}_{k}", protocol, row, seeds, names))
    return found


def chunks(items, size):
    return [items[k : k + size] for k in range(0, len(items), size)]


def of_each(names, seeds, pattern):
    """A file of each fold and seed, in the order that the training program takes them in."""
    return [pattern.format(fold=fold, seed=seed) for fold in names for seed in seeds]


def row_named(protocol, row):
    return SimpleNamespace(protocol=protocol, model=row)


def fold_named(wildcards):
    return next(fold for fold in FOLDS[wildcards.protocol] if fold.name == wildcards.fold)


def recipe_of(wildcards):
    """What the configuration says of one (protocol, row) beyond the model's own recipe."""
    if wildcards.model == CANARY:
        return {"model": CANARY_MODEL}
    settings = config["protocols"][wildcards.protocol].get(wildcards.model) or {}
    # For another seed, jobs that have been done are not done again.
    return {key: one for key, one in sorted({"model": wildcards.model, **settings}.items()) if key != "seeds"}


def seeds_of(protocol, row):
    """Those of the run, or the fewer that the row is trained for."""
    return (config["protocols"][protocol][row] or {}).get("seeds", config["seeds"])


def classes_of(wildcards):
    """Names of a protocol's classes, in its order."""
    return list(PROTOCOLS[wildcards.protocol].classes)


def learning_code(module):
    """Digest of a command that trains or uses models, with the row's model; a function of (protocol, row)."""
    return lambda wildcards: uses(module, module_of(recipe_of(wildcards)["model"]), packages=LEARNING)


def gpus(wildcards):
    """GPUs that a job of one (protocol, row) asks for: none where nothing is learnt by epochs."""
    return int(not declaration(recipe_of(wildcards)["model"]).fitted_at_once)


def seen_by(wildcards, subjects):
    """What a model sees of namespaced subjects (`casme2/sub01`), their flow caches or their whole clips; and the file
    of `weights` that it starts from, if any."""
    recipe = recipe_of(wildcards)
    clips = declaration(recipe["model"]).clips
    weights = {"weights": [recipe["weights"]]} if recipe.get("weights") else {}
    if clips is None:
        return {"caches": [f"{DATA}/cache/{recipe.get('size', 28)}/{subject}.h5" for subject in subjects], **weights}
    made = f"{DATA}/sequences/{clips.flow}/{clips.steps or 'all'}/{clips.size}"
    return {"sequences": [f"{made}/{subject}.h5" for subject in subjects], **weights}


def training_inputs(wildcards):
    """The only pixels a fold's training job is given: never its test subjects'."""
    fold = fold_named(wildcards)
    assert not set(fold.train) & set(fold.test)
    return seen_by(wildcards, fold.train)


def test_inputs(wildcards):
    return seen_by(wildcards, sorted({one for fold in FOLDS[wildcards.protocol] for one in fold.test}))


def canary_folds(wildcards):
    """Fold -> its training list and caches: what `train` is given for a row of the canary's model."""
    protocol = wildcards.protocol
    asked = [SimpleNamespace(protocol=protocol, model=CANARY, fold=fold.name) for fold in FOLDS[protocol]]
    return {one.fold: [TRAINING_LIST.format(**vars(one)), *training_inputs(one)["caches"]] for one in asked}


def canary_inputs(wildcards):
    """The same for a protocol as files to wait for, and what `predict` is given."""
    wired = canary_folds(wildcards).values()
    shown = test_inputs(SimpleNamespace(protocol=wildcards.protocol, model=CANARY))["caches"]
    return {
        "lists": [listed for listed, *_ in wired],
        "training": sorted({path for _, *caches in wired for path in caches}),
        "caches": shown,
    }


def seen_by_pack(protocol, row, names, *, tested=False):
    """What a job that trains several folds is given for all of them. Each sees of it the clips on its own list, which
    are none of its test subjects'; an audit (`tested`) is shown those, too."""
    folds = [fold for fold in FOLDS[protocol] if fold.name in names]
    assert not any(set(fold.train) & set(fold.test) for fold in folds)
    subjects = {one for fold in folds for one in [*fold.train, *(fold.test if tested else ())]}
    return seen_by(row_named(protocol, row), sorted(subjects))


def audited_inputs(wildcards):
    """The audit's training and test subjects together; but for the canary, which looks at ids alone, no other
    job may have both."""
    fold = fold_named(wildcards)
    return seen_by(wildcards, [*fold.train, *fold.test])


def audited_folds(wildcards):
    folds = [fold.name for fold in FOLDS[wildcards.protocol]]
    made = f"{DATA}/audit/{wildcards.protocol}/{wildcards.model}/{{fold}}/seed{wildcards.seed}.csv"
    return expand(made, fold=folds)


def audited(_):
    """What `snakemake audit` looks at: every seed of the rows under `audit` in the configuration."""
    rows = [(protocol, row) for protocol, names in config.get("audit", {}).items() for row in names]
    if not rows:
        raise WorkflowError("nothing to audit: list rows under `audit` in the configuration, see config/README.md")
    return [
        f"{RESULTS}/audit/{protocol}/{row}/seed{seed}.csv"
        for protocol, row in rows
        for seed in seeds_of(protocol, row)
    ]


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
        seed=seeds_of(wildcards.protocol, wildcards.model),
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
        for seed in seeds_of(protocol, model)
    ]
