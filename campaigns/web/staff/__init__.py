"""The pages for staff, one file per family. Each lists its pages in PAGES; `rooms` puts them together."""
