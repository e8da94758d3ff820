"""``python -m kucoin_stream``: the command line."""

from kucoin_stream.cli import main

if __name__ == "__main__":
    main()
