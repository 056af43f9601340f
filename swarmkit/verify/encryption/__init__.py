"""The proof of encryption: in the kernels, in the firewalls, on the wire, and against frames sent in clear."""
