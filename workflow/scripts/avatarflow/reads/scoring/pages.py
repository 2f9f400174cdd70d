"""The score table for people: one self-contained HTML page to sort and filter, and a table that MultiQC picks up."""

import html
from pathlib import Path

import pandas as pd

from avatarflow.core.paths import write_text

from .pareto import with_speed
from .score import level_name

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<style>
body {{ font: 14px sans-serif; margin: 1.5em }}
table {{ border-collapse: collapse }}
th, td {{ border: 1px solid #ccc; padding: 2px 6px; text-align: right; white-space: nowrap }}
th {{ cursor: pointer; background: #eee; position: sticky; top: 0 }}
td.text {{ text-align: left }}
tr.failed td {{ color: #a00 }}
</style></head><body>
<h1>{title}</h1>
<p>Positive means human; the unit is the fragment. A click on a head sorts; words filter rows (all must be there).
Rows in red: the tool could not run.</p>
<p><input id="words" size="40" placeholder="all 0.06 kraken2" autofocus> <span id="count"></span></p>
<table id="scores"><thead><tr>{heads}</tr></thead><tbody>
{rows}
</tbody></table>
<script>
const body = document.querySelector('#scores tbody'), rows = [...body.rows], words = document.querySelector('#words')
function filter() {{
  const wanted = words.value.toLowerCase().split(/\\s+/).filter(Boolean)
  let shown = 0
  for (const row of rows) {{
    const cells = [...row.cells].map(cell => cell.textContent.toLowerCase())
    const ok = wanted.every(word => cells.some(cell => cell === word || (isNaN(word) && cell.includes(word))))
    row.hidden = !ok
    shown += ok
  }}
  document.querySelector('#count').textContent = shown + ' of ' + rows.length + ' rows'
}}
document.querySelectorAll('th').forEach((head, column) => {{
  let up = 1
  head.onclick = () => {{
    const value = row => row.cells[column].textContent, number = row => parseFloat(value(row))
    rows.sort((a, b) => up * (isNaN(number(a)) || isNaN(number(b)) ? value(a).localeCompare(value(b))
      : number(a) - number(b)))
    up = -up
    body.append(...rows)
  }}
}})
words.oninput = filter
filter()
</script></body></html>
"""
MULTIQC = """# id: 'avatarflow_read_removal'
# section_name: 'Human read removal'
# description: 'Read-removal tools on {name}: positive means human, the unit is the fragment.'
# plot_type: 'table'
# pconfig:
#     namespace: 'avatarflow'
"""
SHOWN = ["sensitivity", "sensitivity_low", "sensitivity_high", "specificity", "specificity_low", "specificity_high",
         "fragments_per_cpu_s", "run_peak_mb"]  # fmt: skip


def write_page(scores: str | Path, name: str, output: str | Path) -> None:
    """Write the whole score table as one HTML file that loads nothing; values are shown as they stand in the TSV."""
    table = pd.read_csv(scores, sep="\t", dtype=str, keep_default_na=False)
    heads = "".join(f"<th>{html.escape(column)}</th>" for column in table.columns)
    lines = []
    for record in table.to_dict("records"):
        cells = "".join(f"<td{_kind(value)}>{html.escape(value)}</td>" for value in record.values())
        failed = "" if record["status"] == "ok" else ' class="failed"'
        lines.append(f"<tr{failed}>{cells}</tr>")
    title = html.escape(f"Read removal: {name}")
    write_text(output, PAGE.format(title=title, heads=heads, rows="\n".join(lines)))


def _kind(value: str) -> str:
    if value == "NA":
        return ""  # in the column of its numbers
    try:
        float(value)
    except ValueError:
        return ' class="text"'
    return ""


def write_multiqc(scores: str | Path, name: str, output: str | Path) -> None:
    """Write the `all` rows as MultiQC custom content (a file named `*_mqc.tsv`); a row per tool, setting and level."""
    table = with_speed(pd.read_csv(scores, sep="\t"))
    sample = [
        f"{row.tool} {row.setting}{level_name(row.error, row.variation)}"
        for row in table.itertuples()
    ]
    shown = table[SHOWN].assign(Sample=sample)[["Sample", *SHOWN]]
    rows = shown.to_csv(sep="\t", index=False, float_format="%.6g")
    write_text(output, MULTIQC.format(name=name) + rows)
