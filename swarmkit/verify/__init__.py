"""Proofs after the fact: reachability, encryption, state."""
