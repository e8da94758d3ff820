"""The tape: what came in, as it came in, written to a file and read again (``.kcs``)."""
