# SPDX-License-Identifier: Apache-2.0
"""Triggers by which the database itself keeps the audit record append-only."""

from typing import Any, Final

_SQLITE: Final = [
    f"CREATE TRIGGER audit_entry_no_{change} BEFORE {change.upper()} ON audit_entry "
    f"BEGIN SELECT RAISE(ABORT, 'the audit record is append-only: {change} refused'); END"
    for change in ("update", "delete")
]
_POSTGRES: Final = [
    """
    CREATE FUNCTION audit_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'the audit record is append-only: % refused', TG_OP
            USING ERRCODE = 'integrity_constraint_violation';
    END $$
    """,
    "CREATE TRIGGER audit_entry_append_only BEFORE UPDATE OR DELETE ON audit_entry "
    "FOR EACH ROW EXECUTE FUNCTION audit_append_only()",
    "CREATE TRIGGER audit_entry_no_truncate BEFORE TRUNCATE ON audit_entry "
    "FOR EACH STATEMENT EXECUTE FUNCTION audit_append_only()",
]
_DROP_SQLITE: Final = [f"DROP TRIGGER audit_entry_no_{change}" for change in ("update", "delete")]
_DROP_POSTGRES: Final = [
    "DROP TRIGGER audit_entry_append_only ON audit_entry",
    "DROP TRIGGER audit_entry_no_truncate ON audit_entry",
    "DROP FUNCTION audit_append_only()",
]


async def create_guards(_apps: Any, editor: Any) -> None:
    """Create the triggers; statement by statement, because tortoise would split them at their semicolons."""
    await _run(editor, _POSTGRES, _SQLITE)


async def drop_guards(_apps: Any, editor: Any) -> None:
    """The reverse of `create_guards`."""
    await _run(editor, _DROP_POSTGRES, _DROP_SQLITE)


# Answers kept for retries were keyed by token; now by any caller. Copied, so that a retry over the upgrade holds.
_COPY = (
    "INSERT INTO kept_reply (caller, operation, key, request_digest, answer, at_ms) "
    "SELECT 'token:' || token_id, operation, key, request_digest, answer, at_ms FROM kept_answer"
)


async def copy_answers(_apps: Any, editor: Any) -> None:
    """Bring the answers that are kept into their new table."""
    await editor.client.execute_query(_COPY)


async def forget_answers(_apps: Any, editor: Any) -> None:
    """The reverse of `copy_answers`."""
    await editor.client.execute_query("DELETE FROM kept_reply")


async def _run(editor: Any, postgres: list[str], sqlite: list[str]) -> None:
    for statement in postgres if editor.client.capabilities.dialect == "postgres" else sqlite:
        await editor.client.execute_query(statement)
