"""The ways of packets: which must lead to a service, by which name, port and payload, and which must lead nowhere."""
