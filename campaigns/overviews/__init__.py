"""What pages show: read from the rows, as values that a template can show as they are."""
