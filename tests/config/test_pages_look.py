"""Every page outside the desk itself stands, is clean of inline code, and says which money it is about."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.staticfiles import finders
from django.test import Client
from django.urls import reverse

from brokers.models import Account, Connection

pytestmark = pytest.mark.django_db

PUBLIC = [
    "/accounts/login/",
    "/accounts/signup/",
    "/accounts/password/reset/",
    "/accounts/password/reset/done/",
    "/accounts/password/reset/key/1-wrong/",
    "/accounts/password/reset/key/done/",
    "/accounts/confirm-email/",
    "/accounts/confirm-email/wrong/",
    "/accounts/inactive/",
]
OWN = ["/accounts/email/", "/accounts/password/change/", "/accounts/logout/", "/accounts/reauthenticate/"]
PARTS = ["portfolio:overview", "portfolio:positions", "trading:ticket", "trading:orders", "brokers:connections"]
PARTS += ["admin:index", "docs", "health"]


@pytest.fixture
def person() -> User:
    return User.objects.create_superuser("trader", "trader@example.org", "a-long-password")


@pytest.fixture
def signed_in(client: Client, person: User) -> Client:
    client.force_login(person)
    return client


def connect(person: User, environment: str) -> Account:
    connection = Connection.objects.create(
        user=person, broker="tastytrade", environment=environment, grant_kind="personal"
    )
    return Account.objects.create(connection=connection, number=f"5WX{environment}1234", kind="margin")


class Reader(HTMLParser):
    """Collects what a strict content policy refuses, and what a page loads and names."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.refused: list[str] = []
        self.assets: list[str] = []
        self.ids: list[str] = []
        self.labels: set[str] = set()
        self.controls: list[dict[str, str | None]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.refused += [f"{tag} {name}" for name in given if name == "style" or name.startswith("on")]
        inline_script = tag == "script" and "src" not in given and given.get("type") != "application/json"
        if tag == "style" or inline_script:
            self.refused.append(tag)
        if tag in ("script", "img", "link"):
            self.assets.append(given.get("src") or given.get("href") or "")
        if given.get("id"):
            self.ids.append(given["id"] or "")
        if tag == "label":
            self.labels.add(given.get("for") or "")
        if tag in ("select", "textarea", "input") and given.get("type") not in ("hidden", "submit"):
            self.controls.append(given)


def page_of(client: Client, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200, address
    return response.content.decode()


def title_of(page: str) -> str:
    """As a browser shows it: white space taken together."""
    return " ".join(page.partition("<title>")[2].partition("</title>")[0].split())


def check_page(page: str) -> None:
    read = Reader(page)
    assert read.refused == []
    assert len(read.ids) == len(set(read.ids))
    assert {control.get("id") for control in read.controls} <= read.labels
    assert page.count("<h1") == 1


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_page_stands_and_has_nothing_inline(client: Client, address: str) -> None:
    check_page(page_of(client, address))


@pytest.mark.parametrize("address", OWN)
def test_a_signed_in_page_stands_and_has_nothing_inline(signed_in: Client, address: str) -> None:
    check_page(page_of(signed_in, address))


@pytest.mark.parametrize("address", ["/admin/", "/admin/password_change/", "/admin/auth/user/"])
def test_the_admin_carries_the_desks_brand(signed_in: Client, address: str) -> None:
    page = page_of(signed_in, address)
    assert Reader(page).refused == []
    assert "Blotter admin" in page
    assert "css/admin.css" in page


def test_the_api_documentation_has_nothing_inline(client: Client) -> None:
    read = Reader(page_of(client, reverse("docs")))
    assert read.refused == []
    assert any(asset.endswith("css/api-docs.css") for asset in read.assets)


def test_all_that_the_frame_loads_exists(signed_in: Client) -> None:
    assets = [a for a in Reader(page_of(signed_in, "/accounts/email/")).assets if a.startswith(settings.STATIC_URL)]
    assert len(assets) > 8
    missing = [asset for asset in assets if not finders.find(asset.removeprefix(settings.STATIC_URL))]
    assert missing == []


def test_the_bar_leads_to_every_part_of_the_desk(signed_in: Client) -> None:
    page = page_of(signed_in, "/accounts/email/")
    for name in (
        "portfolio:overview",
        "portfolio:positions",
        "trading:ticket",
        "trading:orders",
        "brokers:connections",
    ):
        assert f'href="{reverse(name)}"' in page
    assert f'href="{reverse("admin:index")}"' in page


def test_no_module_is_both_loaded_by_the_frame_and_imported(signed_in: Client) -> None:
    """Under hashed names those would be two copies: two websockets, every click heard twice."""
    scripts = Path(settings.BASE_DIR) / "static" / "js"
    imported = {name for path in scripts.glob("*.js") for name in re.findall(r'from "\./([\w.]+)"', path.read_text())}
    loaded = {asset.rpartition("/")[2] for asset in Reader(page_of(signed_in, "/accounts/email/")).assets}
    assert "live.js" in imported
    assert imported & loaded == set()


def test_a_stranger_sees_no_desk_in_the_bar(client: Client) -> None:
    page = page_of(client, "/accounts/login/")
    assert "stream-badge" not in page
    assert "badge.js" not in page


def test_signing_out_is_a_form_that_posts(signed_in: Client) -> None:
    page = page_of(signed_in, "/accounts/email/")
    assert re.search(
        rf'<form method="post" action="{reverse("account_logout")}">\s*<input type="hidden" name="csrf', page
    )


def test_a_desk_on_ones_own_machine_tells_the_demo_sign_in(client: Client, settings: pytest.FixtureRequest) -> None:
    assert "demo-blotter" in page_of(client, "/accounts/login/")
    settings.LOCAL = False  # type: ignore[attr-defined]
    assert "demo-blotter" not in page_of(client, "/accounts/login/")


def test_a_closed_door_says_so_and_is_not_offered(client: Client, settings: pytest.FixtureRequest) -> None:
    settings.SIGNUP_OPEN = False  # type: ignore[attr-defined]
    assert "No new accounts" in page_of(client, "/accounts/signup/")
    assert reverse("account_signup") not in page_of(client, "/accounts/login/")


def test_a_wrong_password_is_told_beside_the_form(client: Client) -> None:
    response = client.post("/accounts/login/", {"login": "nobody", "password": "wrong"})
    assert 'class="errorlist' in response.content.decode()


def test_a_missing_field_is_told_at_the_field(client: Client) -> None:
    page = client.post("/accounts/login/", {"login": "", "password": ""}).content.decode()
    assert 'id="id_login_error"' in page
    assert re.search(r'aria-describedby="[^"]*id_login_error', page)
    check_page(page)


def test_nothing_at_an_address_is_a_page_with_the_requests_number(client: Client) -> None:
    response = client.get("/nowhere", headers={"X-Request-ID": "look-for-me-1"})
    assert response.status_code == 404
    page = response.content.decode()
    check_page(page)
    assert "look-for-me-1" in page
    assert title_of(page) == "Not Found · Blotter"


def test_a_page_open_too_long_is_refused_in_words(person: User) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(person)
    response = strict.post(reverse("account_logout"))
    assert response.status_code == 403
    check_page(response.content.decode())
    assert "open too long" in response.content.decode()


@pytest.mark.parametrize(
    ("environments", "words", "icon"),
    [
        (["sim"], "SIM · Email addresses · Blotter", "favicon-sim.svg"),
        (["live"], "LIVE · Email addresses · Blotter", "favicon-live.svg"),
        (["sim", "live"], "SIM + LIVE · Email addresses · Blotter", "favicon-live.svg"),
        ([], "Email addresses · Blotter", "logo.svg"),
    ],
)
def test_stripe_title_and_icon_tell_which_money(
    signed_in: Client, person: User, environments: list[str], words: str, icon: str
) -> None:
    for environment in environments:
        connect(person, environment)
    page = page_of(signed_in, "/accounts/email/")
    assert title_of(page) == words
    assert re.search(rf'rel="icon"[^>]*{icon}', page)
    assert ("stripe-sim" in page) == ("sim" in environments)
    assert ("stripe-live" in page) == ("live" in environments)


def test_the_switcher_lists_ones_own_accounts_and_no_strangers(signed_in: Client, person: User) -> None:
    mine = [connect(person, "sim"), connect(person, "live")]
    foreign = connect(User.objects.create_user("stranger"), "live")
    page = page_of(signed_in, f"/accounts/email/?account={mine[1].pk}")
    assert re.search(rf'<option value="{mine[1].pk}"\s+selected>\s*LIVE · ', page)
    assert f'value="{mine[0].pk}"' in page
    assert str(foreign.pk) not in page


def test_the_chosen_account_is_carried_to_the_next_page(signed_in: Client, person: User) -> None:
    account = connect(person, "sim")
    page = page_of(signed_in, f"/accounts/email/?account={account.pk}")
    assert f'href="{reverse("portfolio:positions")}?account={account.pk}"' in page
    assert f'href="{reverse("portfolio:positions")}"' in page_of(signed_in, "/accounts/email/?account=foreign")
