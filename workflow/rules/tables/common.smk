# What the rules of tables of labels ask the config. Functions only.


def table_files(wildcards):
    """The manifest, the hierarchies and the population of a table as inputs; all that are missing are named at once."""
    part, where = entry("tables", wildcards.name), f"config tables.{wildcards.name}"
    quasi = part["quasi_identifiers"].items()
    hierarchies = {column: settings["file"] for column, settings in quasi if settings["file"]}
    named = {"manifest": part["source"]["manifest"], "population": part["population"]}
    named = {f"{where}.{key}": path for key, path in named.items() if path}
    named |= {f"{where}.quasi_identifiers.{column}": path for column, path in hierarchies.items()}
    problems = Problems()
    for place, path in named.items():
        if not Path(data(path)).is_file():
            problems.add(place, f"no file {data(path)}", "check it, data_root and AVATARFLOW_DATA")
    problems.raise_if_any()
    inputs = {"hierarchies": [data(path) for path in hierarchies.values()]} if hierarchies else {}
    for key, path in (("manifest", part["source"]["manifest"]), ("population", part["population"])):
        inputs |= {key: data(path)} if path else {}
    return inputs


def table_settings(wildcards):
    """The entry without paths but that of the ledger, which is checked, and the seed."""
    part = entry("tables", wildcards.name)
    if part["marginals"]:
        from avatarflow.tables.marginals.ledger import check_ledger

        check_ledger(
            part["marginals"]["ledger"], f"config tables.{wildcards.name}.marginals.ledger"
        )
    settings = {key: value for key, value in part.items() if key not in ("key_file", "population")}
    source = {**part["source"], "manifest": part["source"]["manifest"] is not None or None}
    quasi = {
        column: {**settings, "file": bool(settings["file"])}
        for column, settings in part["quasi_identifiers"].items()
    }
    return {**settings, "source": source, "quasi_identifiers": quasi, "seed": config["seed"]}


def table_key(wildcards):
    """A params function: where the key of pseudonyms lies, checked, and which one it is; a new one makes the table again."""
    path = entry("tables", wildcards.name)["key_file"]
    if path is None:
        return {}
    from avatarflow.tables.pseudonyms import fingerprint, read_key

    key = read_key(path, f"config tables.{wildcards.name}.key_file")
    return {"path": path, "fingerprint": fingerprint(key)}
