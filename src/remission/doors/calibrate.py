"""`remission calibrate`: fit the parameters to what was published."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from remission.inference.calibration import Posterior, Settings


@click.command(name="calibrate")
@click.option(
    "--out",
    "directory",
    default="out/calibration",
    show_default=True,
    help="Directory for the fit and its checkpoints.",
)
@click.option(
    "--draws", type=click.IntRange(1, 100_000), default=None, help="Parameter draws to keep.  [default: 1000]"
)
@click.option(
    "--seed", type=click.IntRange(0, 2**32 - 1), default=1, show_default=True, help="Seed of all random numbers."
)
@click.option("--without", multiple=True, metavar="TRIAL", help="Leave out this trial (may be repeated).")
@click.option("--fast", is_flag=True, help="Small sizes, to try things out; never to be released.")
@click.option(
    "--resume", is_flag=True, help="Go on with the fit in the directory; it ends as if it had never been stopped."
)
@click.option(
    "--checks", is_flag=True, help="Also: simulation-based calibration, recovery, and agreement with a second method."
)
@click.option(
    "--release", "name", default=None, metavar="NAME", help="Put the posterior into the catalog under this name."
)
@click.option(
    "--renew", "renewed", default=None, metavar="NAME",
    help="Fit nothing: if today's program simulates what it did when this posterior was made, say so in its manifest.",
)  # fmt: skip
@click.option(
    "--threads", type=click.IntRange(1, 1024), default=None, help="Threads to use; the result does not depend on it."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(
    directory: str,
    draws: int | None,
    seed: int,
    without: tuple[str, ...],
    fast: bool,
    resume: bool,
    checks: bool,
    name: str | None,
    renewed: str | None,
    threads: int | None,
    as_json: bool,
) -> None:
    """Fit the parameters to every published result that may inform them.

    Simulates, trains an emulator, samples the posterior, and corrects it by the simulator. Writes the posterior (manifest, draws,
    diagnostics) and the chains to the directory; `--draws DIRECTORY/posterior` uses it elsewhere. Needs the extra `calibrate`.
    """
    from remission.base import catalog, files
    from remission.base.errors import UsageError

    if renewed is not None:
        _renew(renewed, as_json)
        return
    for trial in without:
        catalog.path("trials", trial)
    if name is not None and (fast or without):
        raise UsageError(
            "this fit cannot be released",
            where="--release",
            why="it is small" if fast else "it leaves out trials",
            fix="fit all results at full size",
        )
    files.check_writable(directory)

    from remission.doors._progress import bar
    from remission.inference.calibration import fit, load_targets

    targets = load_targets().keep(without=without)
    with bar("calibrate") as tell:
        found = fit(targets, _settings(fast, seed, draws), directory, tell, resume=resume, threads=threads)
        checked = _check(found, directory, tell, threads) if checks else None
        tell("writing the posterior", 1.0)
        places = _write(found, directory, name, checked)
    _show(found, places, checked, as_json)


def _renew(name: str, as_json: bool) -> None:
    """Today's hashes for a posterior whose simulations have not changed."""
    from remission.base.errors import UsageError
    from remission.inference.calibration import renew

    if not renew(name):
        raise UsageError(
            f"the simulator no longer says what it said when '{name}' was made",
            where="--renew",
            why="the program, the catalog or the results that calibrate have changed in what they mean",
            fix="fit again: remission calibrate --release NAME",
        )
    click.echo(json.dumps({"renewed": name}) if as_json else f"{name}: simulates as when it was made; hashes renewed.")


def _settings(fast: bool, seed: int, draws: int | None) -> Settings:
    from dataclasses import replace

    from remission.inference.calibration import FAST, Settings

    base = FAST if fast else Settings()
    return replace(base, seed=seed, released=draws or base.released)


def _check(found: Posterior, directory: str, tell: Any, threads: int | None) -> dict[str, Any]:
    """Simulation-based calibration, recovery with ten times the patients, and a second method on a few parameters. Each is kept in
    the directory as soon as it is done."""
    from functools import partial
    from pathlib import Path

    from remission.base import files
    from remission.inference.calibration import agree, calibrate_by_simulation

    seed, place = found.settings.seed, Path(directory) / "checks.json"
    done: dict[str, Any] = json.loads(place.read_text(encoding="utf-8")) if place.is_file() else {}
    checks: dict[str, Callable[[Callable[[float], None]], dict[str, Any]]] = {
        "simulation_based": lambda tell: calibrate_by_simulation(found, seed=seed, threads=threads, progress=tell),
        "recovery": lambda tell: calibrate_by_simulation(
            found, sets=40, seed=seed, scale=10.0, threads=threads, progress=tell
        ),
        "agreement": lambda tell: agree(found, seed=seed, threads=threads, progress=tell),
    }
    for name, check in checks.items():
        if name not in done:
            done[name] = check(partial(tell, name.replace("_", " ")))
            files.write_text(place, json.dumps(done))
    return done


def _write(found: Posterior, directory: str, name: str | None, checked: dict[str, Any] | None) -> list[str]:
    """The posterior in the directory, and in the catalog if it is released; returns both places."""
    import shlex
    import sys
    from pathlib import Path

    from remission.base import catalog, files
    from remission.inference.calibration import release, write_netcdf

    typed = shlex.join(["remission", *sys.argv[1:]]) if "calibrate" in sys.argv else "remission calibrate"
    places = [Path(directory) / "posterior"]
    if name is not None:
        places.append(catalog.root() / "posteriors" / name)
    for place in places:
        release(found, place, name or Path(directory).resolve().name, checked, typed)
    write_netcdf(found, Path(directory) / "chains.nc")
    return [files.shown_path(place) for place in places]


def _show(found: Posterior, places: list[str], checked: dict[str, Any] | None, as_json: bool) -> None:
    from remission.doors import NOTICE

    for sentence in found.complaints:
        click.echo(f"warning: {sentence}", err=True)
    if as_json:
        answer = {
            "summary": found.summary,
            "complaints": found.complaints,
            "parameters": found.parameters,
            "targets": found.rows,
            "checks": checked,
            "seconds": found.seconds,
            "places": places,
            "notice": NOTICE,
        }
        click.echo(json.dumps(answer, ensure_ascii=False))
        return
    s = found.summary
    click.echo(
        f"{s['targets']} results fitted; {s['parameters']} parameters: {s['learned']} learned, {s['partly_learned']} partly, "
        f"{s['not_learned']} not"
    )
    for row in sorted(found.parameters, key=lambda row: float(row["ratio"])):
        if row["verdict"] != "not learned":
            after, before = row["posterior"], row["prior"]
            click.echo(
                f"  {row['parameter']:34s} {after['median']:.3g} ({after['lo90']:.3g} to {after['hi90']:.3g}), prior "
                f"{before['median']:.3g} ({before['lo90']:.3g} to {before['hi90']:.3g}); {row['verdict']}"
            )
    samples = min(s["ess_bulk_min"], s["ess_tail_min"])
    click.echo(
        f"R-hat at most {s['rhat_max']:.3f}, effective samples at least {samples}, {s['divergences']} divergences"
    )
    click.echo(
        f"emulator error {s['emulator_error_median']:.3f} on the logit, Pareto k {s['pareto_k']:.2f}, "
        f"{s['checked']} draws simulated again, weighted by the {s['weighted_by']}"
    )
    click.echo(f"{sum(found.seconds.values()) / 60:.0f} min; written: {', '.join(places)}. {NOTICE}")
