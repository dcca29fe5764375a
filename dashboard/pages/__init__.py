"""One page per file; each is one function that reads as prose."""
