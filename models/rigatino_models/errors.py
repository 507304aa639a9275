"""What goes wrong inside the networks, as a code and its parameters; the program turns them into sentences."""

from __future__ import annotations


class ModelError(Exception):
    """A failure with a code of the program's catalogue (`weights_key`, `bad_setting`, ...) and its parameters."""

    def __init__(self, code: str, **params: str | int | float) -> None:
        super().__init__(code, params)
        self.code = code
        self.params = params

    def __str__(self) -> str:
        details = ", ".join(f"{name}: {value}" for name, value in self.params.items())
        return f"{self.code} ({details})" if details else self.code
