"""Whatever is done to a chain around the desk is found, and its place is named."""

import random
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import audit_chains as chains
import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction

from trading import audit
from trading.audit import triggers, verifying
from trading.audit.models import AuditHead, AuditRecord, Immutable

LENGTH = 10_000
CHAIN = 7
ATTACKS: dict[str, Callable[[int, int], None]] = {
    "detail": chains.alter(detail='{"quantity":1}'),
    "action": chains.alter(action="order.cancel"),
    "time": chains.alter(at=chains.BEGAN),
    "actor": chains.alter(actor_id=99),
    "no actor": chains.alter(actor_id=None),
    "kind": chains.alter(actor_kind="staff"),
    "address": chains.alter(address="192.0.2.70"),
    "session": chains.alter(session=""),
    "request": chains.alter(request_id="another-request"),
    "about": chains.alter(about="order:0"),
    "account": chains.alter(account_id="4"),
    "previous hash": chains.alter(prev_hash="0" * 64),
    "hash": chains.alter(hash="0" * 64),
    "altered and hashed": chains.alter_and_hash,
    "deleted": chains.delete,
    "swapped": chains.swap,
    "cut off": chains.cut_off,
    "from another chain": chains.move_in_from_another_chain,
}
SLOW_ATTACKS = {"deleted and closed up": chains.delete_and_close_up, "inserted": chains.insert}


class _Undo(Exception):
    pass


def places_of_faults(attack: Callable[[int, int], None], seq: int) -> list[int]:
    """What the verifier names after an attack; the attack is undone."""
    found: list[int] = []
    try:
        with transaction.atomic():
            attack(CHAIN, seq)
            found = [fault.seq for fault in audit.verify(CHAIN).faults]
            raise _Undo
    except _Undo:
        return found


@pytest.fixture
def long_chain(db: None) -> None:
    chains.make_chain(CHAIN, LENGTH)


def test_every_tampering_with_any_of_ten_thousand_records_is_found_and_its_place_named(long_chain: None) -> None:
    assert audit.verify(CHAIN).intact
    assert audit.verify(CHAIN).rows == LENGTH
    chance = random.Random(7)  # noqa: S311 (reproducible, decides nothing)
    for name, attack in ATTACKS.items():
        for seq in (chance.choice([1, LENGTH - 1]), chance.randrange(2, LENGTH - 1)):
            named = places_of_faults(attack, seq)
            # A record whose hash was made to fit is given away by the one after it.
            assert named, f"{name} at {seq} went unseen"
            assert min(named) in (seq, seq + 1), f"{name} at {seq} was named {named}"
            assert len(named) <= 5, f"{name} at {seq} blamed {len(named)} places"
    assert audit.verify(CHAIN).intact, "an attack was not undone: what was tested is worth nothing"


def test_records_put_in_or_taken_out_are_found_even_when_all_places_are_renumbered(db: None) -> None:
    chains.make_chain(CHAIN, 300)
    for name, attack in SLOW_ATTACKS.items():
        for seq in (1, 150, 299):
            named = places_of_faults(attack, seq)
            assert named, f"{name} at {seq} went unseen"
            # What was put in behind ``seq`` may fit; then the one after it does not.
            assert min(named) in (seq, seq + 1, seq + 2), f"{name} at {seq} was named {named[:5]}"


def test_a_verifier_that_believes_the_stored_hashes_is_caught_by_these_attacks(
    long_chain: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verifying, "digest", lambda row: row.hash)
    assert places_of_faults(ATTACKS["detail"], 500) == []
    assert places_of_faults(ATTACKS["address"], 500) == []


def test_the_last_record_altered_with_a_fitting_hash_is_given_away_by_the_head(db: None) -> None:
    chains.make_chain(CHAIN, 20)
    chains.alter_and_hash(CHAIN, 20)
    assert [fault.seq for fault in audit.verify(CHAIN).faults] == [20]


def test_records_beyond_the_head_and_a_lost_head_are_named(db: None) -> None:
    chains.make_chain(CHAIN, 20)
    AuditHead.objects.filter(chain=CHAIN).update(seq=18, hash=chains.record_at(CHAIN, 18).hash)
    assert [fault.seq for fault in audit.verify(CHAIN).faults] == [19]
    AuditHead.objects.filter(chain=CHAIN).delete()
    assert "lost its head" in audit.verify(CHAIN).faults[-1].words


def test_a_chain_cut_off_together_with_its_head_is_found_by_hashes_kept_elsewhere(db: None, tmp_path: Path) -> None:
    chains.make_chain(CHAIN, 50)
    triggers.install(connection)
    heads = StringIO()
    call_command("verify_audit", "--heads", stdout=heads, stderr=StringIO())
    file = tmp_path / "heads"
    file.write_text(heads.getvalue())
    call_command("verify_audit", "--against", str(file), stdout=StringIO())
    triggers.remove(connection)
    chains.cut_off(CHAIN, 40)
    AuditHead.objects.filter(chain=CHAIN).update(seq=39, hash=chains.record_at(CHAIN, 39).hash)
    triggers.install(connection)
    call_command("verify_audit", stdout=StringIO())  # the cut chain is whole in itself
    told = StringIO()
    with pytest.raises(CommandError, match="not whole: 1 faults"):
        call_command("verify_audit", "--against", str(file), stdout=told)
    assert "at 50: Record 50, whose hash was kept, is gone" in told.getvalue()


def test_a_whole_chain_that_vanished_is_found_by_hashes_kept_elsewhere(db: None, tmp_path: Path) -> None:
    chains.make_chain(CHAIN, 3)
    file = tmp_path / "heads"
    file.write_text('{"chain": 7, "seq": 3, "hash": "%s"}\n' % AuditHead.objects.get(chain=CHAIN).hash)  # noqa: UP031
    chains.cut_off(CHAIN, 1)
    AuditHead.objects.all().delete()
    triggers.install(connection)
    with pytest.raises(CommandError, match="not whole"):
        call_command("verify_audit", "--against", str(file), stdout=StringIO())


def test_the_desk_itself_refuses_to_change_or_remove_a_record(db: None) -> None:
    chains.make_chain(CHAIN, 3)
    row = AuditRecord.objects.get(chain=CHAIN, seq=2)
    row.action = "order.cancel"
    for attempt in (
        row.save,
        row.delete,
        AuditRecord.objects.filter(chain=CHAIN).delete,
        lambda: AuditRecord.objects.filter(chain=CHAIN).update(action="x"),
    ):
        with pytest.raises(Immutable):
            attempt()


def test_the_database_refuses_to_change_or_remove_a_record_or_to_turn_a_head_back(db: None) -> None:
    chains.make_chain(CHAIN, 3)
    assert "audit_record_stays" in triggers.missing(connection)
    triggers.install(connection)
    assert triggers.missing(connection) == []
    for attempt in (
        lambda: chains.ROWS.filter(chain=CHAIN, seq=2).update(action="x"),
        lambda: chains.ROWS.filter(chain=CHAIN, seq=2).delete(),
        lambda: AuditHead.objects.filter(chain=CHAIN).update(seq=1),
        lambda: AuditHead.objects.filter(chain=CHAIN).update(chain=12),
        lambda: AuditHead.objects.filter(chain=CHAIN).delete(),
    ):
        with pytest.raises(DatabaseError, match="never changed or removed"), transaction.atomic():
            attempt()
    with transaction.atomic():
        audit.record(CHAIN, "person.signed_in")  # appending goes on
    assert audit.verify(CHAIN).rows == 4
    triggers.remove(connection)
    assert chains.ROWS.filter(chain=CHAIN, seq=2).update(action="x") == 1, "the refusals above came from elsewhere"


def test_the_command_says_which_triggers_are_missing(db: None) -> None:
    with pytest.raises(CommandError, match="audit_record_stays"):
        call_command("verify_audit", stdout=StringIO())
