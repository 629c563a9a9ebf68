# SPDX-License-Identifier: Apache-2.0
"""Many columns at once. Tortoise makes every model anew after each AddField: a second of processor time by now."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

from tortoise.indexes import Index
from tortoise.migrations.operations import TortoiseOperation


class AddColumns(TortoiseOperation):
    """Plain columns (no relations) and indexes of one model."""

    def __init__(self, model_name: str, columns: Mapping[str, Any], indexes: Sequence[Sequence[str]] = ()) -> None:
        self.model_name, self.columns = model_name, columns
        self.indexes = [Index(fields=list(names)) for names in indexes]

    def describe(self) -> str:
        """For a log."""
        return f"Add {', '.join(self.columns)} to {self.model_name}"

    def state_forward(self, app_label: str, state: Any) -> None:
        """The model with all of them."""
        model = self.get_model_state(state, app_label, self.model_name)
        for name, field in self.columns.items():
            model.fields[name] = deepcopy(field)
        model.options["indexes"] = [*model.options.get("indexes", ()), *self.indexes]
        state.reload_model(app_label, self.model_name)

    async def database_forward(
        self, app_label: str, old_state: Any, new_state: Any, state_editor: Any | None = None
    ) -> None:
        """One statement each."""
        model = new_state.apps.get_model(f"{app_label}.{self.model_name}")
        if state_editor is None:
            return
        for name in self.columns:
            await state_editor.add_field(model, name)
        for index in self.indexes:
            await state_editor.add_index(model, index)
