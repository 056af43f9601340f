"""Networks of a stack or by command: what is wished, where it clashes, and how it is made; and the addresses of all."""
