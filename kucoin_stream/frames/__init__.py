"""Live pandas DataFrames."""
