"""What a run is: where it came from, and whom to cite, as a page made from its `run.json` alone."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from html import escape
from pathlib import Path

from protocols import get_protocol, list_protocols
from protocols.page import document
from protocols.runs import Run, read_record, read_run


def about_page(results: str | Path) -> str:
    """The page; what a record does not say is left out.

    Raises:
        InputError: there is no such results folder, or its `run.json` does not read.
    """
    run, record = read_run(results), read_record(results)
    known = set(list_protocols())
    protocols = [get_protocol(name) for name in record.get("predictions", {}) if name in known]
    config = record.get("config", {})
    facts = {
        "Run": run.name,
        "Corpora": run.made_from,
        "Protocols": "; ".join(f"{one.title} ({one.name})" for one in protocols),
        "Seeds": "; ".join([_listed(run.seeds or ()), *_fewer(run)]),
        "Configuration": f"digest {digest(config)}" if config else "",
        **{_HEADINGS.get(name, name): value for name, value in record.get("environment", {}).items()},
    }
    cited = list(_cited(record, protocols))
    body = [
        f"<h1>Run {escape(run.name)}</h1>",
        f"<p><strong>{escape(run.remark)}</strong></p>",
        "<p>Scores are pooled over all folds before any ratio is taken; the recipe was frozen in advance, "
        "and no epoch is chosen by a test subject; no fold is trained on its test subjects' clips.</p>",
        "<h2>Provenance</h2>",
        _facts(facts),
        "<h2>Please cite</h2>",
        "<p>What this run used, besides this benchmark (CITATION.cff). Who is quoted in the published "
        "columns stands in results/published/README.md.</p>",
        "<ul>" + "".join(f"<li>{escape(line)}</li>" for line in cited) + "</ul>",
    ]
    if config:
        said = json.dumps(config, indent=2, sort_keys=True, ensure_ascii=False)
        body += ["<h2>Configuration</h2>", f"<pre>{escape(said)}</pre>"]
    return document(f"Run {run.name}", "\n".join(body))


_HEADINGS = {"python": "Python", "commit": "Commit", "device": "Device", "machine": "Machine"}


def digest(config: dict) -> str:
    """Twelve hexadecimal digits of a configuration: the same settings, the same digits."""
    return hashlib.sha256(json.dumps(config, sort_keys=True).encode()).hexdigest()[:12]


def _listed(seeds: Iterable[int]) -> str:
    return ", ".join(map(str, seeds))


def _fewer(run: Run) -> Iterator[str]:
    for protocol, rows in run.fewer.items():
        for row, seeds in rows.items():
            yield f"{row} of {protocol} alone {_listed(seeds)}"


def _cited(record: dict, protocols: Iterable) -> Iterator[str]:
    """Corpora and what the run had of them from others, protocols, models: each work once."""
    yield from record.get("sources", {}).values()
    for protocol in protocols:
        yield f"Protocol {protocol.name}: {protocol.source}."
    works: dict[str, list[str]] = {}
    for model, cite in record.get("papers", {}).items():
        works.setdefault(cite, []).append(model)
    for cite, models in works.items():
        yield f"{', '.join(models)}: {cite}"


def _facts(facts: dict[str, str]) -> str:
    rows = "".join(
        f'<tr><td class="text">{escape(name)}</td><td class="text long">{escape(str(value))}</td></tr>'
        for name, value in facts.items()
        if value
    )
    return f"<table><tbody>{rows}</tbody></table>"
