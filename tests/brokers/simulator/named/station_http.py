"""TradeStation's error envelopes, partial errors, errors of the sign-in host, and headers."""

import hashlib
import uuid
from typing import Any

import requests

from brokers.simulator.authority import AuthorizationRequest
from tests.brokers.simulator.named.rows import Table
from tests.brokers.simulator.named.station_orders import within
from tests.brokers.simulator.named.station_stage import Body, Stage

FAILURES: Table[Stage] = Table(
    "whole requests that fail",
    "3.1, 3.3",
    "400 BadRequest|401 Unauthorized|403 Forbidden|404 NotFound|429 TooManyRequests Rate quota exceeded"
    "|429 TooManyRequests Stream quota exceeded|500 InternalServerError|501 NotImplemented|503 ServiceUnavailable"
    "|504 GatewayTimeout|502 HTML|503 HTML|504 empty|400 TraceId",
)
PARTS: Table[Stage] = Table(
    "errors beside data and in place of it",
    "3.1",
    "Errors Forbidden Invalid Account ID.|Errors Forbidden Request not supported for account type.|Errors NotFound"
    "|Errors FAILED, INVALID SYMBOL|Errors FAILED, NOT ENTITLED|Errors of symbols|Errors FAILED|200 bars Failed"
    "|200 replace Error",
)
SIGN_IN: Table[Stage] = Table(
    "errors of the sign-in host",
    "2.6",
    "403 invalid_grant Unknown or invalid refresh token.|403 invalid_grant Invalid authorization code"
    "|403 invalid_grant Failed to verify code verifier|401 access_denied Unauthorized"
    "|400 invalid_request Missing required parameter: code|403 unauthorized_client|429 too_many_requests",
)
HEADERS: Table[Stage] = Table(
    "headers",
    "3.3, 7.1, 7.8",
    "x-ratelimit-limit|x-ratelimit-period|x-ratelimit-remaining|x-ratelimit-reset|x-ratelimit-resource"
    "|x-concurrency-limit|x-concurrency-remaining|x-concurrency-resource"
    "|application/vnd.tradestation.streams.v2+json|application/vnd.tradestation.streams.v3+json"
    "|application/vnd.tradestation.streams+json",
)
HTTP = [FAILURES, PARTS, SIGN_IN, HEADERS]


def told(answer: requests.Response, *, words: bool = False) -> str:
    """A failure by its status and title, and with ``words`` its message."""
    if not answer.content:
        return f"{answer.status_code} empty"
    if "html" in answer.headers["content-type"]:
        return f"{answer.status_code} HTML"
    body = answer.json()
    if "TraceId" in body:
        assert (uuid.UUID(body["TraceId"]).version, body["StatusCode"]) == (4, answer.status_code)
        return f"{answer.status_code} TraceId"
    assert body.keys() == {"Error", "Message"}
    return f"{answer.status_code} {body['Error']}" + (f" {body['Message']}" if words else "")


@FAILURES.way("400 BadRequest|401 Unauthorized|404 NotFound|400 TraceId")
def refused(stage: Stage, name: str) -> str:
    match name:
        case "400 BadRequest":
            return told(stage.ask("GET", f"{stage.accounts}/historicalorders"))
        case "401 Unauthorized":
            return told(stage.ask("GET", "brokerage/accounts", headers={"Authorization": "Bearer none"}))
        case "404 NotFound":
            return told(stage.ask("GET", "accounts"))
    base = stage.ts.base.removesuffix("v3")
    return told(stage.ts.session.get(f"{base}v2/stream/tickbars/SPY/0/1", timeout=30))


@FAILURES.way("403 Forbidden")
def without_the_scope(stage: Stage, name: str) -> str:
    token = stage.sim.inside(
        lambda world: world.authority.access_token(
            world.authority.refreshable(None, stage.ts.refresh_token), "openid ReadAccount", 60
        )
    )
    headers = {"Authorization": f"Bearer {token}"}
    return told(stage.ask("GET", "marketdata/quotes/SPY", headers=headers))


@FAILURES.way("429 TooManyRequests Rate quota exceeded")
def too_many_requests(stage: Stage, name: str) -> str:
    stage.sim.faults(tradestation_quotas={"accounts": [1, 300]})
    stage.ask("GET", "brokerage/accounts")
    answer = stage.ask("GET", "brokerage/accounts")
    assert "retry-after" not in answer.headers
    return told(answer, words=True)


@FAILURES.way("429 TooManyRequests Stream quota exceeded")
def too_many_streams(stage: Stage, name: str) -> str:
    stage.sim.faults(tradestation_quotas={"streaming-positions": 1})
    with stage.orders("positions") as stream:
        stream.snapshot()
        return told(stage.ask("GET", f"brokerage/stream/accounts/{stage.account}/positions"), words=True)


@FAILURES.way()
def put_there(stage: Stage, name: str) -> str:
    status, _, form = name.partition(" ")
    body = {"HTML": "html", "empty": "empty"}.get(form, "json")
    stage.fault("status", status=int(status), body=body)
    return told(stage.ask("GET", "brokerage/accounts"))


# Parts


def row(answer: Body, *names: str) -> str:
    [error] = answer["Errors"]
    assert error.keys() == {*names}, error
    return " ".join(["Errors", *(str(error[name]) for name in ("Error", "Message") if name in error)])


@PARTS.way("Errors Forbidden Invalid Account ID.|Errors Forbidden Request not supported for account type.")
def one_account_of_two(stage: Stage, name: str) -> str:
    other = "SIM5000001M"
    if "supported" in name:
        stage.fault("account_error", account=other)
    else:
        other = "SIM9999999M"
    answer = stage.ask("GET", f"brokerage/accounts/{stage.account},{other}/balances").json()
    assert [each["AccountID"] for each in answer["Balances"]] == [stage.account]
    return row(answer, "AccountID", "Error", "Message")


@PARTS.way("Errors NotFound")
def no_such_order(stage: Stage, name: str) -> str:
    answer = stage.ask("GET", f"{stage.accounts}/orders/1").json()
    assert answer["Orders"] == []
    return within(name, row(answer, "AccountID", "OrderID", "Error", "Message"))


@PARTS.way("Errors FAILED, INVALID SYMBOL|Errors FAILED, NOT ENTITLED")
def one_symbol_of_two(stage: Stage, name: str) -> str:
    symbol = "ZZZZQ" if "INVALID" in name else "QQQ"
    stage.fault("not_entitled", symbol="QQQ")
    answer = stage.ask("GET", f"marketdata/quotes/SPY,{symbol}").json()
    assert [each["Symbol"] for each in answer["Quotes"]] == ["SPY"]
    return row(answer, "Symbol", "Error")


@PARTS.way("Errors of symbols")
def no_such_symbol(stage: Stage, name: str) -> str:
    answer = stage.ask("GET", "marketdata/symbols/SPY,ZZZZQ").json()
    return name if row(answer, "Symbol", "Error", "Message") and answer["Errors"][0]["Symbol"] == "ZZZZQ" else ""


@PARTS.way("Errors FAILED")
def failed_placement(stage: Stage, name: str) -> str:
    return within(name, row(stage.send(stage.body(action="SELL")), "Error", "Message", "OrderID"))


@PARTS.way("200 bars Failed")
def bars_not_entitled(stage: Stage, name: str) -> str:
    stage.fault("not_entitled", symbol="QQQ")
    answer = stage.ask("GET", "marketdata/barcharts/QQQ")
    assert answer.json() == {"Error": "Failed", "Message": "Not entitled to data for this symbol"}
    return f"{answer.status_code} bars {answer.json()['Error']}"


@PARTS.way("200 replace Error")
def replace_fails_politely(stage: Stage, name: str) -> str:
    stage.fault("error_in_200", method="PUT")
    number = stage.resting()
    answer = stage.ask("PUT", f"orderexecution/orders/{number}", json={"LimitPrice": "2.00"})
    body = answer.json()
    assert (body["OrderID"], stage.order(number)["LimitPrice"]) == (number, "1")
    return f"{answer.status_code} replace {next(key for key in body if key == 'Error')}"


# The sign-in host


@SIGN_IN.way()
def not_signed_in(stage: Stage, name: str) -> str:
    client = stage.ts.client
    known = {"client_id": client.client_id, "client_secret": client.client_secret}
    refresh = known | {"grant_type": "refresh_token", "refresh_token": stage.ts.refresh_token}
    code = known | {"grant_type": "authorization_code", "redirect_uri": "http://localhost:8000/callback"}
    asked: dict[str, dict[str, Any]] = {
        "refresh token": refresh | {"refresh_token": "dead"},
        "authorization code": code | {"code": "dead"},
        "verifier": code | {"code": a_code(stage, name), "code_verifier": "wrong"},
        "access_denied": refresh | {"client_secret": "wrong"},
        "parameter": code,
        "unauthorized_client": known | {"grant_type": "client_credentials"},
        "too_many": refresh,
    }
    if "too_many" in name:
        stage.fault("throttle", path="*/oauth/token")
    key = next(each for each in asked if each in name)
    answer = requests.post(f"{stage.ts.signin}/oauth/token", data=asked[key], timeout=30)
    body = answer.json()
    assert body.keys() == {"error", "error_description"}
    full = f"{answer.status_code} {body['error']} {body['error_description']}"
    return within(name, full)


def a_code(stage: Stage, name: str) -> str:
    """A code of which the challenge is known."""
    if "verifier" not in name:
        return ""
    challenge = hashlib.sha256(b"right").hexdigest()
    client_id = stage.ts.client.client_id

    def issue(world: Any) -> str:
        client = world.authority.client(client_id)
        request = AuthorizationRequest(client, client.redirect_uris[0], "openid", "s", challenge)
        return str(world.authority.issue_code(request, "demo"))

    return stage.sim.inside(issue)


# Headers


@HEADERS.way()
def header(stage: Stage, name: str) -> str:
    if name.startswith("x-ratelimit"):
        headers = {key.lower(): value for key, value in stage.ask("GET", "brokerage/accounts").headers.items()}
        assert headers["x-ratelimit-limit"] == "320"
        return next(key for key in headers if key == name)
    if name.endswith("streams+json"):
        base = stage.ts.base.removesuffix("v3")
        with stage.ts.session.get(f"{base}v2/stream/tickbars/SPY/10/1", stream=True, timeout=30) as answer:
            return str(answer.headers["content-type"])
    with stage.market("quotes/SPY") if "v2" in name else stage.orders("positions") as stream:
        return stream.headers["content-type"] if "/" in name else next(key for key in stream.headers if key == name)
