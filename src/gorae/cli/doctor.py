"""`gorae doctor`: versions, devices, workers, cache, extras."""

from importlib import import_module

import click

from gorae.cli.options import as_json, print_json


@click.command(short_help="Tell versions, devices, cache and extras.")
@as_json
def doctor(as_json: bool) -> None:
    """Tell versions, devices, cores, the compile cache and extras."""
    found = import_module("gorae.backend").diagnose()
    if as_json:
        print_json("gorae.doctor/1", found)
        return
    versions = ", ".join(f"{name} {version}" for name, version in found["versions"].items())
    click.echo(f"Python {found['python']} on {found['system']}; {versions}")
    for device in found["devices"]:
        budget = device["memory_budget"] / 1e9
        click.echo(f"device: {device['platform']} ({device['kind']}), training may hold {budget:.1f} GB")
    click.echo(f"cores: {found['cores']}; members train on {found['workers']} workers at a time")
    if found["processes"] > 1:
        click.echo(f"processes: {found['processes']}, which share the members of every population")
    cache = found["compile_cache"]
    state = f"{cache['programs']} programs, {cache['bytes'] / 1e6:.1f} MB" if cache["on"] else "off"
    click.echo(f"compile cache: {state}")
    extras = ", ".join(f"{name} {'yes' if there else 'no'}" for name, there in found["extras"].items())
    click.echo(f"extras: {extras}")
    for sentence in found["advice"]:
        click.echo(f"advice: {sentence}")
