"""The rows of the catalogue, by family: what a topic is, is written there and nowhere else."""
