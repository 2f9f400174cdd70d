"""What a step reads of a mapping that its script hands on as a whole, such as `dict(snakemake.input)`."""

import ast
import re
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[3] / "workflow" / "scripts"


class Keys:
    """Names that are read for sure, patterns of those that may be, and whether all of them are gone through."""

    def __init__(self):
        self.sure, self.patterns, self.whole = set(), set(), False

    def may_hold(self, name):
        return name in self.sure or any(re.fullmatch(one, name) for one in self.patterns)


class Module:
    """The functions, classes and imports of one file of the package."""

    def __init__(self, name):
        self.path = PACKAGE / f"{name.replace('.', '/')}.py"
        self.name, self.tree = name, ast.parse(self.path.read_text())
        self.defined = {one.name: one for one in self.tree.body if hasattr(one, "name")}
        self.constants = {
            target.id: one.value
            for one in self.tree.body
            if isinstance(one, ast.Assign)
            for target in one.targets
            if isinstance(target, ast.Name)
        }

    def found(self, name):
        """The module and the definition of a function or class of this name; none if it is not the package's."""
        if name in self.defined:
            return self, self.defined[name]
        for one in ast.walk(self.tree):
            if isinstance(one, ast.ImportFrom) and name in {alias.name for alias in one.names}:
                above = self.name.split(".")[: -one.level] if one.level else []
                module = ".".join([*above, *([one.module] if one.module else [])])
                if (PACKAGE / f"{module.replace('.', '/')}.py").is_file():
                    return Module(module).found(name)
        return None


def keys_of(script, section):
    """What the step that a script calls reads of a section that is handed on to it; None where none is."""
    tree, module = ast.parse(script.read_text()), Module.__new__(Module)
    module.name, module.tree, module.defined, module.constants = "", tree, {}, {}
    keys = Keys()
    handed = _follow(
        module, tree, lambda node: ast.unparse(node) == f"dict(snakemake.{section})", keys, set()
    )
    return keys if handed else None


def _follow(module, scope, is_mapping, keys, seen):
    """Note what is read of a mapping inside a scope and in whatever it is handed to; True if it is handed on."""
    handed = False
    for node in ast.walk(scope):
        if isinstance(node, ast.Subscript) and is_mapping(node.value):
            _note(module, scope, node.slice, keys)
        elif isinstance(node, ast.Attribute) and is_mapping(node.value) and node.attr != "get":
            keys.whole = True
        elif isinstance(node, ast.Call):
            if isinstance(node.func, ast.Attribute) and is_mapping(node.func.value):
                _note(module, scope, node.args[0] if node.args else None, keys)
            named = [(one.arg, one.value) for one in node.keywords]
            for place, value in [*enumerate(node.args), *named]:
                if is_mapping(value):
                    handed = True
                    _into(module.found(getattr(node.func, "id", "")), place, keys, seen)
    return handed


def _into(found, place, keys, seen):
    """Go on inside a function or a constructor, by the place or the name of the argument."""
    if found is None or place is None:  # another library's, or `**mapping`
        keys.whole = True
        return
    module, function = found
    if isinstance(function, ast.ClassDef):
        function = next(one for one in function.body if getattr(one, "name", "") == "__init__")
        place = place + 1 if isinstance(place, int) else place
    name = function.args.args[place].arg if isinstance(place, int) else place
    if (function, name) not in seen:
        seen.add((function, name))
        _follow(
            module,
            function,
            lambda node: isinstance(node, ast.Name) and node.id == name,
            keys,
            seen,
        )


def _note(module, scope, key, keys):
    if isinstance(key, ast.Constant):
        keys.sure.add(key.value)
    elif isinstance(key, ast.JoinedStr):
        parts = [
            re.escape(one.value) if isinstance(one, ast.Constant) else ".*" for one in key.values
        ]
        keys.patterns.add("".join(parts))
    elif isinstance(
        key, ast.Name
    ):  # one of the texts that stand in the function, or in its constants
        names = {node.id for node in ast.walk(scope) if isinstance(node, ast.Name)}
        for part in [scope, *(value for name, value in module.constants.items() if name in names)]:
            texts = (node.value for node in ast.walk(part) if isinstance(node, ast.Constant))
            keys.patterns |= {re.escape(text) for text in texts if isinstance(text, str)}
    else:
        keys.whole = True
