"""The command line's verb: doctor."""

from __future__ import annotations

import sys

import click


@click.command()
@click.option("--target", default=None, help="live, sim or a URL; without it KUCOIN_STREAM_TARGET, or KuCoin")
@click.option("--region", default="global", show_default=True, help="global, EU or AU")
@click.option("--json", "as_json", is_flag=True, help="for programs")
def doctor(target: str | None, region: str, as_json: bool) -> None:
    """Say what works between here and the exchange, as text for a bug report; exits with 1 where something is bad."""
    from kucoin_stream.diagnosis.doctor import doctor as examine

    report = examine(target, region=region)
    click.echo(report.json() if as_json else repr(report))
    if not report.ok:
        sys.exit(1)
