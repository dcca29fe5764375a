"""From a sheet to records: mapped columns, a preview with every problem, a commit as one batch that can be undone."""
