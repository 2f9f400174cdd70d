#!/usr/bin/env python3
"""How many lines the workflow has at given commits, so that a change of structure can be held against one before it.

    .venv/bin/python experiments/machine/statement_lines.py 65a9471 HEAD

Statement lines: each statement on one line, without docstrings, comments and blank lines. Lines of
code: as they are formatted, without the same. Of rules they are the same but for statements in
brackets over several lines.
"""

import ast
import io
import re
import subprocess
import sys
import tokenize

DEFINITIONS = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
EMPTY = {
    tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT,
    tokenize.ENDMARKER,
}  # fmt: skip


def of_python(source: str) -> tuple[int, int]:
    """Return the statement lines and the lines of code of a module."""
    tree, docstrings = ast.parse(source), set()
    for node in ast.walk(tree):
        if isinstance(node, DEFINITIONS) and ast.get_docstring(node) is not None:
            docstrings |= set(range(node.body[0].lineno, node.body[0].end_lineno + 1))
            node.body = node.body[1:]
    statements = sum(bool(line.strip()) for line in ast.unparse(tree).splitlines())
    code = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in EMPTY:
            code |= set(range(token.start[0], token.end[0] + 1))
    return statements, len(code - docstrings)


def of_rules(source: str) -> tuple[int, int]:
    """Return the statement lines and the lines of code of a file of rules."""
    text, statements, code, depth = re.sub(r'"""[\s\S]*?"""', "", source), 0, 0, 0
    for line in text.splitlines():
        bare = re.sub(r"\"[^\"]*\"|'[^']*'", "", line).split("#")[0]
        if bare.strip() or (line.strip() and not line.strip().startswith("#")):
            statements, code = statements + (depth == 0), code + 1
        depth += sum(bare.count(mark) for mark in "([{") - sum(bare.count(mark) for mark in ")]}")
    return statements, code


def git(*words: str) -> str:
    """Return what git says."""
    return subprocess.run(["git", *words], capture_output=True, text=True, check=True).stdout


def main(commits: list[str]) -> None:
    """Show the lines of every commit."""
    for commit in commits:
        counts = {"package": [0, 0], "scripts": [0, 0], "rules": [0, 0]}
        for path in git("ls-tree", "-r", "--name-only", commit, "workflow").split():
            part = "package" if "/avatarflow/" in path else "scripts"
            if path.endswith((".smk", "Snakefile")):
                part, lines = "rules", of_rules(git("show", f"{commit}:{path}"))
            elif path.endswith(".py"):
                lines = of_python(git("show", f"{commit}:{path}"))
            else:
                continue
            counts[part] = [old + new for old, new in zip(counts[part], lines, strict=True)]
        told = (
            f"{part} {one} statement lines, {two} of code" for part, (one, two) in counts.items()
        )
        sys.stdout.write(f"{commit}: {'; '.join(told)}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
