"""The catalogue's rows by name."""

from collections.abc import Callable

from tests.benchmarks.stand import Report
from tests.reliability import arguments, durability, editors, inputs, load, replicas, reports, starts

Run = Callable[[Report, bool], None]

ROWS: dict[str, Run] = {
    "D1": durability.killed_again_and_again,
    "D2": durability.every_acknowledgement_is_in_the_journal,
    "D3": durability.the_disk_fills_up,
    "D4": starts.started_again_and_again,
    "D6": durability.stopped_under_load,
    "D7": durability.backups_under_writers,
    "D9": durability.silent_for_a_while,
    "D10": durability.silent_at_a_commit,
    "D11": durability.the_app_dies_in_a_transaction,
    "D8": replicas.members_come_and_go,
    "C1": editors.eight_on_one_order,
    "C3": editors.imports_that_are_killed,
    "I1": inputs.strange_excel_files,
    "I2": inputs.strange_texts,
    "I3": arguments.anything_for_every_argument,
    "I6": reports.hostile_reports,
    "L1": load.twenty_at_once,
    "L2": load.hours_of_five,
}
