"""Bounded templates for people who are trusted with words, not with the machine."""

from campaigns.sandbox.environment import BoundedTemplate, compile_template
from campaigns.sandbox.filters import swedish_date

__all__ = ["BoundedTemplate", "compile_template", "swedish_date"]
