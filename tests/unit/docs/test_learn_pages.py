"""The pages under docs/learn: both languages say the same, no link is dead, nothing comes from outside."""

import re
import shutil
import subprocess
from html.parser import HTMLParser

import pytest

PAGES = ("index", "game", "cone", "reads")
BOTH = ("de", "en")


@pytest.fixture(scope="module")
def learn(root):
    return root / "docs" / "learn"


@pytest.fixture(scope="module")
def texts(learn):
    """Texts by language, read without running anything."""
    found = {}
    for language in BOTH:
        source = (learn / "texts" / f"{language}.js").read_text(encoding="utf-8")
        pairs = re.findall(r'^    "([\w.-]+)": `([^`]*)`,$', source, re.MULTILINE)
        assert len(pairs) == len(re.findall(r'^ +"[^"]+":', source, re.MULTILINE)), language
        assert len(dict(pairs)) == len(pairs), f"{language}: a key stands twice"
        found[language] = dict(pairs)
    return found


class Page(HTMLParser):
    """Attributes of all elements, by tag."""

    def __init__(self, text):
        super().__init__()
        self.elements = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def values(self, name):
        return [attrs[name] for _, attrs in self.elements if name in attrs]


@pytest.fixture(scope="module")
def pages(learn):
    return {name: Page((learn / f"{name}.html").read_text(encoding="utf-8")) for name in PAGES}


def scripts(learn):
    return {path.name: path.read_text(encoding="utf-8") for path in learn.glob("[lp]*/*.js")}


def test_both_languages_have_the_same_keys_and_placeholders(texts):
    german, english = (texts[language] for language in BOTH)
    assert german.keys() == english.keys()
    for key in german:
        names = [set(re.findall(r"\{(\w+)\}", text[key])) for text in (german, english)]
        assert names[0] == names[1], key
        assert german[key].strip(), key


def test_every_text_is_used_and_every_text_that_is_used_is_there(learn, texts, pages):
    keys = set(texts["en"])
    used = set()
    for page in pages.values():
        for name in ("data-text", "data-label", "data-title"):
            used |= set(page.values(name))
    source = (learn / "pages").glob("*.js")
    code = "\n".join(path.read_text(encoding="utf-8") for path in source)
    used |= {text for text in re.findall(r'"([\w.-]+)"', code) if text in keys}
    for stem in re.findall(r'(?:say|count)\(\s*"([\w.-]+)"', code):
        used |= {stem} if stem in keys else {f"{stem}.one", f"{stem}.other"}
    assert used <= keys, used - keys
    # keys that are put together: `game.${name}` stands for every key that fits
    patterns = [
        "[\\w-]+(?:\\.[\\w-]+)*".join(map(re.escape, re.split(r"\$\{[^}]*\}", text)))
        for text in re.findall(r"`([\w.-]*\.\$\{[^`\s]*|\$\{[\w.]+\}\.[\w.-]+)`", code)
    ]
    patterns = [pattern for pattern in patterns if not pattern.startswith("[")]
    unused = {
        key
        for key in keys - used
        if not any(re.fullmatch(pattern, key) for pattern in patterns)
        and not re.search(rf'count\("{re.escape(key.rpartition(".")[0])}"', code)
    }
    assert not unused


def test_no_link_is_dead(learn, pages):
    for name, page in pages.items():
        for _, attrs in page.elements:
            for key in ("href", "src"):
                target = attrs.get(key, "data:")
                if target.startswith("#"):
                    assert target[1:] in page.values("id"), f"{name}: {target}"
                elif target != "data:," and not target.startswith("data:"):
                    assert (learn / target).resolve().is_file(), f"{name}: {target}"
            if "data-page" in attrs:
                assert attrs["href"] == f"{attrs['data-page']}.html"


def test_nothing_is_loaded_from_outside(learn):
    for path in sorted(learn.rglob("*")):
        if path.is_file():
            text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
            assert not re.search(r"https?:|[\"'(]//\w|@import|url\((?!#)", text), path.name
            loads = r"\b(fetch|XMLHttpRequest|WebSocket|sendBeacon|import)\s*\("
            stores = r"localStorage|sessionStorage|indexedDB|document\.cookie"
            assert not re.search(f"{loads}|{stores}", text), path.name


def test_the_logic_knows_no_page_and_no_chance(learn):
    for path in (learn / "logic").glob("*.js"):
        text = re.sub(r"/\*.*?\*/|//.*", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
        assert not re.search(r"\b(document|window|location|Date|Math\.random)\b", text), path.name


def test_scripts_are_classic_and_every_file_is_loaded(learn, pages):
    loaded = set()
    for page in pages.values():
        for tag, attrs in page.elements:
            if tag == "script":
                assert set(attrs) == {"src"}, "a module script does not load from a file"
                loaded.add(attrs["src"])
    files = {path.relative_to(learn).as_posix() for path in learn.rglob("*.js")}
    assert loaded == files


def test_ids_are_there_once_and_those_that_scripts_name_exist(learn, pages):
    for name, page in pages.items():
        ids = page.values("id")
        assert len(ids) == len(set(ids)), name
        code = (learn / "pages" / f"{name}.js").read_text(encoding="utf-8")
        asked = set(re.findall(r'(?:getElementById|fill|announce)\(\s*"([\w-]+)"', code))
        assert asked <= set(ids), f"{name}: {asked - set(ids)}"
        for key in ("aria-labelledby", "aria-describedby", "for"):
            assert set(page.values(key)) <= set(ids), name


def test_lines_are_short(learn):
    for path in learn.rglob("*.*"):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            assert len(line) <= 100, f"{path.name}:{number}"


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed; install nodejs")
def test_every_script_is_valid(learn):
    for path in learn.rglob("*.js"):
        done = subprocess.run(["node", "--check", path], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
