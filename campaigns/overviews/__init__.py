"""What pages show, read from the database: one file for each family of pages."""
