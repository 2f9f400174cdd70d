"""Contracts between files that no run would notice at once: names, profiles, schemas, environments, documentation."""

import ast
import importlib.metadata
import itertools
import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import networkx
import pytest
import yaml
import yte

from avatarflow.config import docs as config_docs
from avatarflow.core import digest
from avatarflow.generators.families import DEFAULT, FAMILIES
from handed_on import keys_of
from parse import parse

ROOT = Path(__file__).resolve().parents[2]
HEAVY = {
    "torch",
    "diffusers",
    "transformers",
    "accelerate",
    "mlflow",
    "faiss",
    "pysam",
    "kornia",
    "skimage",
    "sklearn",
}
HEAVY |= {"scipy", "matplotlib", "duckdb", "datasets", "safetensors", "PIL", "msprime", "tskit"}
OWN_PARAMS = {
    "code",
    "entry",
    "absent",
    "files",
}  # `entry` is read by `step`, the others by Snakemake alone
CALLED = {  # requirements that nothing imports
    "snakemake-executor-plugin-slurm": "--executor slurm",
    "pygments": "snakemake --report",
    "accelerate": "diffusers loads weights with it",
    "transformers": "diffusers loads text encoders with it",
}
FOLDERS = ("workflow", "tests", "docs", "config", "envs", "profiles", "resources", "experiments")
"""Folders whose files the documentation names; a path that starts with one of them must exist."""


# --- rules, scripts, profiles


def test_every_rule_says_why_and_where_and_with_how_much(rules):
    lacking = {}
    for name, rule in rules.items():
        short = [part for part in ("docstring", "log", "benchmark", "conda") if not rule[part]]
        resources = rule["resources"]
        short += [part for part in ("mem_mb", "runtime") if part not in resources]
        # a job's own Snakemake takes 190 MB
        if resources.get("mem_mb") is not None and resources["mem_mb"] < 500:
            short.append("mem_mb >= 500")
        if short:
            lacking[name] = short
    assert not lacking


def stem(path, folder, suffix):
    # wildcards without their constraints
    plain = re.sub(r"\{(\w+)[^}]*(\{[^}]*\}[^}]*)*\}", r"{\1}", path)
    return plain.removeprefix(f"{folder}/").removesuffix(suffix)


def test_log_and_benchmark_are_named_after_their_rule(rules):
    for name, rule in rules.items():
        log, benchmark = (
            stem(rule["log"][0], "logs", ".log"),
            stem(rule["benchmark"], "results/benchmarks", ".tsv"),
        )
        assert log == benchmark, name
        assert re.fullmatch(rf"{name}(\..+)?", log.rpartition("/")[2]), f"{name}: {log}"


def test_scripts_are_named_after_their_rules(rules, scripts):
    used = {name: Path(rule["script"]).stem for name, rule in rules.items() if rule["script"]}
    assert {path.stem for path in scripts} == set(used.values())
    for name, script in used.items():
        # an heir by `use rule` runs its parent's
        assert script == name or script in rules, f"{name}: {script}"


def test_scripts_only_read_call_and_write(scripts):
    for path in scripts:
        tree = ast.parse(path.read_text())
        kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
        assert not [node for node in ast.walk(tree) if isinstance(node, kinds)], (
            f"{path.name}: defines something"
        )
        steps = [node for node in tree.body if isinstance(node, ast.With)]
        assert len(steps) == 1, f"{path.name}: one `with step(snakemake)`"
        assert ast.unparse(steps[0].items[0].context_expr) == "step(snakemake)", path.name
        assert ast.get_docstring(tree).startswith("Rule"), path.name


def reads(path, section):
    """Names that a script reads from `snakemake.<section>`."""
    tree, whole, found = ast.parse(path.read_text()), f"snakemake.{section}", set()
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Attribute)
            and ast.unparse(node.value) == whole
            and node.attr != "get"
        ):
            found.add(node.attr)
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == f"{whole}.get":
            found.add(node.args[0].value)
        elif isinstance(node, ast.Subscript) and ast.unparse(node.value) == whole:
            found.add(node.slice.value)
    return found


@pytest.mark.parametrize("section", ["input", "output", "params"])
def test_a_script_reads_exactly_what_its_rule_declares(rules, section):
    wrong = {}
    for name, rule in rules.items():
        if rule["script"]:
            script, stated = script_of(rule), set(rule[section]) - OWN_PARAMS
            read, handed = reads(script, section), keys_of(script, section)
            if handed is not None:
                if handed.whole:  # gone through name by name
                    continue
                read |= handed.sure | {one for one in stated if handed.may_hold(one)}
            possible = stated | set(rule["unpacked"] if section == "input" else ())
            if not stated <= read or not read <= possible:
                wrong[name] = {
                    "declared, not read": stated - read,
                    "read, not declared": read - possible,
                }
    assert not wrong


def test_what_a_script_hands_on_is_followed_into_its_step(root):
    folder = root / "workflow" / "scripts"
    removal = keys_of(folder / "reads/removal/remove_reads.py", "output")
    assert (removal.sure, removal.whole) == ({"calls", "usage"}, False)
    # through the functions of the step, by a name and by a pattern
    release = keys_of(folder / "images/release.py", "input")
    assert {"samples", "canaries"} < release.sure
    assert release.may_hold("metrics")
    assert release.may_hold("student_verifier")
    assert not release.may_hold("metric")
    assert keys_of(folder / "attacks/make_canaries.py", "output") is None


def script_of(rule):
    return ROOT / "workflow" / "scripts" / rule["script"].rpartition("scripts/")[2]


def package_imports(path):
    tree = ast.parse(path.read_text())
    return digest._imports(tree, path.stem, path) - {
        "avatarflow",
        "avatarflow.runs",
        "avatarflow.runs.context",
    }


def digested(root):
    """Modules that each rule's `code=code_digest(...)` covers, from the rules' text."""
    found = {}
    for file in (root / "workflow" / "rules").rglob("*.smk"):
        for name, _, body in re.findall(
            r"^(?:use )?rule (\w+)( .*)?:\n((?:[ \t].*\n|\n)*)", file.read_text(), re.MULTILINE
        ):
            for modules in re.findall(r"code_digest\(([^)]*)\)", body):
                found.setdefault(name, set()).update(re.findall(r"\"([\w.]+)\"", modules))
    return found


def test_a_changed_module_reruns_the_rules_whose_scripts_use_it(rules, root):
    stale, covers = {}, digested(root)
    for name, rule in rules.items():
        if rule["script"]:
            script = script_of(rule)
            covered = digest.closure(covers.get(name, covers.get(script.stem, ())))
            if missed := package_imports(script) - covered:
                stale[name] = missed
    assert not stale


def test_no_generator_family_is_named_outside_its_folder(root):
    package = root / "workflow" / "scripts" / "avatarflow" / "generators"
    known = {package / "families.py", package / "interface.py"}
    for path in sorted((root / "workflow").rglob("*.py")):
        if path not in known and not any(package / name in path.parents for name in FAMILIES):
            texts = {
                node.value
                for node in ast.walk(ast.parse(path.read_text()))
                if isinstance(node, ast.Constant)
            }
            assert not texts & set(FAMILIES), path
    for path in sorted((root / "workflow").rglob("*.smk")):
        assert not re.search(rf"[\"']({'|'.join(FAMILIES)})[\"']", path.read_text()), path
    schema = yaml.safe_load((root / "workflow/schemas/training.schema.yaml").read_text())
    family = schema["$defs"]["generator"]["properties"]["family"]
    assert (family["enum"], family["default"]) == (list(FAMILIES), DEFAULT)


def test_the_package_has_no_import_circle(root):
    graph = networkx.DiGraph()
    package = root / "workflow" / "scripts"
    for path in (package / "avatarflow").rglob("*.py"):
        parts = path.relative_to(package).with_suffix("").parts
        module = ".".join(parts[:-1] if path.name == "__init__.py" else parts)
        for imported in digest._imports(runtime_part(ast.parse(path.read_text())), module, path):
            # a module's own packages
            if not (path.name != "__init__.py" and module.startswith(f"{imported}.")):
                graph.add_edge(module, imported)
    circles = [
        sorted(part) for part in networkx.strongly_connected_components(graph) if len(part) > 1
    ]
    assert not circles


def runtime_part(tree):
    """A module without what only a type checker reads."""
    tree.body = [
        node
        for node in tree.body
        if not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
    ]
    return tree


def test_parsing_stays_light(parsed):
    assert not HEAVY & set(parsed["modules"])


@pytest.mark.parametrize(
    "config", sorted((ROOT / "config").glob("*.yaml")), ids=lambda path: path.stem
)
def test_every_scenario_is_a_valid_configuration(config, tmp_path):
    assert parse(config, tmp_path)["rules"]


@pytest.mark.parametrize(
    "page", ["README.md", "docs/tutorial.md", "docs/audits.md", "docs/clinic.md"]
)
def test_every_configuration_in_the_documentation_is_valid(root, page, tmp_path):
    blocks = re.findall(r"```yaml\n(.*?)```", (root / page).read_text(), re.DOTALL)
    assert blocks
    for number, block in enumerate(blocks):
        (tmp_path / f"{number}.yaml").write_text(block)
        assert parse(tmp_path / f"{number}.yaml", tmp_path)["rules"]


def profile(root, name, **variables):
    """A profile as Snakemake reads it, in an environment."""
    with (
        (root / "profiles" / name / "config.yaml").open() as file,
        pytest.MonkeyPatch.context() as patch,
    ):
        for key, value in variables.items():
            patch.setenv(key, value)
        return yte.process_yaml(file, require_use_yte=True)


def test_profiles_name_rules_that_exist(parsed, root):
    known = set(parsed["rules"])
    for path in (root / "profiles").glob("*/config.yaml"):
        settings = profile(root, path.parent.name)
        for key in ("set-resources", "set-threads", "groups"):
            assert set(settings.get(key, {})) <= known, f"{path}: {key}"


def test_a_retry_on_the_cluster_gets_more_than_the_rule_asks_for_within_the_sites_limits(
    rules, root
):
    """Every rule is in the profile with its own figures, times the attempt, cut at what the site has."""
    asked = profile(root, "slurm", AVATARFLOW_LONGEST_MIN="900", AVATARFLOW_LARGEST_MB="9000")[
        "set-resources"
    ]
    for name, rule in rules.items():
        assert name in asked, (
            f"profiles/slurm/config.yaml, set-resources: {name} is missing; add a line"
        )
        for key, most in (("mem_mb", 9000), ("runtime", 900)):
            base = rule["resources"][key]
            got = [
                eval(asked[name][key], {"attempt": attempt, "min": min}) for attempt in (1, 2, 3)
            ]
            if base is not None:  # not a function
                assert got == [min(base * attempt, most) for attempt in (1, 2, 3)], f"{name}: {key}"


def test_the_site_is_told_by_variables(root):
    plain = profile(root, "slurm")
    assert "slurm_account" not in plain["default-resources"]
    assert plain["set-resources"]["finetune"]["slurm_partition"] == "gpu"
    told = profile(
        root, "slurm", AVATARFLOW_ACCOUNT="lab", AVATARFLOW_CPU_PARTITION="long", AVATARFLOW_GPU_PARTITION="dgx",
        AVATARFLOW_GPU_MODEL="a100", AVATARFLOW_SHARDS="3", AVATARFLOW_JOBS="7",
    )  # fmt: skip
    assert (
        told["default-resources"]["slurm_account"],
        told["default-resources"]["slurm_partition"],
    ) == ("lab", "long")
    gpu = {"slurm_partition": "dgx", "gpu": 1, "gpu_model": "a100"}
    assert gpu.items() <= told["set-resources"]["finetune"].items()
    assert (told["set-scatter"]["sample"], told["jobs"]) == (3, 7)
    without = profile(root, "slurm", AVATARFLOW_GPU_PARTITION="")
    assert not {"gpu", "slurm_partition"} & set(without["set-resources"]["finetune"])


def test_rules_of_one_group_ask_for_the_same_partition(root):
    settings = profile(root, "slurm")
    places = {}
    for rule, group in settings["groups"].items():
        places.setdefault(group, set()).add(
            settings["set-resources"][rule].get("slurm_partition", "cpu")
        )
    assert all(len(found) == 1 for found in places.values()), places


def test_retries_are_in_the_profile_only(root):
    """A rule's own `retries` would also retry inside the job, with more resources than the job was given."""
    for file in (root / "workflow").rglob("*.smk"):
        assert not re.search(r"^\s+retries:", file.read_text(), re.MULTILINE), file


def test_every_key_of_a_profile_is_explained(root):
    for path in (root / "profiles").glob("*/config.yaml"):
        for line in path.read_text().splitlines():
            assert not re.match(r" *(\?if .*|[\w-]+):|  - [a-z_]+ = os", line) or "#" in line, (
                f"{path}: {line}"
            )


def test_there_is_no_profile_that_loads_unasked(root):
    assert not (root / "profiles" / "default").exists()


# --- schemas and their documentation


def subschemas(schema, where):
    """Every schema inside a schema, with its place; references are not followed, because their targets are visited."""
    yield where, schema
    for key in ("properties", "$defs"):
        for name, part in schema.get(key, {}).items():
            yield from subschemas(part, f"{where}.{name}")
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            yield from subschemas(schema[key], f"{where}.{key}")


def schema_files():
    return sorted((ROOT / "workflow" / "schemas").glob("*.yaml"))


@pytest.mark.parametrize("file", schema_files(), ids=lambda path: path.name.partition(".")[0])
def test_schemas_are_closed_and_described(file):
    for where, schema in subschemas(yaml.safe_load(file.read_text()), file.name):
        kinds = schema.get("type", [])
        if "object" in kinds or "properties" in schema:
            assert schema.get("additionalProperties", True) is not True, (
                f"{where}: an open object lets typing errors pass"
            )
        if (
            where.rpartition(".")[2] not in ("yaml", "items", "additionalProperties")
            and "$ref" not in schema
        ):
            assert schema.get("description", "").endswith("."), (
                f"{where}: say what it is, in a sentence"
            )
            assert {"type", "enum", "const", "anyOf", "oneOf"} & set(schema), (
                f"{where}: say its type"
            )
        if "properties" in schema:
            unset = [
                name
                for name, part in schema["properties"].items()
                if part.get("type") == "object" and "default" not in part
            ]
            assert set(unset) <= set(schema.get("required", [])), (
                f"{where}: `default: {{}}` or required, for {unset}"
            )


def test_the_key_table_is_up_to_date(root):
    text = (root / "config" / "README.md").read_text()
    assert config_docs.updated(text) == text, "run make docs"


# --- environments


def normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(lines):
    found = (re.match(r"([\w.-]+)(?:\[[\w,]+\])?==([\w.+]+)", line.strip()) for line in lines)
    return {normal(match[1]): match[2] for match in found if match}


LOCK = pins((ROOT / "envs" / "requirements.lock").read_text().splitlines())
DIRECT = pins((ROOT / "envs" / "requirements.txt").read_text().splitlines())


def environments():
    for file in sorted((ROOT / "envs").glob("*.yaml")):
        dependencies = yaml.safe_load(file.read_text())["dependencies"]
        packages = next((part["pip"] for part in dependencies if isinstance(part, dict)), [])
        yield pytest.param(file, dependencies, pins(packages), id=file.stem)


@pytest.mark.parametrize(("file", "dependencies", "packages"), environments())
def test_conda_environments_agree_with_the_lock(file, dependencies, packages):
    assert packages == {name: LOCK[name] for name in packages}
    assert all("=" in part for part in dependencies if isinstance(part, str)), (
        "every dependency is pinned"
    )


def test_direct_requirements_agree_with_the_lock():
    assert {name: LOCK.get(name) for name in DIRECT} == DIRECT


def test_the_lock_is_the_closure_of_the_direct_requirements():
    from packaging.requirements import Requirement

    installed = {normal(one.metadata["Name"]): one for one in importlib.metadata.distributions()}
    seen, todo = set(), [*DIRECT]
    while todo:
        name = todo.pop()
        if name in installed and name not in seen:
            seen.add(name)
            needs = map(Requirement, installed[name].requires or [])
            todo += [
                normal(need.name)
                for need in needs
                if need.marker is None or need.marker.evaluate({"extra": ""})
            ]
    strays = set(LOCK) - seen
    assert not strays, "locked, but nothing needs it"
    # a CUDA build of torch brings its own libraries, which the lock leaves to it
    assert not {
        name for name in seen - set(LOCK) if not re.match("nvidia|cuda|triton|setuptools", name)
    }, "needed, but not locked"


owners = cache(importlib.metadata.packages_distributions)


@cache
def third_party(path):
    """Distributions that a file imports, at any depth of its code."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += (
            [node.module]
            if isinstance(node, ast.ImportFrom) and not node.level and node.module
            else []
        )
        for top in (
            {name.partition(".")[0] for name in names}
            - {"avatarflow", "snakemake"}
            - sys.stdlib_module_names
        ):
            candidates = {normal(owner) for owner in owners().get(top, [top])}
            found.add(next(iter(sorted(candidates & set(DIRECT)) or sorted(candidates))))
    return found


def test_each_environment_lists_what_its_modules_import(rules):
    needed = {}
    for rule in rules.values():
        files = [script_of(rule)] if rule["script"] else []
        modules = digest.closure(module for file in files for module in package_imports(file))
        for file in [*files, *(digest._file(module) for module in modules)]:
            needed.setdefault(rule["conda"], set()).update(third_party(file))
    listed = {param.values[0].name: set(param.values[2]) for param in environments()}
    missing = {
        env: sorted(names - listed.get(env, set()))
        for env, names in needed.items()
        if names - listed.get(env, set())
    }
    unused = {
        env: sorted(names - needed.get(env, set()) - set(CALLED)) for env, names in listed.items()
    }
    assert not missing
    assert not {env: names for env, names in unused.items() if names}


def test_whatever_the_workflow_imports_is_a_direct_requirement(root):
    imported = set().union(*(third_party(path) for path in (root / "workflow").rglob("*.py")))
    assert imported <= set(DIRECT)


def test_no_direct_requirement_is_unused(root):
    files = [
        path
        for part in ("workflow", "tests", "experiments")
        for path in (root / part).rglob("*.py")
    ]
    imported = set().union(*(third_party(path) for path in files))
    text = (root / "envs" / "requirements.txt").read_text()
    development = set(pins(text.partition("# development")[2].splitlines()))
    assert set(DIRECT) - development - imported - set(CALLED) == {"snakemake"}


# --- words

FORBIDDEN = (
    "stranger", "rival", "implicated", "verdict", "station", "witness", "watcher", "hardness", "insufficient evidence",
    "planted leak", "may leave", "the house", "teller", "taker",
)  # fmt: skip
"""Beginnings of words that the glossary replaces: a reader of the field does not know them."""

ALLOWED = {
    "schemas/removal_tool.schema.yaml": {"verdict"},  # how a removal tool's calls are read
    "scripts/avatarflow/config/loading.py": {
        "verdict",
        "watcher",
        "hardness",
    },  # older keys that are refused
    "scripts/avatarflow/privacy/attacks/subjects.py": {"stranger"},  # name of a random stream
    "report/templates/dossier/en.yaml": {"planted leak"},  # for the layman who reads it
    # the key `verdicts` of a removal tool's declaration
    "rules/reads/removal.smk": {"verdict"},
    "scripts/avatarflow/reads/removal": {"verdict"},
    # the key `without_verdicts` of a certificate
    "scripts/avatarflow/reads/release": {"verdict"},
}
"""Files and folders of `workflow/` where a forbidden word may stand."""


def forbidden_words(workflow):
    """Return every forbidden word by the file that has it, in names of files, too."""
    # not within a word, as in "Antragsteller"
    pattern = re.compile(rf"(?<![^\W_])(?:{'|'.join(FORBIDDEN)})", re.IGNORECASE)
    words = {}
    for path in sorted(workflow.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            name = path.relative_to(workflow).as_posix()
            text = f"{name}\n{path.read_text(encoding='utf-8')}"
            if present := {match.lower() for match in pattern.findall(text)}:
                words[name] = present
    return words


def test_no_word_that_the_glossary_replaces_comes_back(root):
    words = forbidden_words(root / "workflow")
    for name, present in words.items():
        allowed = set().union(
            *(some for path, some in ALLOWED.items() if f"{name}/".startswith(f"{path}/"))
        )
        assert not present - allowed, f"workflow/{name}"
    for path, some in ALLOWED.items():
        used = set().union(
            *(present for name, present in words.items() if f"{name}/".startswith(f"{path}/"))
        )
        assert some <= used, f"{path}: allowed, but no longer there; remove it from ALLOWED"


@pytest.mark.parametrize("word", FORBIDDEN)
def test_a_forbidden_word_is_seen_in_text_and_in_names(tmp_path, word):
    (tmp_path / "rule.smk").write_text(f"# {word.capitalize()}s here\n")
    (tmp_path / f"{word}.py").write_text("")
    assert forbidden_words(tmp_path) == {"rule.smk": {word}, f"{word}.py": {word}}


# --- documentation and commands


def test_the_commands_of_the_readme_exist(root):
    commands = set(re.findall(r"^make (\w+)", (root / "README.md").read_text(), re.MULTILINE))
    assert {"demo", "test"} <= commands
    for command in sorted(commands):
        done = subprocess.run(["make", "-n", command], cwd=root, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    assert (
        "snakemake --cores all"
        in subprocess.run(["make", "-n", "demo"], cwd=root, capture_output=True, text=True).stdout
    )


def test_the_files_that_the_documentation_names_exist(root):
    """Relative links, and paths that start with a folder of this repository, in prose, backticks and commands."""
    named = re.compile(rf"(?<![\w./<>-])((?:{'|'.join(FOLDERS)})/[\w./*-]*\w)(?![\w*{{<]|\.{{)")
    dead = []
    for page in [*root.glob("*.md"), *(root / "docs").rglob("*.md"), root / "config" / "README.md"]:
        text = page.read_text()
        links = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", text)
        dead += [
            f"{page.relative_to(root)}: {link}"
            for link in links
            if not (page.parent / link).exists()
        ]
        dead += [
            f"{page.relative_to(root)}: {path}"
            for path in named.findall(text)
            if not list(root.glob(path))
        ]
    assert not dead, "\n".join(dead)


def test_no_command_of_the_documentation_gives_a_target_as_a_configuration(root):
    """Snakemake takes every word behind --configfile for a file, up to the next option or --."""
    wrong = []
    for page in [*root.glob("*.md"), *(root / "docs").rglob("*.md"), root / "config" / "README.md"]:
        for words in re.findall(r"snakemake\b[^\n`]*? --configfile ([^\n`]*)", page.read_text()):
            files = itertools.takewhile(lambda word: word[0] not in "-#", words.split())
            wrong += [f"{page.name}: {file}" for file in files if not file.endswith(".yaml")]
    assert not wrong


def test_every_decision_stands_in_the_index_once(root):
    folder = root / "docs" / "decisions"
    rows = re.findall(r"^\| \[(\d{4}) [^]]+\]\(([^)]+)\)", (folder / "README.md").read_text(), re.M)
    pages = [path.relative_to(folder).as_posix() for path in folder.rglob("0*.md")]
    assert sorted(path for _, path in rows) == sorted(pages)
    assert all("/" in path and Path(path).name.startswith(number) for number, path in rows)


def test_scripts_of_the_shell_are_executable(root):
    assert all(
        os.access(root / path, os.X_OK) for path in (".ci/run", "envs/avatarflow", "envs/setup.sh")
    )
