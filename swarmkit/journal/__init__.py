"""What runs did, kept on the operator's machine as they went on: JSON lines, a file a run, no secrets."""
