"""The model's parameters: their priors, and draws from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field, model_validator

from remission.base import catalog, files
from remission.base.errors import InvalidFile, Problem, UsageError
from remission.base.files import Model
from remission.base.hashing import digest
from remission.base.random import Floats, Stream, normals

Shape = Literal["lognormal", "logit-normal", "normal", "tanh-normal", "fixed"]


class Parameter(Model):
    """One parameter: name, unit, prior, where its prior comes from, and what it means."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    unit: str
    prior: dict[Shape, Any]
    basis: Literal["sourced", "fitted", "assumption"]
    about: str
    evidence: str

    @model_validator(mode="after")
    def _usable(self) -> Parameter:
        if len(self.prior) != 1:
            raise Problem("a prior names exactly one distribution", fix="write e.g. {lognormal: [0.05, 0.25]}")
        ((shape, numbers),) = self.prior.items()
        count = 1 if shape == "fixed" else 2
        values = [numbers] if shape == "fixed" else numbers
        if (
            not isinstance(values, (list, tuple))
            or len(values) != count
            or not all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in values)
        ):
            raise Problem(
                f"the prior '{shape}' needs {count} number{'s' * (count > 1)}",
                fix="write e.g. {lognormal: [0.05, 0.25]}",
            )
        if shape != "fixed" and values[1] <= 0:
            raise Problem("the spread of a prior must be positive", fix="use {fixed: value} for a known value")
        if (shape == "lognormal" and values[0] <= 0) or (shape == "logit-normal" and not 0 < values[0] < 1):
            raise Problem(f"{values[0]} cannot be the median of a {shape} prior", fix="correct the median")
        return self

    def value(self, z: Floats | float) -> Any:
        """The parameter at standard-normal coordinate(s) `z` of its prior."""
        ((shape, numbers),) = self.prior.items()
        if shape == "fixed":
            return np.asarray(numbers + 0.0 * np.asarray(z))
        middle, spread = float(numbers[0]), float(numbers[1])
        if shape == "lognormal":
            return middle * np.exp(spread * np.asarray(z))
        if shape == "logit-normal":
            return 1 / (1 + np.exp(-(np.log(middle / (1 - middle)) + spread * np.asarray(z))))
        return np.tanh(middle + spread * np.asarray(z)) if shape == "tanh-normal" else middle + spread * np.asarray(z)


@lru_cache(maxsize=1)
def load_parameters() -> tuple[Parameter, ...]:
    """All parameters of catalog/parameters.yaml in file order."""
    document = files.read(catalog.root() / "parameters.yaml")
    found: list[Parameter] = []
    for group, entries in document.data.items():
        for index in range(len(entries)):
            found.append(files.parse(document, Parameter, (group, index)))
            if found[-1].name in {other.name for other in found[:-1]}:
                raise InvalidFile(
                    f"the parameter '{found[-1].name}' stands twice",
                    where=document.where((group, index)),
                    fix="remove one",
                )
    return tuple(found)


@dataclass(frozen=True)
class Draws:
    """Parameter draws: `p.growth` is an array of shape (draws, 1), ready to meet patients along the second axis.

    `numbers` are the draws' own numbers (addresses of their random numbers); `name` is "prior" or a posterior's id.
    """

    name: str
    numbers: tuple[int, ...]
    names: tuple[str, ...]
    values: Floats

    def __getattr__(self, name: str) -> Floats:
        if name.startswith("__") or "names" not in self.__dict__:  # asked while it is being unpickled
            raise AttributeError(name)
        try:
            column = self.names.index(name)
        except ValueError:
            raise AttributeError(name) from None
        return self.values[:, column : column + 1]

    def __len__(self) -> int:
        return len(self.numbers)

    def part(self, first: int, last: int) -> Draws:
        """Draws `first` to `last` - 1; their random numbers keep their addresses."""
        return Draws(self.name, self.numbers[first:last], self.names, self.values[first:last])

    def change(self, **values: float) -> Draws:
        """The same draws with some parameters set to given values. Raises UsageError for an unknown name."""
        new = self.values.copy()
        for name, value in values.items():
            if name not in self.names:
                raise UsageError(f"unknown parameter '{name}'", why="parameters are listed in catalog/parameters.yaml")
            new[:, self.names.index(name)] = value
        return Draws(self.name, self.numbers, self.names, new)

    @property
    def digest(self) -> str:
        """Hash of names, numbers and values."""
        return digest(
            {"names": self.names, "numbers": self.numbers, "values": [float(v).hex() for v in self.values.ravel()]}
        )


def prior_draws(count: int, seed: int) -> Draws:
    """`count` independent draws from the priors. Raises UsageError unless count is positive."""
    if count < 1:
        raise UsageError(
            f"{count} parameter draws were asked for",
            where="draws",
            why="at least one is needed",
            near="1",
            fix="use 200",
        )
    parameters = load_parameters()
    z = normals(seed, np.arange(count), 0, Stream.PARAMETERS, len(parameters))
    return _draws("prior", parameters, z)


def prior_centre() -> Draws:
    """One draw with every parameter at its prior median."""
    parameters = load_parameters()
    return _draws("prior median", parameters, np.zeros((1, len(parameters))))


def _draws(name: str, parameters: Sequence[Parameter], z: Floats) -> Draws:
    values = np.stack(
        [np.asarray(parameter.value(z[:, k]), np.float64) for k, parameter in enumerate(parameters)], axis=1
    )
    return Draws(name, tuple(range(len(z))), tuple(parameter.name for parameter in parameters), values)
