"""What this desk must never do; each harness has to see it."""

import os
from typing import Any


def spoil(sabotage: str) -> None:
    if sabotage == "naive":
        _send_again_when_no_answer_comes()
    if sabotage == "forgetful":
        _send_from_a_database_that_forgets()
    if sabotage == "keyless":
        _forget_keys()


def _send_again_when_no_answer_comes() -> None:
    from brokers.errors import OutcomeUnknown
    from trading.protocol import sending

    send = sending.send

    class Again:
        def __init__(self, broker: Any) -> None:
            self.broker = broker

        def place_order(self, *args: Any) -> Any:
            for _ in range(3):
                try:
                    return self.broker.place_order(*args)
                except OutcomeUnknown:
                    continue
            raise OutcomeUnknown("Given up.")

    sending.send = lambda order, ticket, broker: send(order, ticket, Again(broker))  # type: ignore[assignment, arg-type]


def _send_from_a_database_that_forgets() -> None:
    """What is there so far is on the disk: the accounts stay, the orders go."""
    from django.db import connection

    from trading.protocol import durability

    with connection.cursor() as cursor:
        cursor.execute("CHECKPOINT")
    durability.check = lambda: None


def _forget_keys() -> None:
    from trading.protocol import sending

    write_down = sending.write_down
    sending.write_down = (
        lambda account, ticket, key, *rest, **named: write_down(  # type: ignore[assignment]
            account, ticket, f"{key[:20]}-{os.urandom(8).hex()}", *rest, **named
        )
    )
