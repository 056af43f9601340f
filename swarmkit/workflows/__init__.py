"""What the tool does, each workflow readable as a short list of calls."""
