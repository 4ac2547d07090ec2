# Which tables and figures a run has, and how the report shows them: what results.smk is written with.

from protocols.outlines import FORMS, planned_tables

TABLES = ("scores", "comparisons", "classes", "subjects", "strata")
MODEL_TABLES = {"models": "all models", "stages": "MERba, stage by stage"}


def models_of(rows):
    """The registry's names of one protocol's rows."""
    return [(settings or {}).get("model", row) for row, settings in rows.items()]


def tables_of(kind):
    """Stems of one kind of table: (protocol, name), see `protocols.outlines.planned_tables`."""
    return [
        (name, stem)
        for name, protocol in PROTOCOLS.items()
        for stem in planned_tables(protocol, config["protocols"][name])[kind]
    ]


def table_files(stems, forms=("md", "csv", "tex")):
    return expand(f"{RESULTS}/tables/{{stem}}.{{form}}", stem=stems, form=forms)


def all_tables():
    """What the rules `tables` and `models` write."""
    stems = [stem for kind in TABLES for _, stem in tables_of(kind)]
    return [*table_files([*stems, *MODEL_TABLES], FORMS), f"{RESULTS}/tables/about.html"]


def item(path, category, caption, **labels):
    """A file as the report shows it. Its menu sorts categories, and the items of one, by name."""
    shown_as = {"category": category, "caption": f"../report/{caption}.rst", "labels": labels}
    return report(path, **shown_as)


def pages(kind, category, what):
    """The tables of one kind as items of the report."""
    return [
        item(
            f"{RESULTS}/tables/{stem}.html",
            category,
            kind,
            protocol=protocol,
            what=what if stem.startswith(protocol) else stem.replace("_", " "),
        )
        for protocol, stem in tables_of(kind)
    ]


def pictures(kind, category, what):
    """A figure of each protocol as an item of the report."""
    return [
        item(f"{RESULTS}/figures/{kind}_{protocol}.png", category, kind, protocol=protocol, what=what)
        for protocol in PROTOCOLS
    ]
