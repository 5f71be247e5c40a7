"""How many shards the durable state of this application has, and that this never changes by itself.

Reboot divides an application's state into shards and gives each server process some of them. Its
number is 16,384. At every start its database looks for the shard of each idempotency record that
was ever kept, by going through the shards one after the other, so a restart would get slower with
every call ever made. With 64 that search takes next to nothing. 64 is also enough: a server process
has at least one shard, and we start at most 32.

The number is a property of the state. A database that was made with another one ends the process
with an abort of native code. So the number is written into the state's folder before the database
is made, and read at every start. A state without that file is of an earlier release and has
Reboot's number, until `scripts/reshard.py` has carried it over.

On Reboot Cloud the database is elsewhere and has been made by others, so Reboot's number stays.
"""

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from gist_mcp.errors import ConfigError
from gist_mcp.framework.private_names import (
    DATABASE_FOLDER,
    ENVVAR_RBT_STATE_DIRECTORY,
    ENVVAR_REBOOT_CLOUD_DATABASE_ADDRESS,
    NUMBERS_OF_SHARDS,
    OWN_NUMBER_OF_SHARDS,
    STOCK_NUMBER_OF_SHARDS,
    shards,
)

logger = logging.getLogger(__name__)

RESHARDING_MARKER: Final = "resharding"
"""In the state's folder while `reshard.py` works on it, and after it was interrupted."""

NUMBER_FILE: Final = "number_of_shards"
"""In the state's folder, beside Reboot's database: the number in decimal digits, and a newline."""


def use_shards_of_the_state(environ: Mapping[str, str]) -> None:
    """From now on this process makes as many shards as the state has that it is to open.

    Call it before the `Application` is made: that opens the database. The server processes get
    their shards from the process that starts them. For a new state the number is chosen and
    recorded. Raises `ConfigError` if the record cannot be read or written, or if the state is just
    being given another number.
    """
    folder = state_folder(environ)
    if folder is None:
        return
    if (folder / RESHARDING_MARKER).exists():
        text = f"{folder} is being resharded; run `python scripts/reshard.py {folder}` to its end"
        raise ConfigError(ENVVAR_RBT_STATE_DIRECTORY, text)
    number = number_of_shards(folder)
    if number is None:
        number = OWN_NUMBER_OF_SHARDS
        record_number_of_shards(folder, number)
    elif number == STOCK_NUMBER_OF_SHARDS:
        logger.warning(
            "the state in %s has %d shards, with which restarts get slower with every call; "
            "stop the server and run `python scripts/reshard.py %s` to change that",
            folder,
            number,
            folder,
        )
    use_number_of_shards(number)


def state_folder(environ: Mapping[str, str]) -> Path | None:
    """The folder of the state, or `None` where the database is not on this machine."""
    name = environ.get(ENVVAR_RBT_STATE_DIRECTORY)
    if not name or ENVVAR_REBOOT_CLOUD_DATABASE_ADDRESS in environ:
        return None
    return Path(name)


def number_of_shards(folder: Path) -> int | None:
    """How many shards the state in a folder has, or `None` if there is no state yet.

    Raises `ConfigError` for a record that we did not write.
    """
    try:
        recorded = (folder / NUMBER_FILE).read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return STOCK_NUMBER_OF_SHARDS if has_database(folder) else None
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(folder, str(error)) from None
    if recorded not in map(str, NUMBERS_OF_SHARDS):
        raise _unreadable(folder, f"{recorded[:20]!r} is no number of shards that is known")
    return int(recorded)


def has_database(folder: Path) -> bool:
    """True if Reboot has begun a database in the folder of a state."""
    try:
        return any((folder / DATABASE_FOLDER).iterdir())
    except FileNotFoundError:
        return False


def record_number_of_shards(folder: Path, number: int) -> None:
    """Writes the number into the folder of a state, and waits until it is on disk.

    Raises `ConfigError`.
    """
    # Under another name first: after a crash there is the whole record or none.
    unfinished = folder / f"{NUMBER_FILE}.unfinished"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with unfinished.open("w", encoding="ascii") as file:
            file.write(f"{number}\n")
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(folder / NUMBER_FILE)
        keep_names(folder)
    except OSError as error:
        text = f"cannot write {NUMBER_FILE} in {folder}: {error.strerror}"
        raise ConfigError(ENVVAR_RBT_STATE_DIRECTORY, text) from None


def keep_names(folder: Path) -> None:
    """Waits until the names of the files in a folder are on disk. Raises `OSError`."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def use_number_of_shards(number: int) -> None:
    """From now on this process makes so many shards."""
    shards.NUM_SHARDS = number


def _unreadable(folder: Path, reason: str) -> ConfigError:
    text = f"cannot read {NUMBER_FILE} in {folder}: {reason}"
    return ConfigError(ENVVAR_RBT_STATE_DIRECTORY, text)
