"""The HTML of the authorize pages: whole pages with their own style, nothing from elsewhere."""

from collections.abc import Mapping, Sequence
from html import escape

from starlette.responses import HTMLResponse

STYLE = """
:root { color-scheme: light dark; --ink: #16202b; --soft: #5a6773; --paper: #fff; --ground: #eef1f4; --line: #d5dbe1;
  --strong: #14532d; --on-strong: #fff; --warn: #7a4a00; --warn-ground: #fff4d6; --bad: #9b1c1c; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8edf2; --soft: #a3b0bc; --paper: #1a232d; --ground: #10171e;
  --line: #33414e; --strong: #7fd6a2; --on-strong: #0c1a12; --warn: #ffd98a; --warn-ground: #3a2c0a; --bad: #ff9d9d; } }
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; display: grid; place-items: start center; padding: 6vh 1rem 2rem;
  font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--ground); }
main { width: 100%; max-width: 27rem; background: var(--paper); border: 1px solid var(--line); border-radius: 12px;
  overflow: hidden; }
.band { padding: .6rem 1.5rem; background: var(--warn-ground); color: var(--warn); font-weight: 600;
  font-size: .875rem; }
.inside { padding: 1.25rem 1.5rem 1.5rem; }
h1 { margin: 0 0 .25rem; font-size: 1.375rem; line-height: 1.25; }
p { margin: .5rem 0; } .soft { color: var(--soft); font-size: .9375rem; }
label { display: block; margin: 1rem 0 .25rem; font-weight: 600; }
input { width: 100%; padding: .6rem .75rem; font: inherit; color: inherit; background: transparent;
  border: 1px solid var(--soft); border-radius: 8px; }
ul { margin: .5rem 0 1rem; padding-left: 1.25rem; } li { margin: .25rem 0; } h2 { margin: 1rem 0 0; font-size: 1rem; }
.buttons { display: flex; gap: .75rem; margin-top: 1.25rem; }
button { flex: 1; min-height: 44px; padding: .6rem 1rem; font: inherit; font-weight: 600; border-radius: 8px;
  border: 1px solid var(--soft); background: transparent; color: inherit; cursor: pointer; }
button.yes { background: var(--strong); border-color: var(--strong); color: var(--on-strong); }
:focus-visible { outline: 3px solid #2f7de1; outline-offset: 2px; }
.bad { color: var(--bad); font-weight: 600; } code { font-size: .9375em; overflow-wrap: anywhere; }
"""
HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'",
}


def page(broker: str, title: str, inside: str, status: int = 200) -> HTMLResponse:
    """A whole page that says, above all, that this is no real broker."""
    text = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)} · {escape(broker)} SIMULATOR</title><style>{STYLE}</style></head><body><main>"
        f'<div class="band">SIMULATOR of {escape(broker)}: made-up market, no real money</div>'
        f'<div class="inside"><h1>{escape(title)}</h1>{inside}</div></main></body></html>'
    )
    return HTMLResponse(text, status, HEADERS)


def sign_in(broker: str, client: str, users: Mapping[str, str], name: str, wrong: bool) -> HTMLResponse:
    """The sign-in form. ``users`` are the made-up people and their passwords: they are no secret here."""
    problem = '<p class="bad" role="alert">That name and password do not go together.</p>' if wrong else ""
    known = "".join(f"<li><code>{escape(u)}</code>, password <code>{escape(p)}</code></li>" for u, p in users.items())
    first, password = (name, users.get(name, "")) if name in users else next(iter(users.items()), ("", ""))
    inside = (
        f'<p class="soft">{escape(client)} would like to connect to your {escape(broker)} accounts.</p>{problem}'
        '<form method="post"><input type="hidden" name="step" value="sign-in">'
        '<label for="user">User name</label>'
        f'<input id="user" name="user" autocomplete="username" required value="{escape(first)}">'
        '<label for="password">Password</label>'
        '<input id="password" name="password" type="password" autocomplete="off" required '
        f'value="{"" if wrong else escape(password)}">'
        '<div class="buttons"><button class="yes" type="submit">Sign in</button></div></form>'
        f'<p class="soft">The people of this made-up broker:</p><ul class="soft">{known}</ul>'
    )
    return page(broker, "Sign in", inside, 403 if wrong else 200)


def consent(
    broker: str, client: str, user: str, scopes: Sequence[str], accounts: Sequence[str], ticket: str
) -> HTMLResponse:
    """Names who asks, what they could do and with which accounts; two buttons."""
    inside = (
        f"<p>Signed in as <strong>{escape(user)}</strong>.</p>"
        f"<h2>{escape(client)} will be able to</h2>{_list(scopes)}"
        f"<h2>with these accounts</h2>{_list(accounts)}"
        '<form method="post"><input type="hidden" name="step" value="consent">'
        f'<input type="hidden" name="ticket" value="{escape(ticket)}"><div class="buttons">'
        '<button name="decision" value="deny" type="submit">Deny</button>'
        '<button class="yes" name="decision" value="allow" type="submit">Allow</button></div></form>'
        '<p class="soft">Nothing you allow here touches a real account.</p>'
    )
    return page(broker, "Allow access?", inside)


def problem(broker: str, message: str) -> HTMLResponse:
    """Why we can't go on, where sending the person back would be unsafe."""
    inside = f'<p class="bad">{escape(message)}</p><p class="soft">Go back to the program that sent you here.</p>'
    return page(broker, "This request can't be used", inside, 400)


def _list(lines: Sequence[str]) -> str:
    return "<ul>" + "".join(f"<li>{escape(line)}</li>" for line in lines) + "</ul>"
