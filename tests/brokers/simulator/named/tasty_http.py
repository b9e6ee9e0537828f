"""tastytrade's HTTP statuses with their codes, the token endpoint's errors, and the headers."""

import requests
from simulator_server import USER_AGENT, equity_order
from tasty_client import Body

from tests.brokers.simulator.named.rows import Table
from tests.brokers.simulator.named.tasty_orders import NEW_PRICE, placed
from tests.brokers.simulator.named.tasty_stage import Stage, told

STATUSES: Table[Stage] = Table(
    "statuses and codes",
    "2.5, 3.5, 3.7, 3.8",
    "400 validation_error|401 token_invalid|401 HTML|401 invalid_credentials|403 not_permitted|403 unconfirmed_user"
    "|404 record_not_found|406 406|422 preflight_check_failure|422 cannot_update_order"
    "|422 quote_streamer.customer_not_found_error|403 quote_streamer.customer_not_found_error"
    "|429 bare|500 support identifier|502 HTML|503 HTML",
)
CODES = ("invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type")
OAUTH: Table[Stage] = Table(
    "errors of the token endpoint",
    "2.3",
    "|".join(f"{shape} {code}" for shape in "AB" for code in (*CODES, "invalid_scope")),
)
HEADERS: Table[Stage] = Table(
    "headers",
    "3.9",
    "set-cookie AWSALB|set-cookie AWSALBCORS|access-control-allow-origin *|access-control-allow-headers Accept-Version"
    "|access-control-allow-headers Authorization|access-control-allow-headers X-Tastyworks-OTP"
    "|content-type application/json",
)
HTTP = [STATUSES, OAUTH, HEADERS]


@STATUSES.way("400 validation_error|404 record_not_found|406 406|422 preflight_check_failure")
def refused_request(stage: Stage, name: str) -> str:
    mine = f"/accounts/{stage.tasty.number}"
    match name[:3]:
        case "400":
            return told(stage.send({"order-type": "No such"}))
        case "404":
            return told(stage.ask("GET", f"{mine}/orders/1"))
        case "406":
            return told(stage.ask("GET", f"{mine}/positions", headers={"Accept-Version": "20200101"}))
    return told(stage.send(equity_order(quantity=1_000_000, price="100.00")))


@STATUSES.way("401 token_invalid|401 HTML")
def not_let_in(stage: Stage, name: str) -> str:
    headers = {"User-Agent": "" if name == "401 HTML" else USER_AGENT, "Authorization": "Bearer none"}
    return told(requests.get(f"{stage.sim.api}/customers/me", headers=headers, timeout=30))


@STATUSES.way("403 not_permitted")
def not_permitted(stage: Stage, name: str) -> str:
    reader = stage.sim.session(stage.sim.grant(scope="read"))
    url = f"{stage.sim.api}/accounts/{stage.tasty.number}/orders"
    assert told(reader.post(url, json=equity_order(), timeout=30)) == name, "a token that may only read"
    assert told(stage.ask("GET", "/accounts/5WT00003/positions")) == name, "another person's account"
    return told(stage.ask("GET", f"/accounts/{stage.tasty.number}"))


@STATUSES.way("422 cannot_update_order")
def too_late(stage: Stage, name: str) -> str:
    number = placed(stage.tasty, equity_order("F"))
    stage.tasty.until(number, "Filled")
    path = f"/accounts/{stage.tasty.number}/orders/{number}"
    assert told(stage.ask("PUT", path, json=NEW_PRICE)) == name
    return told(stage.ask("DELETE", path))


@STATUSES.way("429 bare")
def throttled(stage: Stage, name: str) -> str:
    stage.sim.faults(request_budgets=True)
    answers = [stage.ask("GET", f"/accounts/{stage.tasty.number}/positions") for _ in range(6)]
    refused = next(answer for answer in answers if answer.status_code != 200)
    assert not {"retry-after", "x-ratelimit-limit"} & {name.lower() for name in refused.headers}
    return told(refused)


@STATUSES.way("502 HTML")
def not_hosted(stage: Stage, name: str) -> str:
    stage.sim.faults(sandbox_502=True)
    return told(stage.ask("GET", "/symbols/search/AA"))


@STATUSES.way()
def put_there(stage: Stage, name: str) -> str:
    """What no request earns here: retired logins, people who are no customers, a broken server."""
    status, _, kind = name.partition(" ")
    how: Body = {"kind": kind} if "_" in kind else {"body": "html"} if kind == "HTML" else {}
    stage.fault("status", status=int(status), **how)
    path = "/api-quote-tokens" if "quote" in kind else "/sessions" if "_" in kind else "/customers/me"
    return told(stage.ask("POST" if path == "/sessions" else "GET", path))


@OAUTH.way()
def token_refused(stage: Stage, name: str) -> str:
    shape, code = name.split()
    stage.sim.faults(oauth_error_shape=shape)
    grant = stage.tasty.grant
    good = {"grant_type": "refresh_token", "refresh_token": grant.refresh_token}
    good |= {"client_secret": grant.client.client_secret}
    wrong: dict[str, Body] = {
        "invalid_request": {"refresh_token": None},
        "invalid_client": {"client_secret": "another"},
        "invalid_grant": {"refresh_token": "another"},
        "unauthorized_client": {"grant_type": "client_credentials"},
        "unsupported_grant_type": {"grant_type": "no-such"},
        "invalid_scope": {"scope": "read no-such"},
    }
    url, headers = f"{stage.sim.api}/oauth/token", {"User-Agent": USER_AGENT}
    answer = requests.post(url, json=good | wrong[code], headers=headers, timeout=30)
    assert answer.status_code == (401 if code == "invalid_client" else 400)
    body = answer.json()
    assert body.keys() == {"error" if shape == "A" else "error_code", "error_description"}
    return f"{'A' if 'error' in body else 'B'} {body.get('error') or body['error_code']}"


@HEADERS.way()
def header(stage: Stage, name: str) -> str:
    key, value = name.split()
    found = stage.ask("GET", "/customers/me").headers[key]
    if key == "set-cookie":
        parts = [part.strip().partition("=")[0] for part in found.replace(",", ";").split(";")]
    else:
        parts = [part.strip() for part in found.replace(";", ",").split(",")]
    return f"{key} {next(part for part in parts if part == value)}"
