"""Digests: of code (so that an edited module reruns the rules that use it) and of configuration.

Imported while Snakemake parses: standard library only.
"""

import ast
import hashlib
import json
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT.name


def code_digest(*modules: str) -> str:
    """Digest over modules and all they import inside the package, blind to comments and docstrings.

    Parameters
    ----------
    modules : str
        Dotted names such as `"avatarflow.privacy.cones.cone"`.

    Returns
    -------
    str
        16 hexadecimal digits; equal for equal behaviour of the source, whatever its comments.

    Raises
    ------
    ModuleNotFoundError
        If a module is not in the package.
    """
    text = "\n".join(f"{name} {_parsed(name)[0]}" for name in sorted(closure(modules)))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def closure(modules: Iterable[str]) -> set[str]:
    """Modules of the package and all that they import inside it."""
    seen: set[str] = set()
    todo = list(modules)
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            todo.extend(_parsed(name)[1])
    return seen


def config_digest(value: Any) -> str:
    """Digest of a JSON-like value, blind to key order; 16 hexadecimal digits."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def file_sha256(path: str | Path) -> str:
    """SHA-256 of a file's bytes, read piece by piece; 64 hexadecimal digits."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def files_digest(paths: Iterable[str]) -> str:
    """Digest of names, sizes and times of files: Snakemake does not notice one that is restored with an older date."""
    facts = []
    for path in sorted(paths):
        with suppress(OSError):
            state = Path(path).stat()
            facts.append((path, state.st_size, state.st_mtime_ns))
    return config_digest(facts)


def contents_digest(paths: Iterable[str]) -> str:
    """Digest of names and contents of files: of those where one changed byte may take a permission back."""
    facts = []
    for path in sorted(paths):
        with suppress(OSError):
            facts.append((path, file_sha256(path)))
    return config_digest(facts)


def _file(module: str) -> Path | None:
    parts = module.split(".")
    if parts[0] != PACKAGE:
        return None
    base = ROOT.joinpath(*parts[1:])
    for path in (base.with_suffix(".py"), base / "__init__.py"):
        if path.is_file():
            return path
    return None


@cache
def _parsed(module: str) -> tuple[str, tuple[str, ...]]:
    """Digest of one module's code without docstrings, and the package modules it imports."""
    path = _file(module)
    if path is None:
        raise ModuleNotFoundError(
            f"{module}: not a module of {PACKAGE}; name one under workflow/scripts/{PACKAGE}/"
        )
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imports = tuple(sorted(_imports(tree, module, path)))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            _drop_docstring(node)
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest(), imports


def _drop_docstring(
    node: ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef,
) -> None:
    first = node.body[0] if node.body else None
    if (
        isinstance(first, ast.Expr)
        and isinstance(first.value, ast.Constant)
        and isinstance(first.value.value, str)
    ):
        node.body = node.body[1:] or [ast.Pass()]


def _imports(tree: ast.Module, module: str, path: Path) -> set[str]:
    package = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            anchor = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*anchor, *([node.module] if node.module else [])])
            found.add(base)
            found.update(f"{base}.{alias.name}" for alias in node.names)
    return {name for name in found if _file(name) is not None}
