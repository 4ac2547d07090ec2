"""The documented table of protocols says what the code says."""

import re
from collections import Counter
from pathlib import Path

import pytest

from protocols import get_protocol, list_protocols
from protocols.submissions import get_format, list_formats

PAGE = Path(__file__).parents[2] / "docs" / "protocols.md"


def row_of(name, section):
    """Cells of the table row of `name` in the section of this heading."""
    (text,) = [
        text for text in re.split(r"^#+ ", PAGE.read_text(), flags=re.MULTILINE) if text.startswith(section)
    ]
    lines = [line for line in text.splitlines() if line.startswith(f"| `{name}` | ")]
    assert len(lines) == 1, f"give the table of '{section}' in docs/protocols.md one row | `{name}` | ..."
    (line,) = lines
    return [cell.strip() for cell in line.strip("|").split("|")]


def numbers(text):
    return [int(number) for number in re.findall(r"\b\d+\b", text.replace("`", ""))]


@pytest.mark.parametrize("name", list_protocols())
def test_the_row_of_a_protocol_is_true(name):
    protocol = get_protocol(name)
    _, classes, folds, clips, subjects, _, checksums = row_of(name, "Protocols")
    assert numbers(classes)[0] == len(protocol.classes)
    assert classes.endswith(", ".join(protocol.classes)) or "as `dfme`" in classes
    assert numbers(folds)[0] == len(protocol.folds())
    by_group = [sum(counts) for counts in protocol.counts.values()]
    assert numbers(clips) == ([sum(by_group), *by_group] if len(by_group) > 1 else by_group)
    members = [*Counter(map(protocol.group, protocol.namespaced())).values()]
    assert sorted(numbers(subjects)) == sorted([sum(members), *members] if len(members) > 1 else members)
    assert re.findall(r"`(\w+)`", checksums) == [checksum[:8] for checksum in protocol.checksums.values()]


@pytest.mark.parametrize("name", list_formats())
def test_the_row_of_a_submission_format_names_its_protocol(name):
    _, protocol, _ = row_of(name, "Submission files")
    assert get_format(name, get_protocol(protocol.strip("`")))
