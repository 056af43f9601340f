"""Click commands: parse, call one workflow, print, exit with its code."""
