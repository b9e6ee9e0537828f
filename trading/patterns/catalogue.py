"""The patterns that are looked for, by their number in the surveillance plan, in words for people."""

RUNAWAY = "P3"
ORDER_TRADE_RATIO = "P4"
RATE_SPIKE = "P5"
OFF_HOURS = "P8"
SIZE_JUMP = "P9"
REPLAYS = "P12"
TOKENS = "P14"
DRIFT = "P15"
UNKNOWN_ORDERS = "P16"
SILENT_STREAM = "P18"
FAT_FINGER = "P22"

TITLES = {
    RUNAWAY: "The same order again and again",
    ORDER_TRADE_RATIO: "Many orders, few trades",
    RATE_SPIKE: "Far more orders a minute than usual",
    OFF_HOURS: "An order at an hour at which you never traded",
    SIZE_JUMP: "An order far larger than usual",
    REPLAYS: "Requests repeated or refused again and again",
    TOKENS: "Something odd about a connection's tokens",
    DRIFT: "The broker's position is not the desk's",
    UNKNOWN_ORDERS: "An order whose outcome is not known",
    SILENT_STREAM: "Live prices stand still while the market moves",
    FAT_FINGER: "A price or quantity that looks mistyped",
}
