"""What the workflow declares, as Snakemake parses it: in a process of its own, as JSON."""

import json
import subprocess
import sys
from pathlib import Path

SNAKEFILE = Path(__file__).resolve().parents[3] / "workflow" / "Snakefile"


def parse(configfile, folder):
    """Rules and imported modules of the workflow under one configuration, parsed in a folder."""
    done = subprocess.run(
        [sys.executable, __file__, configfile], cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-600:]
    return json.loads(done.stdout)


def named(items):
    return [name for name, _ in items._allitems() if name is not None]


def unpacked(items):
    """Every string in the functions without a name: `unpack`ed input functions hold their inputs' names there."""
    unnamed = [getattr(item, "_file", item) for name, item in items._allitems() if name is None]
    todo = [getattr(item, "callable", None) or item for item in unnamed]
    found = []
    while todo:
        value = todo.pop()
        if isinstance(value, str):
            found.append(str(value))
        elif isinstance(value, tuple | dict):
            todo.extend(value)
        elif hasattr(value, "__code__"):
            todo += [value.__code__, *(cell.cell_contents for cell in value.__closure__ or ())]
        elif hasattr(value, "co_consts"):
            todo.extend(value.co_consts)
    return found


def declared(rule):
    return {
        "docstring": rule.docstring,
        "file": Path(rule.snakefile).name,
        "input": named(rule.input),
        "unpacked": unpacked(rule.input),
        "output": named(rule.output),
        "params": named(rule.params),
        "log": [str(path) for path in rule.log],
        "benchmark": str(rule.benchmark or ""),
        "script": str(rule.script or ""),
        "runs": bool(rule.script or rule.shellcmd),
        "conda": Path(str(rule.conda_env or "")).name,
        "resources": {
            name: None if value.is_evaluable() else value.value
            for name, value in rule.resources.items()
        },
    }


if __name__ == "__main__":
    from snakemake.api import SnakemakeApi
    from snakemake.settings.types import ConfigSettings, OutputSettings, ResourceSettings

    with SnakemakeApi(OutputSettings()) as api:
        parsed = api.workflow(
            resource_settings=ResourceSettings(),
            config_settings=ConfigSettings(configfiles=[Path(sys.argv[1]).resolve()]),
            snakefile=SNAKEFILE,
        )
        rules = {rule.name: declared(rule) for rule in parsed._workflow.rules}
    modules = sorted({name.partition(".")[0] for name in sys.modules})
    sys.stdout.write(json.dumps({"rules": rules, "modules": modules}) + "\n")
