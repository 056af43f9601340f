"""Which rule of a host's own drops a packet, of whatever table: INPUT is one of many places."""
