"""From a sheet to records: mapped columns, a preview with every problem, a commit as one batch that can be undone.

The walk: ``mapping.open(file)`` gives a Sheet, ``propose`` a first Mapping from its headers; ``preview`` judges every
row and writes nothing; ``commit`` writes the good rows as one batch; ``undo`` takes it back. ``recover`` ends what a
killed process left. The other way: ``export`` and ``template``.
"""

from repository.importer.batch import NotUndone, Unconfirmed, commit, preview, recover, undo
from repository.importer.chunks import Outdated, TooWide
from repository.importer.exports import export, template
from repository.importer.flight import Busy, Superseded
from repository.importer.kept import (
    BatchKind,
    BatchStatus,
    ImportBatch,
    LeftAlone,
    SavedMapping,
    Why,
    batches,
    importable,
    save_mapping,
    saved_mappings,
    sheet_records,
)
from repository.importer.mapping import (
    ID,
    UNKNOWN_NAME,
    BadMapping,
    Column,
    Mapping,
    Target,
    example_of,
    fields_of,
    likeliest,
    propose,
)
from repository.importer.preparing import Change, Counts, Earlier, Preview, Problem
from repository.importer.sheets import BadSheet, Row, Sheet, guarded
from repository.store import LEDGER

__all__ = [
    "ID",
    "LEDGER",
    "UNKNOWN_NAME",
    "BadMapping",
    "BadSheet",
    "BatchKind",
    "BatchStatus",
    "Busy",
    "Change",
    "Column",
    "Counts",
    "Earlier",
    "ImportBatch",
    "LeftAlone",
    "Mapping",
    "NotUndone",
    "Outdated",
    "Preview",
    "Problem",
    "Row",
    "SavedMapping",
    "Sheet",
    "Superseded",
    "Target",
    "TooWide",
    "Unconfirmed",
    "Why",
    "batches",
    "commit",
    "example_of",
    "export",
    "fields_of",
    "guarded",
    "importable",
    "preview",
    "likeliest",
    "propose",
    "recover",
    "save_mapping",
    "saved_mappings",
    "sheet_records",
    "template",
    "undo",
]
