# SPDX-License-Identifier: Apache-2.0
"""Triggers by which the database itself keeps the ledger append-only and, on PostgreSQL, balanced."""

from typing import Any, Final

TABLES: Final = ("account", "ledger_transaction", "posting")

_SQLITE = [
    f"CREATE TRIGGER {table}_no_{change} BEFORE {change.upper()} ON {table} "
    f"BEGIN SELECT RAISE(ABORT, 'the ledger is append-only: {change} of {table} refused'); END"
    for table in TABLES
    for change in ("update", "delete")
]

_POSTGRES = [
    """
    CREATE FUNCTION ledger_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'the ledger is append-only: % of % refused', TG_OP, TG_TABLE_NAME
            USING ERRCODE = 'integrity_constraint_violation';
    END $$
    """,
    *(
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} "
        "FOR EACH ROW EXECUTE FUNCTION ledger_append_only()"
        for table in TABLES
    ),
    *(
        f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION ledger_append_only()"
        for table in TABLES
    ),
    """
    CREATE FUNCTION ledger_balanced() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (
            SELECT 1 FROM posting WHERE transaction_id = NEW.transaction_id
            GROUP BY currency HAVING SUM(amount) <> 0
        ) THEN
            RAISE EXCEPTION 'ledger transaction % does not sum to zero', NEW.transaction_id
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        RETURN NULL;
    END $$
    """,
    # Deferred: postings of one transaction come one after the other; the sum counts at COMMIT.
    """
    CREATE CONSTRAINT TRIGGER posting_balanced AFTER INSERT ON posting
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger_balanced()
    """,
]

_DROP_SQLITE = [f"DROP TRIGGER {table}_no_{change}" for table in TABLES for change in ("update", "delete")]
_DROP_POSTGRES = [
    "DROP TRIGGER posting_balanced ON posting",
    *(f"DROP TRIGGER {table}_append_only ON {table}" for table in TABLES),
    *(f"DROP TRIGGER {table}_no_truncate ON {table}" for table in TABLES),
    "DROP FUNCTION ledger_balanced()",
    "DROP FUNCTION ledger_append_only()",
]


async def create_guards(_apps: Any, editor: Any) -> None:
    """Create the triggers; statement by statement, because tortoise would split them at their semicolons."""
    await _run(editor, _POSTGRES, _SQLITE)


async def drop_guards(_apps: Any, editor: Any) -> None:
    """The reverse of `create_guards`."""
    await _run(editor, _DROP_POSTGRES, _DROP_SQLITE)


async def _run(editor: Any, postgres: list[str], sqlite: list[str]) -> None:
    for statement in postgres if editor.client.capabilities.dialect == "postgres" else sqlite:
        await editor.client.execute_query(statement)
