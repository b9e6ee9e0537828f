"""Account names at TradeStation: the exchange's ``5WT00001`` is ``SIM5000001M`` (``F`` at the end for futures)."""

import re
from typing import TYPE_CHECKING

from brokers.simulator.exchange import SimAccount

if TYPE_CHECKING:
    from brokers.simulator.world import World

NUMBER = re.compile(r"(\d+)WT(\d+)")


def ts_account(account: SimAccount) -> str:
    """The name of an account on this wire."""
    found = NUMBER.fullmatch(account.number)
    digits = f"{found[1]}{int(found[2]):06d}" if found else account.number
    return f"SIM{digits}{'F' if account.kind == 'futures' else 'M'}"


def find_account(world: "World", user: str, text: str) -> SimAccount | None:
    """The user's own account of this name, in whatever case; None for anybody else's."""
    wanted = text.strip().casefold()
    for account in accounts_of(world, user):
        if ts_account(account).casefold() == wanted:
            return account
    return None


def accounts_of(world: "World", user: str) -> list[SimAccount]:
    """A user's accounts, those for futures first, as the broker's simulator lists them."""
    mine = [account for account in world.exchange.accounts.values() if account.owner == user]
    return sorted(mine, key=lambda account: account.kind != "futures")


def exchange_number(world: "World", text: str) -> str:
    """The exchange's number of the account of this name, whoever owns it; the text itself when there is none."""
    wanted = text.strip().casefold()
    for account in world.exchange.accounts.values():
        if ts_account(account).casefold() == wanted:
            return account.number
    return text
