"""The built-in exchange as a load: messages made beforehand, sent as fast as a client reads, or at a rate."""
