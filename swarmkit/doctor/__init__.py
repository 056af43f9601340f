"""Checks before: what will break, found before it breaks. One producer a subject, one stable code a hazard."""
