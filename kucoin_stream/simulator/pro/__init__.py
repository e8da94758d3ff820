"""The Pro push sockets (protocol.md 5.6 and 6): channels, sessions, and what they show of an instrument."""
