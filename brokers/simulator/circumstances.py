"""What the control port does to the circumstances of trading: trading halts, and how an account stands."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from brokers.domain.instruments import Instrument, parse_instrument
from brokers.simulator.exchange import SimAccount, Standing
from brokers.simulator.tradestation.names import exchange_number
from brokers.simulator.world import World

Body = Mapping[str, Any]
LONGEST = 366 * 86_400
HIGHEST_LEVEL = 5


class BadCircumstance(ValueError):
    """What was asked for can't be; the text says why."""


def set_halt(world: World, body: Body) -> Any:
    """{"symbol", "halted"? (default true), "seconds"? (then it goes on by itself), "reason"?} → halted, since, until"""
    instrument = _listed(world, body)
    if body.get("halted", True) is True:
        seconds, reason = body.get("seconds"), body.get("reason", "")
        if not isinstance(reason, str):
            raise BadCircumstance("reason must be text")
        until = None if seconds is None else world.clock.now() + timedelta(seconds=_seconds(seconds))
        world.market.halt(instrument, until, reason)
    else:
        world.market.resume(instrument)
    world.events += 1
    found = world.market.halted(instrument)
    if found is None:
        return {"symbol": body["symbol"], "halted": False}
    ends = found.until.isoformat() if found.until else None
    return {"symbol": body["symbol"], "halted": True, "since": found.since.isoformat(), "until": ends}


def set_account(world: World, body: Body) -> Any:
    """{"account", "standing"?, "option_level"? (0 to 5)} → both as they are"""
    account = _account(world, body)
    standing, level = body.get("standing", account.standing), body.get("option_level", account.option_level)
    if standing not in list(Standing):
        raise BadCircumstance(f"standing must be one of: {', '.join(Standing)}")
    if type(level) is not int or not 0 <= level <= HIGHEST_LEVEL:
        raise BadCircumstance(f"option_level must be a whole number from 0 to {HIGHEST_LEVEL}")
    world.exchange.treat(account.number, Standing(standing), level)
    return {"account": account.number, "standing": account.standing, "option_level": account.option_level}


def _listed(world: World, body: Body) -> Instrument:
    instrument = parse_instrument(str(body.get("symbol", "")))
    if instrument not in world.market.listings:
        raise BadCircumstance("symbol must be a listed underlying ($ before an index)")
    return instrument


def _account(world: World, body: Body) -> SimAccount:
    found = world.exchange.accounts.get(exchange_number(world, str(body.get("account", ""))))
    if found is None:
        raise BadCircumstance("there is no such account")
    return found


def _seconds(given: Any) -> float:
    if isinstance(given, bool) or not isinstance(given, int | float) or not 0 < given <= LONGEST:
        raise BadCircumstance(f"seconds must be above 0 and at most {LONGEST}")
    return float(given)
