"""What the operator wrote: inventory and stack files as typed models. Reads files, contacts nothing."""
