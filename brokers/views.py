"""Pages: connections, connecting, disconnecting. Every look-up starts from the person."""

import uuid
from collections.abc import Callable
from functools import wraps

from csp.decorators import csp_update
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from brokers import connections as desk
from brokers import oauth
from brokers.cards import Card, choices
from brokers.errors import BrokerError
from brokers.forms import PersonalGrantForm
from brokers.models import Account, Connection
from brokers.vault import Secret

View = Callable[..., HttpResponseBase]
LONGEST_PARAMETER = 8192


class PersonsRequest(HttpRequest):
    """A request that came through ``login_required``."""

    user: User


def may_leave_for_a_broker(view: View) -> View:
    """For pages that hold a "connect" form: its answer sends the browser on to the broker's sign-in page."""

    @wraps(view)
    def wrapped(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        origins = sorted({choice.provider.authorize_origin for choice in choices() if choice.configured})
        allowed: View = csp_update({"form-action": origins})(view)
        return allowed(request, *args, **kwargs)

    return wrapped


def _provider(broker: str, environment: str) -> oauth.Provider:
    try:
        return oauth.provider_for(broker, environment)
    except LookupError:
        raise Http404 from None


def _connection(request: PersonsRequest, connection_id: uuid.UUID) -> Connection:
    found: Connection = get_object_or_404(Connection.objects.of(request.user).present(), pk=connection_id)
    return found


@login_required
@require_GET
@may_leave_for_a_broker
def connections(request: PersonsRequest) -> HttpResponse:
    rows = Connection.objects.of(request.user).present().prefetch_related("accounts")
    return render(request, "brokers/connections.html", {"cards": [Card(row) for row in rows]})


@login_required
@require_GET
@may_leave_for_a_broker
def connect(request: PersonsRequest) -> HttpResponse:
    return render(request, "brokers/connect.html", {"choices": choices()})


@login_required
@require_POST
def connect_start(request: PersonsRequest, broker: str, environment: str) -> HttpResponse:
    """Send the person to the broker's own sign-in page, with a state bound to this session."""
    provider = _provider(broker, environment)
    if not provider.client.is_set_up:
        messages.error(request, f"{provider.title} is not set up on this installation: it has no OAuth client there.")
        return redirect("brokers:connect")
    url = desk.begin_connect(request.user, provider, _session_key(request), _reconnected(request, provider))
    return redirect(url)


def _reconnected(request: PersonsRequest, provider: oauth.Provider) -> Connection | None:
    asked = request.POST.get("reconnect", "")
    if not asked:
        return None
    try:
        connection = _connection(request, uuid.UUID(asked))
    except ValueError:
        raise Http404 from None
    if (connection.broker, connection.environment) != (provider.spec.name, provider.environment):
        raise Http404
    return connection


def _session_key(request: HttpRequest) -> str:
    return request.session.session_key or ""


@never_cache
@require_GET
def connect_callback(request: HttpRequest, broker: str, environment: str) -> HttpResponse:
    """Where a broker sends people back to. Not behind the sign-in page, whose address would then hold the code."""
    provider = _provider(broker, environment)
    try:
        connection = _finish(request, provider)
    except desk.ConnectProblem as problem:
        context = {"problem": problem, "provider": provider, "environment": provider.environment.value}
        response = render(request, "brokers/connect_problem.html", context, status=400)
    else:
        messages.success(request, f"{connection} is connected.")
        response = redirect("brokers:connections")
    response["Referrer-Policy"] = "no-referrer"
    return response


def _finish(request: HttpRequest, provider: oauth.Provider) -> Connection:
    if not isinstance(request.user, User):
        raise desk.ConnectProblem("not_signed_in")
    return desk.finish_connect(request.user, provider, _session_key(request), _answer(request))


def _answer(request: HttpRequest) -> desk.Answer:
    for name, values in request.GET.lists():
        if len(values) > 1 or len(values[0]) > LONGEST_PARAMETER:
            raise desk.ConnectProblem("duplicate_parameters", name if name.isidentifier() else "")
    given = request.GET
    return desk.Answer(
        state=Secret(given.get("state", "")),
        code=Secret(given.get("code", "")),
        error=given.get("error", ""),
        issuer=given.get("iss", ""),
    )


@sensitive_post_parameters("client_secret", "refresh_token")
@login_required
@require_http_methods(["GET", "POST"])
def connect_personal(request: PersonsRequest, broker: str, environment: str) -> HttpResponse:
    provider = _provider(broker, environment)
    if not provider.spec.capabilities.personal_grant:
        raise Http404
    form = PersonalGrantForm(request.POST if request.method == "POST" else None)
    if form.is_valid() and _connect_with(request, provider, form):
        return redirect("brokers:connections")
    context = {"form": form, "provider": provider, "environment": provider.environment.value}
    return render(request, "brokers/connect_personal.html", context, status=400 if form.errors else 200)


def _connect_with(request: PersonsRequest, provider: oauth.Provider, form: PersonalGrantForm) -> bool:
    typed = form.cleaned_data
    try:
        connection = desk.connect_personal(
            request.user,
            provider.spec.name,
            provider.environment,
            Secret(typed["client_secret"]),
            Secret(typed["refresh_token"]),
            typed["label"],
            typed["client_id"],
        )
    except BrokerError as error:
        form.add_error(None, f"{error.message} Nothing was stored.")
        return False
    messages.success(request, f"{connection} is connected.")
    return True


@login_required
@require_http_methods(["GET", "POST"])
def disconnect(request: PersonsRequest, connection_id: uuid.UUID) -> HttpResponse:
    """GET asks, POST does."""
    connection = _connection(request, connection_id)
    if request.method == "POST":
        desk.disconnect(connection, by=request.user)
        messages.success(request, f"{connection} is disconnected. What was stored of the permission is erased.")
        return redirect("brokers:connections")
    context = {"card": Card(connection), "environment": connection.environment}
    return render(request, "brokers/disconnect.html", context)


@login_required
@require_POST
def connection_test(request: PersonsRequest, connection_id: uuid.UUID) -> HttpResponse:
    connection = _connection(request, connection_id)
    try:
        accounts = [account for account in desk.test_connection(connection) if not account.is_closed]
    except BrokerError as error:
        messages.error(request, f"{connection} does not work at the moment: {error.message}")
    else:
        found = "1 account" if len(accounts) == 1 else f"{len(accounts)} accounts"
        messages.success(request, f"{connection} works: the broker answered with {found}.")
    return redirect("brokers:connections")


@login_required
@require_POST
def account_default(request: PersonsRequest, connection_id: uuid.UUID, account_id: uuid.UUID) -> HttpResponse:
    mine = Account.objects.of(request.user).filter(connection_id=connection_id, is_closed=False)
    account: Account = get_object_or_404(mine, pk=account_id)
    desk.choose_default(request.user, account)
    messages.success(request, f"{account} is your default account now.")
    return redirect("brokers:connections")
