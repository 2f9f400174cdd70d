"""Digests change with what the code does and with nothing else."""

import os

import pytest

from avatarflow.core import digest


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A small package in the place of the real one; write its modules, then ask for digests."""
    folder = tmp_path / "toy"
    (folder / "deep").mkdir(parents=True)
    (folder / "__init__.py").write_text('"""A package."""\n')
    (folder / "deep" / "__init__.py").write_text("")
    monkeypatch.setattr(digest, "ROOT", folder)
    monkeypatch.setattr(digest, "PACKAGE", "toy")

    def write(name, text):
        (folder / name).write_text(text)
        digest._parsed.cache_clear()

    yield write
    digest._parsed.cache_clear()


PLAIN = 'def f(x):\n    return x + 1\n\n\nclass C:\n    name = "a"\n'
SAME = {
    "comments": '# why\ndef f(x):  # here\n    return x + 1\n\n\nclass C:\n    # kept\n    name = "a"\n',
    "docstrings": '"""M."""\ndef f(x):\n    """F."""\n    return x + 1\nclass C:\n    """C."""\n    name = "a"\n',
    "layout": "def f( x ):\n\n    return (x + 1)\n\nclass C:\n    name = 'a'\n",
}
OTHER = {
    "a number": PLAIN.replace("1", "2"),
    "a name": PLAIN.replace("x", "y"),
    "a string that is no docstring": PLAIN.replace('"a"', '"b"'),
    "a default": PLAIN.replace("(x)", "(x=0)"),
}


@pytest.mark.parametrize("text", SAME.values(), ids=SAME)
def test_blind_to(package, text):
    package("a.py", PLAIN)
    before = digest.code_digest("toy.a")
    package("a.py", text)
    assert digest.code_digest("toy.a") == before


@pytest.mark.parametrize("text", OTHER.values(), ids=OTHER)
def test_sensitive_to(package, text):
    package("a.py", PLAIN)
    before = digest.code_digest("toy.a")
    package("a.py", text)
    assert digest.code_digest("toy.a") != before


IMPORTS = {
    "absolute": "from toy.b import g\n",
    "relative": "from .b import g\n",
    "of the module": "from . import b\n",
    "inside a function": "def f():\n    from .b import g\n    return g\n",
    "through another": "from .c import h\n",
    "out of a sub-package": "from .deep.d import k\n",
    "plain": "import toy.b\n",
}


@pytest.mark.parametrize("text", IMPORTS.values(), ids=IMPORTS)
def test_follows_imports(package, text):
    package("a.py", text)
    package("b.py", "def g():\n    return 1\n")
    package("c.py", "from .b import g as h\n")
    package("deep/d.py", "from ..b import g as k\n")
    before = digest.code_digest("toy.a")
    package("b.py", "def g():\n    return 2\n")
    assert digest.code_digest("toy.a") != before


def test_ignores_modules_that_are_not_imported(package):
    package("a.py", PLAIN)
    before = digest.code_digest("toy.a")
    package("b.py", PLAIN)
    assert digest.code_digest("toy.a") == before


def test_circular_imports_end(package):
    package("a.py", "from . import b\n")
    package("b.py", "from . import a\n")
    assert digest.code_digest("toy.a") == digest.code_digest("toy.b")


def test_order_of_modules_does_not_matter(package):
    package("a.py", PLAIN)
    package("b.py", PLAIN + "\n\nZ = 1\n")
    assert digest.code_digest("toy.a", "toy.b") == digest.code_digest("toy.b", "toy.a")


@pytest.mark.parametrize("name", ["toy.missing", "numpy", "toy.deep.missing"])
def test_refuses_what_is_not_in_the_package(package, name):
    with pytest.raises(ModuleNotFoundError, match=name):
        digest.code_digest(name)


def test_config_digest_is_blind_to_the_order_of_keys_only():
    assert digest.config_digest({"a": 1, "b": [1, 2]}) == digest.config_digest(
        {"b": [1, 2], "a": 1}
    )
    values = [{"a": 1}, {"a": 2}, {"a": "1"}, {"a": [1, 2]}, {"a": [2, 1]}, {}]
    assert len({digest.config_digest(value) for value in values}) == len(values)


def test_the_real_package_is_covered(root):
    package = root / "workflow" / "scripts" / "avatarflow"
    for path in package.rglob("*.py"):
        module = ".".join(path.relative_to(package.parent).with_suffix("").parts).removesuffix(
            ".__init__"
        )
        assert len(digest.code_digest(module)) == 16


def test_a_content_of_the_same_size_and_time_is_another_one(tmp_path):
    path = tmp_path / "a"
    path.write_text("P03")
    os.utime(path, (1, 1))
    before = digest.contents_digest([str(path)]), digest.files_digest([str(path)])
    path.write_text("P04")
    os.utime(path, (1, 1))
    assert digest.files_digest([str(path)]) == before[1]
    assert digest.contents_digest([str(path)]) != before[0]
    assert digest.contents_digest([str(path), str(tmp_path / "none")]) == digest.contents_digest(
        [str(path)]
    )
