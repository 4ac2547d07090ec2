"""The frame and the look of every page: no script, no picture, no address outside of itself.

Imports nothing of the project, so that a page which a long job writes does not rerun it with every table.
"""

from html import escape

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1b1b1b; background: #fff; margin: 2rem auto;
  max-width: 90rem; padding: 0 1.5rem; }
h1 { font-size: 1.35rem; } h2 { font-size: 1.15rem; margin-top: 2.5rem; } h3 { font-size: 1rem; }
p, li { max-width: 60rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; border-top: 2px solid; border-bottom: 2px solid; font-size: .87rem;
  font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .7rem; text-align: right; vertical-align: top; white-space: nowrap; }
.text { text-align: left; } .long { white-space: normal; }
tr:hover td { background: #f0f4f8; }
h2[id] { position: sticky; top: 0; margin-bottom: 0; padding: .6rem 0; background: #fff; }
h3[id] { scroll-margin-top: 3.5rem; } [id]:target { background: #fff3cd; }
thead { border-bottom: 1px solid; } thead th { vertical-align: bottom; }
th.block { text-align: center; border-bottom: 1px solid #999; }
small { color: #555; font-size: .8rem; } sup { color: #8a3b00; }
.notes { font-size: .85rem; padding-left: 1.2rem; list-style: none; }
.notes sup { display: inline-block; min-width: 1.2rem; margin-left: -1.2rem; }
a { color: #0b5394; text-decoration-thickness: 1px; text-underline-offset: 2px; }
pre { font-size: .8rem; line-height: 1.35; }
.wrong { color: #a33b00; } .clip { display: inline-block; margin-right: 1rem; white-space: nowrap; }
"""


def document(title: str, body: str) -> str:
    """A page around a body that is HTML already."""
    return (
        f'<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>{escape(title)}</title>\n'
        f"<style>{_STYLE}</style>\n<body>\n{body}\n</body>\n</html>\n"
    )
