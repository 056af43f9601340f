"""Proofs of state: what is declared against what is live, and what is left over; pure."""
