"""Do the counts on an officer's page add up? Read from what the page shows, not from what it was made of."""

import html
import re


def cells(row):
    """The texts of a row's cells, as a reader sees them."""
    found = re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row, re.DOTALL)
    return [html.unescape(re.sub(r"<[^>]+>", "\n", cell)).strip() for cell in found]


def rows_of(page, heading):
    """The rows of the first table below a heading."""
    table = page.split(f"<h2>{heading}</h2>", 1)[1].split("</table>", 1)[0]
    return [cells(row) for row in re.findall(r"<tr.*?</tr>", table, re.DOTALL)][1:]


def check(page):
    """Assert that every table of counts adds up; return `(came, went on, left out by reason)` per step.

    Also: what the student's filter accepts is what comes into the release, and per stage the verifier's six columns
    are the candidates, and the candidates are those that the counts name.
    """
    counts = {}
    for step, came, went_on, left_out, why in rows_of(page, "Counts"):
        reasons = {
            reason: int(count)
            for count, reason in (line.split(": ", 1) for line in why.splitlines() if line != "-")
        }
        assert int(came) == int(went_on) + sum(reasons.values()), step
        assert int(left_out) == sum(reasons.values()), step
        counts[step.partition(":")[0]] = (int(came), int(went_on), reasons)
    if "accepted" in counts:
        assert counts["accepted"][0] == counts["drawn by the student"][1]
    if "<h2>Verifier</h2>" in page:
        named = {"teacher": "drawn by the teacher", "student": "drawn by the student"}
        for row in rows_of(page, "Verifier"):
            candidates, *parts = map(int, row[1:8])
            assert candidates == sum(parts), row[0]
            assert candidates == counts[named.get(row[0], "candidates listed")][0]
            outside = parts[0] + parts[1]
            assert int(row[-1]) <= outside + parts[4]
    return counts
