"""The outbox and what empties it: claims with a lease and a fencing token, one try at a time, three outcomes."""
