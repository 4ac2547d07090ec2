"""Check a configuration against its JSON schema, and say what was probably meant."""

import json
from pathlib import Path

import jsonschema

from contracts.errors import InputError, nearest


def check_config(config: dict, schema_file: str | Path, config_file: str | Path) -> None:
    """Raise for the first fault of `config`, naming file, key and cure.

    Unknown keys are looked for first, because a mistyped key also makes a required one missing.

    Raises:
        InputError: an unknown key (with the nearest known one), a missing key, or a value of the wrong kind.
    """
    schema = json.loads(Path(schema_file).read_text())
    faults = list(jsonschema.Draft202012Validator(schema).iter_errors(config))
    if not faults:
        return
    faults.sort(
        key=lambda fault: (fault.validator != "additionalProperties", list(map(str, fault.absolute_path)))
    )
    fault = faults[0]
    key = ".".join(map(str, fault.absolute_path))
    if fault.validator == "additionalProperties":
        known = fault.schema.get("properties", {})
        unknown = sorted(set(fault.instance) - set(known), key=str)[0]
        raise InputError(
            f"unknown key {unknown!r}: {nearest(unknown, known)}",
            file=config_file,
            clip=key or None,
            cure="correct or remove it; config/README.md lists every key",
        )
    text_wanted = fault.validator == "type" and fault.validator_value == "string"
    raise InputError(
        fault.message,
        file=config_file,
        clip=key or None,
        cure="put it in quotes: names and ids are text"
        if text_wanted and isinstance(fault.instance, int | float)
        else "see config/README.md for what is allowed",
    )
