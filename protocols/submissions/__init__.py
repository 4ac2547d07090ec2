"""One submission format, one file, with the name of the protocol it `SERVES` and a function `files`.

`files(outcomes, protocol)` returns path below the output folder -> bytes. `outcomes` holds one row per test
clip of one model and seed, sorted by clip_id: text columns `clip_id, label, fold, part, predicted`, and the
int column `sheet_row` if the clip table was given. A format that needs that column raises InputError without.
"""

from types import ModuleType

from contracts.errors import InputError
from protocols import registry
from protocols.base import Protocol


def list_formats() -> list[str]:
    """Names of all submission formats, in alphabetical order."""
    return registry.names(__name__)


def get_format(name: str | None, protocol: Protocol) -> ModuleType:
    """The format of this name, or for None the one that serves `protocol`.

    Raises:
        InputError: no such format, it serves another protocol, or none serves this one; names the right one.
    """
    formats = {one: registry.load(__name__, one, kind="submission format") for one in list_formats()}
    fitting = {one: module for one, module in formats.items() if protocol.name == module.SERVES}
    if name is None:
        if not fitting:
            offered = ", ".join(f"{one} (of {module.SERVES})" for one, module in formats.items())
            raise InputError(
                f"protocol {protocol.name} has no submission format",
                cure=f"submit the protocol of one of {offered}",
            )
        return next(iter(fitting.values()))
    module = registry.load(__name__, name, kind="submission format")
    if name not in fitting:
        own = f"--format {next(iter(fitting))} or " if fitting else ""
        raise InputError(
            f"submission format {name} is for protocol {module.SERVES}, not for {protocol.name}",
            cure=f"use {own}--protocol {module.SERVES}",
        )
    return module
