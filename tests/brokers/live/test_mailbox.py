"""A tab's mailbox: sends in place, and what a slow tab gets once it reads again."""

import asyncio
from uuid import uuid4

from hand_fed import Socket, instruments, tick, until

from brokers.live.board import Board
from brokers.live.frames import Frame
from brokers.live.mailbox import Mailbox, View

HERE = uuid4()


def a_view(board: Board, *symbols: str) -> View:
    return View(HERE, frozenset(board.figures(one) for one in instruments(*symbols)))


def flush(board: Board, view: View) -> None:
    view.tell(board.take_changes())


def join(view: View) -> tuple[Mailbox, Socket]:
    socket = Socket()
    tab = Mailbox(socket.send)
    tab.views[HERE] = view
    view.tabs.add(tab)
    tab.post(view.snapshot(view.figures))
    return tab, socket


def known(socket: Socket) -> dict[str, dict]:
    """What a tab shows: null and left out are both unknown."""
    shown = socket.merged(HERE).items()
    return {symbol: {name: value for name, value in quote.items() if value is not None} for symbol, quote in shown}


async def test_a_frame_is_sent_without_giving_up_the_thread():
    board = Board()
    view = a_view(board, "SPY")
    _, socket = join(view)
    board.merge([tick("SPY", bid="1")])
    flush(board, view)
    assert [frame["type"] for frame in socket.frames] == ["snapshot", "quotes"]


async def test_tabs_with_the_same_view_get_the_very_same_message():
    board = Board()
    view = a_view(board, "SPY")
    (_, first), (_, second) = join(view), join(view)
    board.merge([tick("SPY", bid="1")])
    flush(board, view)
    assert first.messages[-1]["text"] is second.messages[-1]["text"]


async def test_a_full_socket_is_parked_and_gets_the_newest_when_it_drains():
    board = Board()
    view = a_view(board, "SPY", "QQQ")
    (slow, full), (_, quick) = join(view), join(view)
    full.room.clear()
    for price in range(1, 101):
        board.merge([tick("SPY", price, bid=str(price))])
        if price == 50:
            board.merge([tick("QQQ", price, bid="7")])
        flush(board, view)
    assert len(quick.of_type("quotes")) == 100
    assert len(full.frames) == 1
    assert slow.behind_since is not None
    full.room.set()
    await until(lambda: slow.behind_since is None)
    board.merge([tick("SPY", 101, bid="101")])
    flush(board, view)
    assert known(full) == known(quick)
    assert [frame["type"] for frame in full.frames] == ["snapshot", "quotes", "snapshot", "quotes"]


async def test_letters_reach_a_slow_tab_all_and_in_order_before_the_prices_it_missed():
    board = Board()
    view = a_view(board, "SPY")
    tab, socket = join(view)
    socket.room.clear()
    board.merge([tick("SPY", 1, bid="1")])
    flush(board, view)
    for number in range(5):
        tab.post(Frame(f'{{"type":"letter","number":{number}}}'))
        board.merge([tick("SPY", number + 2, bid=str(number + 2))])
        flush(board, view)
    socket.room.set()
    await until(lambda: tab.behind_since is None)
    assert [frame["number"] for frame in socket.of_type("letter")] == [0, 1, 2, 3, 4]
    assert [frame["type"] for frame in socket.frames][-1] == "snapshot"
    assert socket.merged(HERE)["SPY"]["bid"] == "6"


async def test_more_letters_than_it_can_hold_mark_a_tab_as_too_slow():
    socket = Socket()
    tab = Mailbox(socket.send)
    socket.room.clear()
    for number in range(1100):
        tab.post(Frame(str(number)))
    assert len(tab.letters) <= 1000
    assert tab.behind_since == float("-inf")
    tab.discard()


async def test_a_socket_that_breaks_takes_no_other_tab_with_it():
    board = Board()
    view = a_view(board, "SPY")
    (broken, _), (_, fine) = join(view), join(view)

    async def breaks(message: dict) -> None:
        raise ConnectionError("gone")

    broken._send = breaks
    board.merge([tick("SPY", bid="1")])
    flush(board, view)
    assert broken.gone
    assert len(fine.of_type("quotes")) == 1


async def test_a_parked_socket_that_breaks_is_given_up():
    socket = Socket()
    socket.room.clear()

    async def breaks_later(message: dict) -> None:
        await socket.room.wait()
        raise ConnectionError("gone")

    tab = Mailbox(breaks_later)
    tab.post(Frame("1"))
    socket.room.set()
    await until(lambda: tab.gone)
    tab.post(Frame("2"))


async def test_a_discarded_tab_leaves_nothing_waiting():
    socket = Socket()
    tab = Mailbox(socket.send)
    socket.room.clear()
    tab.post(Frame("1"))
    tab.discard()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not socket.room._waiters
    socket.room.set()
    tab.post(Frame("2"))
    assert socket.messages == []
