"""The catalogue of what is recorded, in words for people. A new action gets its line here."""

ACTIONS = {
    # an order's life: "order." and the kind of its event
    "order.sending": "Order written down and sent",
    "order.warnings": "The broker took the order with warnings",
    "order.answer": "The broker's answer to the order",
    "order.doubt": "The order's outcome became unknown",
    "order.news": "News of the order from the broker",
    "order.fill": "The order was filled, whole or in part",
    "order.found": "An order placed elsewhere was taken in",
    "order.adopted": "An order seen as a stranger turned out to be the desk's own",
    "order.late": "An order held for not placed appeared at the broker",
    "order.not_placed": "The order was not placed, as far as the broker shows",
    "order.cancel": "A cancel and how it went",
    "order.replace": "A replacement and how it went",
    "order.denied": "The order was denied by the desk's own checks",
    "order.needs_eyes": "A person has to decide what became of the order",
    "order.decided": "A person decided what became of the order",
    "order.alarm": "Something about the order has to be looked at now",
    "order.group": "A group of orders and how it went",
    "order.preview": "An order was previewed",
    "order.cancel_all": "All working orders were asked to be cancelled",
    "order.refused": "A request about an order was turned away before it began",
    "order.replayed": "A request about an order was repeated and answered from the record",
    # limits and halts
    "limits.changed": "A limit was changed",
    "halt.pressed": "Trading was halted or reduced",
    "halt.again": "A halt was called for once more, for another reason",
    "halt.rearmed": "Trading was armed again",
    # connections
    "connection.made": "A broker was connected",
    "connection.renewed": "A connection was signed in again",
    "connection.removed": "A broker was disconnected",
    "connection.needs_sign_in": "A connection needs a new sign-in",
    "connection.suspended": "A connection was suspended",
    "connection.refreshed": "A connection's token was renewed",
    "connection.refused": "A broker refused to renew a token",
    # people
    "person.signed_in": "Signed in",
    "person.signed_out": "Signed out",
    "person.sign_in_failed": "A sign-in failed",
    "person.password_changed": "Password changed",
    "person.email_changed": "Email address changed",
    # unusual patterns
    "alert.raised": "An unusual pattern was noticed",
    "alert.seen": "An alert was seen",
    "alert.closed": "An alert was closed",
}


def words(action: str) -> str:
    """For people; an action without a line here is shown by its name."""
    return ACTIONS.get(action) or action.replace("_", " ").replace(".", ": ")
