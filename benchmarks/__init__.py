"""What the way of a message costs. ``python -m benchmarks`` from the root of the repository; see README.md."""
