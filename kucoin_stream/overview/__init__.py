"""What runs, and how it fares: the tables behind ``ks.ps()`` and its kin."""
