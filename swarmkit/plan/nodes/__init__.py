"""A swarm's nodes: made, joined, relabelled, drained, replaced, and how many managers it can spare."""
