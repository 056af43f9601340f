"""Proofs after the fact: state, reachability, published ports, encryption, a stable code each. Never writes."""
