"""Programs that the outbox is held against. They run in the bench's own environment and know nothing of ours."""

NAME_OF_TICKS = "RIVAL_TICKS"  # the environment variable with the file that every job adds a byte to
JOBS = 5000
