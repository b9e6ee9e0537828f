"""Sealing: what comes out is what went in, at the same place and nowhere else."""

import base64
import copy
import json
import pickle
import secrets
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers.vault import BadKeys, CannotUnseal, Keyring, Place, Secret, fresh_key, seal, sealed_with, unseal

PLACE = Place("brokers_connection", "sealed_access_token", "row-1", "7", "tastytrade", "live")
PARTS = ("table", "column", "row", "user", "broker", "environment")
words = st.text(st.characters(codec="utf-8"), max_size=40)
places = st.builds(Place, words, words, words, words, words, words)


def ring(*ids: str) -> Keyring:
    return Keyring.parse([f"{key_id}:{base64.b64encode(secrets.token_bytes(32)).decode()}" for key_id in ids])


@given(text=words, place=places)
def test_what_was_sealed_can_be_unsealed_at_its_place(text: str, place: Place) -> None:
    assert unseal(seal(Secret(text), place), place).reveal() == text


@given(here=places, there=places)
def test_a_ciphertext_moved_to_any_other_place_cannot_be_unsealed(here: Place, there: Place) -> None:
    sealed = seal("token", here)
    if here == there:
        assert unseal(sealed, there).reveal() == "token"
    else:
        with pytest.raises(CannotUnseal):
            unseal(sealed, there)


@pytest.mark.parametrize("part", PARTS)
def test_each_part_of_the_place_counts(part: str) -> None:
    with pytest.raises(CannotUnseal):
        unseal(seal("token", PLACE), replace(PLACE, **{part: "other"}))


def test_parts_cannot_be_shifted_into_each_other() -> None:
    one = replace(PLACE, broker="tasty", environment="tradelive")
    other = replace(PLACE, broker="tastytrade", environment="live")
    assert one.broker + one.environment == other.broker + other.environment
    with pytest.raises(CannotUnseal):
        unseal(seal("token", one), other)


def test_every_single_flipped_bit_is_found() -> None:
    sealed = seal("a token", PLACE)
    for position in range(len(sealed) * 8):
        damaged = bytearray(sealed)
        damaged[position // 8] ^= 1 << position % 8
        with pytest.raises(CannotUnseal):
            unseal(bytes(damaged), PLACE)


def test_every_cut_ciphertext_is_found() -> None:
    sealed = seal("a token", PLACE)
    for length in range(len(sealed)):
        with pytest.raises(CannotUnseal):
            unseal(sealed[:length], PLACE)


def test_the_first_key_seals_and_older_ones_still_unseal() -> None:
    old = ring("k1")
    both = Keyring("k2", {"k2": ring("k2").keys["k2"], **old.keys})
    sealed = old.seal("token", PLACE)
    assert both.unseal(sealed, PLACE).reveal() == "token"
    assert sealed_with(both.seal("token", PLACE)) == "k2"


def test_a_key_that_is_gone_or_another_under_the_same_name_does_not_unseal() -> None:
    sealed = ring("k1").seal("token", PLACE)
    for wrong in (ring("k2"), ring("k1")):
        with pytest.raises(CannotUnseal):
            wrong.unseal(sealed, PLACE)


def test_equal_secrets_look_different_each_time() -> None:
    assert len({seal("token", PLACE) for _ in range(100)}) == 100


def test_a_secret_shows_itself_to_nobody() -> None:
    secret = Secret("very-secret-text")
    shown = [
        repr(secret),
        str(secret),
        f"{secret}",
        f"{secret:>40}",
        "{}".format(*[secret]),
        repr([secret]),
        repr({1: secret}),
    ]
    shown += [repr(copy.copy(secret)), repr(copy.deepcopy([secret]))]
    assert not any("very-secret-text" in text for text in shown)
    assert not hasattr(secret, "__dict__")


def test_a_secret_is_not_pickled_or_turned_into_json() -> None:
    for write in (pickle.dumps, json.dumps):
        with pytest.raises(TypeError):
            write(Secret("very-secret-text"))


@pytest.mark.parametrize(
    "entries",
    [
        [],
        ["nonsense"],
        ["k1:not base64!"],
        ["k1:" + base64.b64encode(b"short").decode()],
        [":" + base64.b64encode(bytes(32)).decode()],
        ["k1:" + base64.b64encode(bytes(32)).decode()] * 2,
        [f"k{n}:" + base64.b64encode(bytes(32)).decode() for n in (1, 2)],
    ],
)
def test_bad_keys_are_refused_in_words_that_show_no_key(entries: list[str]) -> None:
    with pytest.raises(BadKeys) as caught:
        Keyring.parse(entries)
    assert "TOKEN_KEYS" in str(caught.value)
    assert not any(entry.partition(":")[2] and entry.partition(":")[2] in str(caught.value) for entry in entries)


def test_a_fresh_key_is_taken_and_each_is_another() -> None:
    assert Keyring.parse([fresh_key(), fresh_key()]).newest.startswith("k2")


def test_the_command_line_prints_one_usable_key_without_any_settings() -> None:
    root = Path(__file__).resolve().parents[2]
    environment = {"PATH": "/usr/bin:/bin"}
    command = [sys.executable, "-m", "brokers.vault"]
    ran = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=True)
    assert len(ran.stdout.splitlines()) == 1
    assert Keyring.parse([ran.stdout.strip()]).keys
