"""Plans, progress and findings as text and JSON. The only colours."""
