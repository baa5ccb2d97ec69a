"""Reminders to staff: made as rows by what is due (`reminders`), sent as notices to those who are to have them."""
