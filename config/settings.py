"""All settings, read once from the environment; what is missing or wrong stops the start in words.

``.env.example`` lists every variable. ``LOCAL=1`` is a desk on this machine for its owner: it serves static
files from the source tree, sends cookies over plain http and makes a demo user. It never turns on debug
pages, for those show local variables and so could show a broker's token.
"""

import re
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

from brokers.wire import VERSION

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = Path(environ.Env().str("VAR_DIR", default=str(BASE_DIR / "var")))

env = environ.Env()
for env_file in (BASE_DIR / ".env", VAR_DIR / "local.env"):
    env.read_env(env_file, overwrite=False) if env_file.is_file() else None

LOCAL = env.bool("LOCAL", default=False)
DEBUG = False
SECRET_KEY = env.str("SECRET_KEY", default="")
if len(SECRET_KEY) < 32:
    raise ImproperlyConfigured(
        "SECRET_KEY is missing or shorter than 32 characters. `make run` makes one for a desk on this machine; "
        "for a server put 50 random characters into .env (see .env.example)."
    )

# "id:base64 of 32 bytes", newest first: the first seals, all unseal (brokers/vault.py).
TOKEN_KEYS = env.list("TOKEN_KEYS", default=[])
if not TOKEN_KEYS:
    raise ImproperlyConfigured(
        "TOKEN_KEYS is missing: brokers' tokens can't be kept without a key. Make one with "
        "`python -m brokers.vault` and put it into .env (see .env.example)."
    )

BASE_URL = env.str("BASE_URL", default="http://localhost:8000").rstrip("/")
_base = urlsplit(BASE_URL)
if _base.scheme not in ("http", "https") or not _base.hostname or _base.path:
    raise ImproperlyConfigured(f"BASE_URL must look like https://desk.example.org, not {BASE_URL!r}.")
if _base.scheme == "http" and not LOCAL:
    raise ImproperlyConfigured("BASE_URL must begin with https:// unless LOCAL=1: sign-in needs an encrypted path.")
SECURE = _base.scheme == "https"
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1"] if LOCAL else [_base.hostname])
CSRF_TRUSTED_ORIGINS = [BASE_URL]

INSTALLED_APPS = [
    "brokers",
    "portfolio",
    "trading",
    "market",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "csp",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "channels",
]

MIDDLEWARE = [
    "config.compression.CompressionMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "config.middleware.RequestIdMiddleware",
    "config.static_files.StaticFilesMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "trading.audit.acting.ActorMiddleware",
    "config.middleware.PrivatePagesMiddleware",
    "config.pages.NoMethodMiddleware",
]

ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "config.context.desk",
            ],
            "builtins": ["brokers.templatetags.desk"],
        },
    }
]

# Database: SQLite with a write-ahead log, durable commits and immediate transactions; or DATABASE_URL.
DATABASES: dict[str, Any] = {"default": env.db_url("DATABASE_URL", default=f"sqlite:///{VAR_DIR / 'blotter.sqlite3'}")}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["ENGINE"] = "config.sqlite"  # the same, with writers that take turns
    Path(DATABASES["default"]["NAME"]).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
    }
    DATABASES["default"]["TEST"] = {"NAME": str(VAR_DIR / "test.sqlite3")}
else:
    # Few connections are shared by all threads: nobody keeps one while waiting for a broker (connections/waiting.py).
    DATABASES["default"]["ENGINE"] = "config.postgresql"
    DATABASES["default"]["CONN_MAX_AGE"] = 0
    DATABASES["default"].setdefault("OPTIONS", {})["pool"] = {
        "min_size": 1,
        "max_size": env.int("DATABASE_CONNECTIONS", default=20),
        "timeout": 15,
    }
    if env.bool("DATABASE_PREPARED", default=False):
        DATABASES["default"]["OPTIONS"]["prepare_threshold"] = 3
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = env.str("REDIS_URL", default="")
CHANNEL_LAYERS: dict[str, Any] = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
# Django's own 300 entries would be less than one chain's quotes: what is still wanted would be thrown out. One takes
# about a kilobyte, so these are some 10 MB at the most; what was asked for least lately goes first.
CACHE_ENTRIES = 10_000
CACHES: dict[str, Any] = {
    "default": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "OPTIONS": {"MAX_ENTRIES": CACHE_ENTRIES},
    }
}
if REDIS_URL:
    CHANNEL_LAYERS["default"] = {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [REDIS_URL]},
    }
    CACHES["default"] = {
        "BACKEND": "config.caching.RedisOrMemory",
        "LOCATION": REDIS_URL,
        "MEMORY_ENTRIES": CACHE_ENTRIES,
    }

# Sign-in
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "email", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_ADAPTER = "config.signup.SignupAdapter"
SIGNUP_OPEN = env.bool("SIGNUP_OPEN", default=True)
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "portfolio:overview"
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
if env.str("EMAIL_URL", default=""):
    vars().update(env.email_url("EMAIL_URL"))

SESSION_ENGINE = "config.sessions"
SESSION_COOKIE_NAME = "__Host-sessionid" if SECURE else "sessionid"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_AGE = 12 * 3600
CSRF_FAILURE_VIEW = "config.pages.csrf_failed"
CSRF_COOKIE_NAME = "__Host-csrftoken" if SECURE else "csrftoken"
SECURE_SSL_REDIRECT = SECURE
SECURE_REDIRECT_EXEMPT = [r"^health/$"]
SECURE_HSTS_SECONDS = 365 * 86400 if SECURE else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if env.bool("BEHIND_PROXY", default=False) else None
SECURE_REFERRER_POLICY = "same-origin"
SILENCED_SYSTEM_CHECKS = ["security.W021"]  # the browsers' preload list is for a site's owner to decide
X_FRAME_OPTIONS = "DENY"

CONTENT_SECURITY_POLICY: dict[str, Any] = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "connect-src": ["'self'"],
        "object-src": ["'none'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
        "form-action": ["'self'"],
    }
}

LANGUAGE_CODE = "en-us"
TIME_ZONE = "America/New_York"
FORMAT_MODULE_PATH = "config.formats"
USE_TZ = True
USE_I18N = False

STATIC_URL = "static/"
STATIC_ROOT = VAR_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = LOCAL
WHITENOISE_AUTOREFRESH = LOCAL
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if LOCAL
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}

REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.SessionAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "config.api.problem_from_exception",
    "COERCE_DECIMAL_TO_STRING": True,
}
SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "Blotter",
    "DESCRIPTION": "Accounts, positions and orders of the brokers you have connected.",
    "VERSION": VERSION,
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_NAME_OVERRIDES": {
        "OrderStatusEnum": "trading.api.schema_names.ORDER_STATUS",
        "ReplacementStatusEnum": "trading.api.schema_names.REPLACEMENT_STATUS",
        "OrderSourceEnum": "trading.api.schema_names.ORDER_SOURCE",
        "AlertStateEnum": "trading.api.schema_names.ALERT_STATE",
        "HaltStateEnum": "trading.api.schema_names.HALT_STATE",
        "GroupKindEnum": "trading.api.schema_names.GROUP_KIND",
        "TradingStateEnum": "trading.api.schema_names.TRADING_STATE",
    },
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "config.api.document_problems",
    ],
}


def _client(broker: str, environment: str) -> dict[str, str]:
    """The OAuth client of one broker's environment; the simulated world has names of its own."""
    prefix = broker.upper() if environment == "live" else f"{broker.upper()}_{environment.upper()}"
    return {
        "client_id": env.str(f"{prefix}_CLIENT_ID", default=""),
        "client_secret": env.str(f"{prefix}_CLIENT_SECRET", default=""),
    }


def _hosts(broker: str, environment: str) -> dict[str, str]:
    """Hosts that replace a broker's own: how ``sim`` points at the simulator."""
    prefix = f"{broker.upper()}_{environment.upper()}"
    names = ("api", "authorize", "token", "streamer")
    return {name: value for name in names if (value := env.str(f"{prefix}_{name.upper()}_URL", default=""))}


def _budgets(broker: str, environment: str) -> dict[str, tuple[int, int]]:
    """Calls in so many seconds by category, in place of a broker's own: "positions=30/30,orders=20/1"."""
    name = f"{broker.upper()}_{environment.upper()}_BUDGETS"
    found: dict[str, tuple[int, int]] = {}
    for entry in env.list(name, default=[]):
        written = re.fullmatch(r"\s*([a-z][a-z0-9 -]*?)\s*=\s*([1-9]\d{0,5})\s*/\s*([1-9]\d{0,4})\s*", entry)
        if written is None:
            raise ImproperlyConfigured(f"{name} must look like positions=30/30,orders=20/1 (calls/seconds): {entry!r}.")
        found[written[1]] = int(written[2]), int(written[3])
    return found


_BROKERS = sorted(path.parent.name for path in (BASE_DIR / "brokers").glob("*/spec.py"))
_CONTEXTS = [(broker, environment) for broker in _BROKERS for environment in ("sim", "live")]
BROKER_CLIENTS = {context: _client(*context) for context in _CONTEXTS}
BROKER_HOSTS = {context: _hosts(*context) for context in _CONTEXTS}
BROKER_BUDGETS = {context: _budgets(*context) for context in _CONTEXTS}


def _closures() -> dict[date, str]:
    """Days on which the share market stays closed that no rule foresees, with their reasons."""
    found: dict[date, str] = {}
    for entry in env.list("MARKET_CLOSURES", default=[]):
        day, _, reason = entry.partition("=")
        try:
            found[date.fromisoformat(day.strip())] = reason.strip() or "Closed"
        except ValueError:
            words = f"MARKET_CLOSURES must look like 2025-01-09=Day of Mourning,2026-10-29=Storm: {entry!r}."
            raise ImproperlyConfigured(words) from None
    return found


MARKET_CLOSURES = _closures()
STRATEGY_NAMER = "trading.analytics.naming.name_of"  # what the positions page names its groups by
LIVE_LIMITS = {
    name: value
    for name in ("tabs", "symbols", "symbols_of_person")
    if (value := env.int(f"LIVE_{name.upper()}", default=0)) > 0
}

LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"redact": {"()": "brokers.redaction.RedactionFilter"}},
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "filters": ["redact"], "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", default="INFO")},
    "loggers": {
        "django.server": {"handlers": [], "propagate": True},
        # Their request lines hold query strings, and so authorization codes.
        "uvicorn.access": {"handlers": [], "propagate": False},
        "urllib3": {"level": "ERROR"},  # its warnings of retries name account numbers
        "websockets": {"level": "WARNING"},
    },
}
