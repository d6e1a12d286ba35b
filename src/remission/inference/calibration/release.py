"""Writing a fit so that others can use it: the folder that `engine.load_draws` reads, and ArviZ's format."""

from __future__ import annotations

import json
import platform
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

import remission
from remission.base import files
from remission.base.errors import UsageError
from remission.base.hashing import digest
from remission.base.random import Floats
from remission.engine import Draws
from remission.engine.posterior import DIAGNOSTICS, DRAWS, MANIFEST, hashes, load_draws, posterior_folder, read_manifest
from remission.inference.calibration.fit import Posterior
from remission.inference.calibration.libraries import library
from remission.inference.calibration.simulator import readings
from remission.inference.calibration.targets import Targets, load_targets

DIGITS = 9
PROBED, PROBE_PATIENTS = 25, 200  # draws and virtual patients behind a fingerprint


def release(
    source: Posterior, directory: str | Path, name: str, checks: Mapping[str, Any] | None = None, command: str = ""
) -> Path:
    """Write manifest, draws and diagnostics to `directory` (all or nothing); returns it."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", name):
        raise UsageError(
            f"'{name[:40]}' cannot name a posterior", where="--name", fix="use letters, digits, '.', '_' and '-'"
        )
    diagnostics = {
        "summary": source.summary,
        "complaints": source.complaints,
        "parameters": source.parameters,
        "targets": source.rows,
        "left_out": [{"row": row, "reason": reason} for row, reason in source.targets.left_out],
        **({"checks": dict(checks)} if checks else {}),
    }
    files.write_directory(
        directory,
        {
            DRAWS: draws_text(source),
            DIAGNOSTICS: yaml_text(diagnostics),
            MANIFEST: yaml_text(manifest_of(source, name, command)),
        },
    )
    return Path(directory)


def draws_text(source: Posterior) -> str:
    """The draws as comma-separated text: one column per estimated parameter, 9 significant digits."""
    draws = source.draws()
    columns = [draws.names.index(name) for name in source.space.names]
    lines = [",".join(f"{value:.{DIGITS}g}" for value in row) for row in draws.values[:, columns]]
    return ",".join(source.space.names) + "\n" + "\n".join(lines) + "\n"


def manifest_of(source: Posterior, name: str, command: str = "") -> dict[str, Any]:
    """What the posterior was made from."""
    draws = source.draws()
    free = set(source.space.names)
    return {
        "name": name,
        "made": datetime.now(UTC).strftime("%Y-%m-%d"),
        "version": remission.__version__,
        "draws": len(draws),
        "seed": source.settings.seed,
        "fixed": {n: float(v) for n, v in zip(draws.names, draws.values[0], strict=True) if n not in free},
        "hashes": dict(hashes()),
        "fingerprint": fingerprint(as_written(draws), source.targets),
        "evidence": evidence_of(source.targets),
        "settings": source.settings.to_dict(),
        "seconds": source.seconds,
        "summary": source.summary,
        "machine": f"{platform.machine()}, Python {platform.python_version()}, {_versions()}",
        "command": command,
    }


def as_written(draws: Draws) -> Draws:
    """Draws with the digits that their file keeps."""
    values = np.array([[float(f"{value:.{DIGITS}g}") for value in row] for row in draws.values[:PROBED]])
    return Draws(draws.name, tuple(range(len(values))), draws.names, values)


def fingerprint(draws: Draws, targets: Targets) -> str:
    """Hash of what the simulator says of every target at the first draws: two programs that share it simulate the same."""
    first = draws.part(0, min(PROBED, len(draws)))
    said = readings(targets, first, PROBE_PATIENTS, 0).share
    return digest([[None if np.isnan(share) else round(float(share), 9) for share in row] for row in said])


def renew(name: str) -> bool:
    """Whether today's program and catalog simulate what they did when a posterior was made; then its manifest gets today's hashes.

    For changes that cannot move a number: a comment, a faster kernel, a word in a protocol. Raises NotFound, or UsageError where a
    parameter has come or gone.
    """
    folder = posterior_folder(name)
    manifest = read_manifest(folder)
    draws = load_draws(name, manifest.draws)
    known = {item for item in draws.names if item not in manifest.fixed}
    columns = set((folder / DRAWS).read_text(encoding="ascii").split("\n", 1)[0].split(","))
    if known != columns or set(draws.names) != columns | set(manifest.fixed):
        raise UsageError(
            f"'{manifest.name}' has other parameters than today's model",
            where="--renew",
            why=", ".join(sorted(set(draws.names) ^ (columns | set(manifest.fixed)))),
            fix="fit again",
        )
    targets = load_targets(manifest.evidence["trials"])
    if manifest.evidence.get("digest") != targets.digest or fingerprint(draws, targets) != manifest.fingerprint:
        return False
    files.write_text(folder / MANIFEST, yaml_text({**manifest.model_dump(), "hashes": dict(hashes())}))
    return True


def evidence_of(targets: Targets) -> dict[str, Any]:
    """Which results were fitted: their number and hash."""
    return {"digest": targets.digest, "results": len(targets), "trials": list(targets.trials)}


def _versions() -> str:
    from importlib.metadata import version

    return ", ".join(f"{name} {version(name)}" for name in ("numpy", "llvmlite", "jax", "numpyro"))


def stale_evidence(name: str) -> tuple[str, ...]:
    """What has changed in the results that a posterior was fitted to; empty when nothing has."""
    manifest = read_manifest(posterior_folder(name))
    if manifest.evidence.get("digest") == load_targets().digest:
        return ()
    return (f"results that calibrate changed since the posterior '{manifest.name}' was made",)


def yaml_text(value: Any) -> str:
    """Plain data as YAML: mappings and lists in blocks, innermost ones on one line."""
    return "\n".join(_lines(value, 0)) + "\n"


def _lines(value: Any, depth: int) -> list[str]:
    pad = "  " * depth
    if isinstance(value, Mapping):
        found = []
        for key, item in value.items():
            if _nested(item):
                found += [f"{pad}{_key(key)}:", *_lines(item, depth + 1)]
            else:
                found.append(f"{pad}{_key(key)}: {_flow(item)}")
        return found
    return [f"{pad}- {_flow(item)}" for item in value]


def _nested(value: Any) -> bool:
    """Whether a value is written over several lines."""
    if isinstance(value, Mapping):
        return bool(value) and (len(value) > 6 or any(isinstance(v, (Mapping, list, tuple)) for v in value.values()))
    return isinstance(value, (list, tuple)) and any(isinstance(v, Mapping) for v in value)


def _key(key: Any) -> str:
    text = str(key)
    return text if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.-]*", text) else json.dumps(text)


def _flow(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_key(k)}: {_flow(v)}" for k, v in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_flow(v) for v in value) + "]"
    if isinstance(value, (bool, int)) or value is None:
        return json.dumps(value)
    if isinstance(value, float):
        return repr(value) if np.isfinite(value) else "null"
    return json.dumps(str(value), ensure_ascii=False)


def to_arviz(source: Posterior | str) -> Any:
    """ArviZ's InferenceData: of a fit (chains, sampler statistics, log-likelihood of each row, observed data), or of the draws of
    a posterior by its name or folder (one chain)."""
    arviz = library("arviz")
    if isinstance(source, str):
        manifest = read_manifest(posterior_folder(source))
        draws = load_draws(source, manifest.draws)
        posterior = {name: draws.values[None, :, k] for k, name in enumerate(draws.names) if name not in manifest.fixed}
        return arviz.from_dict(posterior=posterior)
    chains, space = source.chains, source.space
    values = _by_name(source, chains.z)
    eta = source.emulator.logits(chains.z)
    return arviz.from_dict(
        posterior=values,
        sample_stats={"diverging": chains.diverging, "lp": chains.log_likelihood, "n_steps": chains.steps},
        log_likelihood={"targets": _pointwise(source, eta)},
        observed_data={"published": np.array([row.value for row in source.targets.rows])},
        prior=_by_name(source, space.prior(1000, source.settings.seed, 0)[None]),
        coords={"row": list(source.targets.keys)},
        dims={"targets": ["row"], "published": ["row"]},
    )


def _by_name(source: Posterior, z: Floats) -> dict[str, Floats]:
    flat = z.reshape(-1, z.shape[-1])
    draws = source.space.draws(np.asarray(flat, np.float64), range(len(flat)))
    free = source.space.names
    return {name: draws.values[:, draws.names.index(name)].reshape(z.shape[:-1]) for name in free}


def _pointwise(source: Posterior, eta: Floats) -> Floats:
    from remission.inference.calibration.likelihood import by_row, data_of, shift

    chains, data = source.chains, data_of(source.targets)
    moved = shift(source.space.discrepancy(chains.z), chains.arm, chains.own, data, source.emulator.error)
    return by_row(eta + moved, data)


def write_netcdf(source: Posterior, path: str | Path) -> None:
    """The chains as netCDF, which ArviZ, xarray and R read."""
    to_arviz(source).to_netcdf(str(path), engine="h5netcdf")
