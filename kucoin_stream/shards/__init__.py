"""Order books kept by the workers of a Dask cluster, and what one notebook sees of them all."""
