"""A review as files: PowerPoint, PDF and Excel, in the words of ``reading`` and the numbers of the review."""
