"""Which onset, apex and offset count where sheet and disk disagree: properties over anything on disk."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from preprocess.corpora.reading.policies import settle
from preprocess.corpora.reading.repairs import Repair, read_repairs, repaired

NUMBERS = st.sets(st.integers(0, 120), min_size=2).map(sorted)
ANNOTATED = st.one_of(st.none(), st.integers(0, 140))


@given(NUMBERS, ANNOTATED, ANNOTATED, ANNOTATED)
def test_whatever_the_sheet_says_the_span_is_on_disk(numbers, onset, apex, offset):
    span = settle(numbers, onset, apex, offset)
    assert span.onset < span.offset
    assert {span.onset, span.offset} <= set(numbers)
    if span.apex is None:
        assert span.apex_source == "none"
    else:
        assert span.onset < span.apex < span.offset
        assert span.apex in numbers
        assert span.apex_source == ("annotated" if span.apex == apex else "nearest-on-disk")


@given(NUMBERS, ANNOTATED, ANNOTATED, ANNOTATED)
def test_what_departs_from_the_sheet_is_remarked_upon(numbers, onset, apex, offset):
    span = settle(numbers, onset, apex, offset)
    about = {what for what, _ in span.remarks}
    if onset is not None and offset is not None and (span.onset, span.offset) != (onset, offset):
        assert "range" in about
    if apex is not None and span.apex != apex:
        assert "apex" in about
    if span.offset - span.onset + 1 != sum(span.onset <= n <= span.offset for n in numbers):
        assert "frames" in about


@given(st.integers(0, 50), st.integers(2, 60), st.data())
def test_a_clip_as_annotated_stays_as_annotated(onset, length, data):
    offset = onset + length
    apex = data.draw(st.integers(onset + 1, offset - 1))
    span = settle(range(max(0, onset - 5), offset + 9), onset, apex, offset)
    assert (span.onset, span.apex, span.offset) == (onset, apex, offset)
    assert (span.range_source, span.apex_source, span.remarks) == ("annotated", "annotated", ())


@pytest.mark.parametrize(
    ("numbers", "annotated", "expected", "sources"),
    [
        # The folder ends before the offset: what is there of the range counts.
        (range(73, 97), (73, 94, 110), (73, 94, 96), ("on-disk", "annotated")),
        # Sheet and folder number different recordings: the folder counts, the apex is to be found.
        (range(161, 207), (16, 59, 101), (161, None, 206), ("folder", "none")),
        # The folder goes on past the offset, as DFME's sub0593_09: the sheet counts.
        (range(141), (0, 60, 123), (0, 60, 123), ("annotated", "annotated")),
        # An apex on the border is none; neither is one outside.
        (range(69, 120), (69, 69, 119), (69, None, 119), ("annotated", "none")),
        (range(1071, 1135), (1071, 1200, 1134), (1071, None, 1134), ("annotated", "none")),
        # SMIC: the folder is all there is.
        (range(34208, 34240), (None, None, None), (34208, None, 34239), ("folder", "none")),
        # The apex frame itself is missing: the nearest one, the earlier of two.
        ([1, 2, 3, 5, 6, 7], (1, 4, 7), (1, 3, 7), ("annotated", "nearest-on-disk")),
        # A range that is none.
        (range(10), (8, 5, 2), (0, 5, 9), ("folder", "annotated")),
    ],
)
def test_known_cases(numbers, annotated, expected, sources):
    span = settle(list(numbers), *annotated)
    assert (span.onset, span.apex, span.offset) == expected
    assert (span.range_source, span.apex_source) == sources


def test_repairs_expect_the_old_value():
    repair = Repair("samm", "013", "013_1_9", "offset", "5793", "5739", "two digits", "a source")
    cells = {"onset": "5700", "offset": "5793"}
    mended, (remark,) = repaired(cells, "samm", "013", "013_1_9", (repair,))
    assert (mended["offset"], cells["offset"]) == ("5739", "5793")
    assert remark == "offset 5793 -> 5739: two digits (a source)"
    assert repaired(mended, "samm", "013", "013_1_9", (repair,)) == (mended, [])
    other = {"offset": "5800"}
    mended, (remark,) = repaired(other, "samm", "013", "013_1_9", (repair,))
    assert mended == other
    assert remark.startswith("not repaired: offset is '5800', where the repair expects 5793")
    assert repaired(cells, "samm", "013", "013_1_8", (repair,)) == (cells, [])


def test_the_table_of_repairs_says_why_and_who():
    repairs = read_repairs()
    assert len({repair[:4] for repair in repairs}) == len(repairs)
    for repair in repairs:
        assert all(repair)
        assert repair.field in ("onset", "apex", "offset", "emotion", "action_units")
        assert repair.old != repair.new
