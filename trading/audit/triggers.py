"""Triggers by which the database itself refuses to change, remove or empty what was recorded.

They make tampering harder and louder, not impossible: whoever owns the database can drop them. Then the hashes tell.
"""

from django.db.backends.base.base import BaseDatabaseWrapper

RECORDS, HEADS = "trading_auditrecord", "trading_audithead"
REFUSAL = "audit records are never changed or removed"
POSTGRESQL = (
    f"CREATE OR REPLACE FUNCTION trading_audit_refuse() RETURNS trigger LANGUAGE plpgsql AS "
    f"$$ BEGIN RAISE EXCEPTION '{REFUSAL}'; END $$",
    f"CREATE OR REPLACE TRIGGER audit_record_stays BEFORE UPDATE OR DELETE ON {RECORDS} "
    "FOR EACH ROW EXECUTE FUNCTION trading_audit_refuse()",
    f"CREATE OR REPLACE TRIGGER audit_records_stay BEFORE TRUNCATE ON {RECORDS} "
    "FOR EACH STATEMENT EXECUTE FUNCTION trading_audit_refuse()",
    f"CREATE OR REPLACE TRIGGER audit_head_goes_on BEFORE UPDATE ON {HEADS} "
    "FOR EACH ROW WHEN (NEW.seq < OLD.seq OR NEW.chain <> OLD.chain) EXECUTE FUNCTION trading_audit_refuse()",
    f"CREATE OR REPLACE TRIGGER audit_head_stays BEFORE DELETE ON {HEADS} "
    "FOR EACH ROW EXECUTE FUNCTION trading_audit_refuse()",
    f"CREATE OR REPLACE TRIGGER audit_heads_stay BEFORE TRUNCATE ON {HEADS} "
    "FOR EACH STATEMENT EXECUTE FUNCTION trading_audit_refuse()",
)
ABORT = f"BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END"
SQLITE = (
    f"CREATE TRIGGER IF NOT EXISTS audit_record_stays BEFORE UPDATE ON {RECORDS} {ABORT}",
    f"CREATE TRIGGER IF NOT EXISTS audit_records_stay BEFORE DELETE ON {RECORDS} {ABORT}",
    f"CREATE TRIGGER IF NOT EXISTS audit_head_goes_on BEFORE UPDATE ON {HEADS} "
    f"WHEN NEW.seq < OLD.seq OR NEW.chain <> OLD.chain {ABORT}",
    f"CREATE TRIGGER IF NOT EXISTS audit_head_stays BEFORE DELETE ON {HEADS} {ABORT}",
)
NAMES = {
    "postgresql": {
        "audit_record_stays": RECORDS,
        "audit_records_stay": RECORDS,
        "audit_head_goes_on": HEADS,
        "audit_head_stays": HEADS,
        "audit_heads_stay": HEADS,
    },
    "sqlite": {
        "audit_record_stays": RECORDS,
        "audit_records_stay": RECORDS,
        "audit_head_goes_on": HEADS,
        "audit_head_stays": HEADS,
    },
}
LISTED = {
    "postgresql": "SELECT tgname FROM pg_trigger WHERE tgenabled <> 'D' AND tgname LIKE 'audit%'",
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'audit%'",
}


def install(connection: BaseDatabaseWrapper) -> None:
    with connection.cursor() as cursor:
        for statement in POSTGRESQL if connection.vendor == "postgresql" else SQLITE:
            cursor.execute(statement)


def remove(connection: BaseDatabaseWrapper) -> None:
    on_table = connection.vendor == "postgresql"
    with connection.cursor() as cursor:
        for name, table in NAMES[connection.vendor].items():
            cursor.execute(f"DROP TRIGGER IF EXISTS {name}{f' ON {table}' if on_table else ''}")


def missing(connection: BaseDatabaseWrapper) -> list[str]:
    """The triggers that should be there and are not, or are switched off."""
    with connection.cursor() as cursor:
        cursor.execute(LISTED[connection.vendor])
        present = {name for (name,) in cursor.fetchall()}
    return sorted(set(NAMES[connection.vendor]) - present)
