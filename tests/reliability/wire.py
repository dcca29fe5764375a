"""What goes over the line to the server, looked at command by command."""

from collections import Counter
from typing import Any

from pymongo import monitoring

CHANGING = frozenset(
    {"insert", "update", "delete", "findAndModify", "commitTransaction", "create", "createIndexes", "collMod"}
    | {"drop", "dropDatabase", "dropIndexes", "renameCollection", "bulkWrite"}
)
_BARE = {"collMod", "$db", "lsid", "$clusterTime", "$readPreference", "maxTimeMS"}
PROBE = "restoring.probe"  # a restore finds out with it whether it may drop and rename


class Wire(monitoring.CommandListener):
    """Counts what changes something, and keeps what would be acknowledged before a majority has it in the journal.

    Inside a transaction nothing is acknowledged for good: there its commit is what counts.
    """

    def __init__(self) -> None:
        self.path = ""  # whose doing the next commands are
        self.asked: Counter[str] = Counter()
        self.paths: set[str] = set()
        self.hasty: set[str] = set()

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        """One command on its way."""
        name, command = event.command_name, event.command
        out = any(stage.keys() & {"$out", "$merge"} for stage in command.get("pipeline", ()) if hasattr(stage, "keys"))
        if not (name in CHANGING or out):
            return
        if name != "commitTransaction" and command.get("autocommit") is False:
            if command.get("upsert") or any(one.get("upsert") for one in command.get("updates", ())):
                self.hasty.add(f"{self.path}: an upsert in a transaction")  # CVE-2025-10060
            return
        if not command.keys() - _BARE or PROBE in str(command[name]):
            return  # asks whether it may, or waits for its turn, and changes nothing
        self.asked[name] += 1
        self.paths.add(self.path)
        wanted: Any = command.get("writeConcern", {})
        if (wanted.get("w"), wanted.get("j")) != ("majority", True):
            self.hasty.add(f"{self.path}: {name} {command[name]}")

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        """Nothing to see."""

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        """Nothing to see."""
