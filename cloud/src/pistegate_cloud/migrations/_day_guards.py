# SPDX-License-Identifier: Apache-2.0
"""Triggers by which the database itself keeps closed days closed: nothing is posted to them, none opens again."""

from typing import Any, Final

# On PostgreSQL a posting and a close could miss each other: the one not committed, the other not seen. So postings of
# a site hold this lock together, and a close waits for them, and they for it.
LOCK: Final = 190_728

_REFUSED = "this business day is closed: the ledger takes no more of it"
_KEPT = "a closed business day stays as it is"

_SQLITE = [
    f"""
    CREATE TRIGGER ledger_day_open BEFORE INSERT ON ledger_transaction
    WHEN EXISTS (SELECT 1 FROM business_day WHERE site_id = NEW.site_id AND day = NEW.day AND state <> 'open')
    BEGIN SELECT RAISE(ABORT, '{_REFUSED}'); END
    """,
    f"""
    CREATE TRIGGER business_day_kept BEFORE UPDATE ON business_day WHEN OLD.state = 'closed'
    BEGIN SELECT RAISE(ABORT, '{_KEPT}'); END
    """,
    f"CREATE TRIGGER business_day_no_delete BEFORE DELETE ON business_day BEGIN SELECT RAISE(ABORT, '{_KEPT}'); END",
]

_POSTGRES = [
    f"""
    CREATE FUNCTION ledger_day_open() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_advisory_xact_lock_shared({LOCK}, NEW.site_id);
        IF EXISTS (SELECT 1 FROM business_day WHERE site_id = NEW.site_id AND day = NEW.day AND state <> 'open') THEN
            RAISE EXCEPTION '{_REFUSED}' USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        RETURN NEW;
    END $$
    """,
    "CREATE TRIGGER ledger_day_open BEFORE INSERT ON ledger_transaction "
    "FOR EACH ROW EXECUTE FUNCTION ledger_day_open()",
    f"""
    CREATE FUNCTION business_day_kept() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP <> 'UPDATE' OR OLD.state = 'closed' THEN
            RAISE EXCEPTION '{_KEPT}' USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        RETURN NEW;
    END $$
    """,
    "CREATE TRIGGER business_day_kept BEFORE UPDATE OR DELETE ON business_day "
    "FOR EACH ROW EXECUTE FUNCTION business_day_kept()",
    "CREATE TRIGGER business_day_no_truncate BEFORE TRUNCATE ON business_day "
    "FOR EACH STATEMENT EXECUTE FUNCTION business_day_kept()",
]

_DROP_SQLITE = [
    "DROP TRIGGER ledger_day_open",
    "DROP TRIGGER business_day_kept",
    "DROP TRIGGER business_day_no_delete",
]
_DROP_POSTGRES = [
    "DROP TRIGGER ledger_day_open ON ledger_transaction",
    "DROP TRIGGER business_day_kept ON business_day",
    "DROP TRIGGER business_day_no_truncate ON business_day",
    "DROP FUNCTION ledger_day_open()",
    "DROP FUNCTION business_day_kept()",
]
# "cash" of release 0.1 is the cash of all ways of paying. The account keeps its number: no posting changes.
_OLD_GUARD = {
    "postgres": (
        "ALTER TABLE account DISABLE TRIGGER account_append_only",
        "ALTER TABLE account ENABLE TRIGGER account_append_only",
    ),
    "sqlite": (
        "DROP TRIGGER account_no_update",
        "CREATE TRIGGER account_no_update BEFORE UPDATE ON account "
        "BEGIN SELECT RAISE(ABORT, 'the ledger is append-only: update of account refused'); END",
    ),
}


async def create_guards(_apps: Any, editor: Any) -> None:
    """Create the triggers; statement by statement, because tortoise would split them at their semicolons."""
    for statement in _POSTGRES if _dialect(editor) == "postgres" else _SQLITE:
        await editor.client.execute_query(statement)


async def drop_guards(_apps: Any, editor: Any) -> None:
    """The reverse of `create_guards`."""
    for statement in _DROP_POSTGRES if _dialect(editor) == "postgres" else _DROP_SQLITE:
        await editor.client.execute_query(statement)


async def name_cash(_apps: Any, editor: Any) -> None:
    """`cash` becomes `tenders:cash`."""
    await _rename(editor, "cash", "tenders:cash")


async def unname_cash(_apps: Any, editor: Any) -> None:
    """The reverse of `name_cash`."""
    await _rename(editor, "tenders:cash", "cash")


async def _rename(editor: Any, old: str, new: str) -> None:
    off, on = _OLD_GUARD[_dialect(editor)]
    for statement in (off, f"UPDATE account SET code = '{new}' WHERE code = '{old}'", on):
        await editor.client.execute_query(statement)


def _dialect(editor: Any) -> str:
    return str(editor.client.capabilities.dialect)
