"""What the pages show, read from the tables and the plan: one file per family of pages, each giving plain values."""
