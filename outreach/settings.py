"""Every setting of an installation, typed and read from the environment in one place.

A laptop needs none of them. With ``OUTREACH_ENV=production`` the process refuses to start without its secrets, and
the error says how to make each one.
"""

import secrets
from importlib.util import find_spec
from pathlib import Path

import environ
from django.core.exceptions import ImproperlyConfigured
from django.urls import reverse_lazy

from outreach.lib import crypto, postgres, trust
from outreach.lib.logs import logging_config
from outreach.look import UNFOLD  # noqa: F401 - the admin's look, read by Unfold

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()
environ.Env.read_env(BASE_DIR / ".env", overwrite=False)

PRODUCTION = env.str("OUTREACH_ENV", "development") == "production"
DEBUG = env.bool("OUTREACH_DEBUG", False)
DATA_DIR = Path(env.str("OUTREACH_DATA_DIR", str(BASE_DIR / ".data"))).resolve()


def required_in_production(name: str, how: str) -> str | None:
    """The variable's value; ``None`` on a laptop, an error that says ``how`` to make one in production."""
    value = env.str(name, "")
    if PRODUCTION and not value:
        raise ImproperlyConfigured(f"{name} is not set. OUTREACH_ENV=production needs it. {how}")
    return value or None


SECRET_KEY = required_in_production("SECRET_KEY", crypto.MAKE_SECRET_KEY) or crypto.laptop_secret(
    DATA_DIR / "secret_key", lambda: secrets.token_urlsafe(50)
)
ENCRYPTION_KEYS = [
    key.strip()
    for key in (
        required_in_production("ENCRYPTION_KEYS", crypto.MAKE_KEY)
        or crypto.laptop_secret(DATA_DIR / "encryption_key", crypto.new_key)
    ).split(",")
]
# Never rotated: hashes made with another key no longer match, and every erased person's no is forgotten.
HASH_KEY = required_in_production("HASH_KEY", crypto.MAKE_HASH_KEY) or crypto.laptop_secret(
    DATA_DIR / "hash_key", lambda: secrets.token_urlsafe(50)
)

# One queue signature of its own: rotating SECRET_KEY must not drop queued nudges.
ALLOWED_HOSTS = env.list(
    "ALLOWED_HOSTS", default=[] if PRODUCTION else ["localhost", "127.0.0.1", "[::1]", "testserver"]
)
if PRODUCTION and not ALLOWED_HOSTS:
    raise ImproperlyConfigured(
        "ALLOWED_HOSTS is not set. Name the host people open, e.g. outreach.example.org."
    )
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])

# --- Storage -------------------------------------------------------------------------------------------------------
# Web threads share psycopg's pool; workers keep one connection each (a pool does not survive their fork).
PROCESS_ROLE = env.str("OUTREACH_ROLE", "worker")
EMBEDDED_POSTGRES = postgres.Embedded.for_checkout(BASE_DIR, DATA_DIR)
if env.str("DATABASE_URL", ""):
    _database = env.db_url("DATABASE_URL")
    _database["ENGINE"] = "django.db.backends.postgresql"
elif PRODUCTION:
    raise ImproperlyConfigured(
        "DATABASE_URL is not set. Example: postgresql://outreach:secret@db.internal/outreach"
    )
else:
    _database = {"ENGINE": "outreach.lib.embedded", **EMBEDDED_POSTGRES.django_settings()}

# A server that went away without a word is noticed within seconds instead of the system's hours.
_database["OPTIONS"] = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
    **_database.get("OPTIONS", {}),
}
_database["CONN_HEALTH_CHECKS"] = True
if PROCESS_ROLE == "web":
    _database["CONN_MAX_AGE"] = 0
    _database["OPTIONS"]["pool"] = {"min_size": 1, "max_size": env.int("WEB_POOL_SIZE", 10), "timeout": 10}
else:
    _database["CONN_MAX_AGE"] = None
DATABASES = {"default": _database}
# Where LISTEN and session locks go when DATABASE_URL leads to a pgbouncer, which can do neither.
DIRECT_DATABASE = {
    key: value
    for key, value in (
        env.db_url("DATABASE_DIRECT_URL") if env.str("DATABASE_DIRECT_URL", "") else {}
    ).items()
    if key in {"NAME", "USER", "PASSWORD", "HOST", "PORT"}
}
# A pgbouncer gives each transaction another server, which knows nothing of what was prepared on the last one.
PREPARED_STATEMENTS = not DIRECT_DATABASE
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "outreach_cache"},
}

# --- Applications --------------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "unfold.apps.BasicAppConfig",
    "outreach.apps.OutreachAdminConfig",
    "unfold.contrib.filters",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.contrib.postgres",
    "django_q",
    "django_structlog",
    *([] if PROCESS_ROLE == "background" else ["ninja"]),  # 80 modules, for the API's own pages
    "accounts",
    "leads",
    "automation",
    "monitoring",
]
MIDDLEWARE = [
    "outreach.middleware.request_id_middleware",
    "outreach.middleware.api_errors_middleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_structlog.middlewares.RequestMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]
ROOT_URLCONF = "outreach.urls"
WSGI_APPLICATION = "outreach.wsgi.application"
LOGIN_URL = reverse_lazy("admin:login")
LOGIN_REDIRECT_URL = reverse_lazy("admin:index")

# --- Locale, static files ------------------------------------------------------------------------------------------
LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "static/"
STATIC_ROOT = DATA_DIR / "static"
STATIC_ROOT.mkdir(parents=True, exist_ok=True)  # whitenoise warns in every process about one that is missing
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = not PRODUCTION
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if PRODUCTION
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
MEDIA_ROOT = DATA_DIR / "media"

# --- Security ------------------------------------------------------------------------------------------------------
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = PRODUCTION
SECURE_SSL_REDIRECT = PRODUCTION and env.bool("SECURE_SSL_REDIRECT", True)
SECURE_HSTS_SECONDS = 31_536_000 if PRODUCTION else 0
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if env.bool("BEHIND_PROXY", False) else None
# The health checks of a load balancer speak plain HTTP to the process itself.
SECURE_REDIRECT_EXEMPT = [r"^health/"]
# Hosts inside private networks that channels may reach: the sandbox network and test peers live on loopback.
ALLOWED_PRIVATE_HOSTS = env.list(
    "ALLOWED_PRIVATE_HOSTS", default=[] if PRODUCTION else ["127.0.0.1", "localhost", "::1"]
)
if PRODUCTION and ALLOWED_PRIVATE_HOSTS:
    raise ImproperlyConfigured(
        "ALLOWED_PRIVATE_HOSTS is for laptops and tests; production must leave it empty."
    )
# Certificates of authorities to trust beside those everybody knows, as one file in PEM form.
TLS_CA_FILE = trust.required(env.str("TLS_CA_FILE", ""))

# Where people outside reach this installation, e.g. https://outreach.example.org: for links in mail, such as the one
# that says no. Campaigns by e-mail do not start without it.
PUBLIC_URL = env.str("PUBLIC_URL", "" if PRODUCTION else "http://127.0.0.1:8000").rstrip("/")

# --- Mail through a provider's API -----------------------------------------------------------------------------------
# Those accounts may send through, each with what it proves itself with when it calls <PUBLIC_URL>/hooks/mail/NAME.
MAIL_PROVIDERS: dict[str, str] = env.dict("MAIL_PROVIDERS", default={})
if PRODUCTION and (silent := [name for name, secret in MAIL_PROVIDERS.items() if not secret]):
    raise ImproperlyConfigured(
        f"MAIL_PROVIDERS gives {silent[0]} no secret: nobody would hear of bounces and complaints. Write "
        f"{silent[0]}=SECRET with the signing key it shows you, or for brevo and postmark a name:password of your own."
    )

# --- Background work -----------------------------------------------------------------------------------------------
WORKERS = env.int("WORKERS", 3)
REDIS_URL = env.str("REDIS_URL", "")
if REDIS_URL and find_spec("redis") is None:
    raise ImproperlyConfigured(
        "REDIS_URL is set, but the Redis client is not installed. Run: uv sync --extra redis"
    )
Q_CLUSTER = {
    "name": "outreach",
    "label": "Background jobs",
    "workers": WORKERS,
    # The queue is PostgreSQL's; with REDIS_URL django-q2's own broker keeps it in Redis, where a job dies with its worker.
    **(
        {"redis": REDIS_URL}
        if REDIS_URL
        else {"broker_class": "outreach.lib.queue.PostgresBroker", "orm": "default"}
    ),
    "poll": 5,  # seconds a broker waits for a NOTIFY before it looks anyway
    "timeout": 300,  # a job is killed after this; a drain ends by itself within a minute and a call's deadline
    "retry": 360,  # must exceed timeout, or a slow job runs twice
    "max_attempts": 3,
    "ack_failures": True,
    "catch_up": False,
    "recycle": 200,
    "max_rss": 300_000,  # kilobytes
    "save_limit": 200,
    "guard_cycle": 0.5,
    "bulk": 1,
    "queue_limit": 1,  # jobs taken ahead of a free worker: another cluster might have one free now
    "scheduler": False,  # ours, see outreach/lib/queue/schedules.py: one bad schedule does not stop the others
    "log_level": "WARNING",
}

# --- The engine ----------------------------------------------------------------------------------------------------
ENGINE = {
    # Threads of one drain; the time goes into waiting for networks.
    "lanes_at_once": env.int("LANES_AT_ONCE", 16),
    "lane_lease_seconds": env.float("LANE_LEASE_SECONDS", 30.0),
    "drain_seconds": env.float("DRAIN_SECONDS", 55.0),  # one drain job works at most this long
    # And listens this long for more before it ends.
    "drain_linger_seconds": env.float("DRAIN_LINGER_SECONDS", 2.0),
    "batch_size": env.int("ENGINE_BATCH_SIZE", 50),  # tasks claimed in one transaction
    "batch_ceiling": env.int("ENGINE_BATCH_CEILING", 400),  # what a batch may grow to while calls are quick
    "max_attempts": env.int("TASK_MAX_ATTEMPTS", 6),
    # Seconds between two acts upon people, per account.
    "default_sending_gap": env.float("DEFAULT_SENDING_GAP", 60.0),
    # Acts a minute and account: adapts between floor and cap (automation/engine/rates.py). A cap of 0 keeps no rate.
    "rate_start": env.int("RATE_START", 100),
    "rate_floor": env.int("RATE_FLOOR", 10),
    "rate_cap": env.int("RATE_CAP", 500),
    "breaker_failures": env.int("BREAKER_FAILURES", 5),
    "breaker_seconds": env.float("BREAKER_SECONDS", 60.0),
    "first_metrics": env.float("FIRST_METRICS_SECONDS", 1200.0),  # after publishing; later by the post's age
    "inbox_interval": env.float("INBOX_INTERVAL", 300.0),
    "retry_base_seconds": env.float("RETRY_BASE_SECONDS", 1.0),
    "failpoints": env.str("OUTREACH_FAILPOINTS", ""),  # tests only, see automation/engine/failpoints.py
}
if PRODUCTION and ENGINE["failpoints"]:
    raise ImproperlyConfigured(
        "OUTREACH_FAILPOINTS crashes workers on purpose; production must leave it empty."
    )

# Channel packages from outside automation/channels, by dotted name: those of benchmarks and tests.
EXTRA_CHANNELS = env.list("EXTRA_CHANNELS", default=[])
if PRODUCTION and EXTRA_CHANNELS:
    raise ImproperlyConfigured("EXTRA_CHANNELS is for benchmarks and tests; production must leave it empty.")

# --- Web process, health -------------------------------------------------------------------------------------------
WEB_BIND = env.str("WEB_BIND", "127.0.0.1:8000")
WEB_THREADS = env.int("WEB_THREADS", 8)
OVERDUE_ALERT_SECONDS = env.int("OVERDUE_ALERT_SECONDS", 120)

# --- Alerts --------------------------------------------------------------------------------------------------------
# Mail to staff, e.g. smtp+tls://user:password@mail.example.org:587; on a laptop it is written to the terminal.
globals().update(env.email_url("EMAIL_URL", default="consolemail://"))
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = SERVER_EMAIL = env.str("EMAIL_FROM", "outreach@localhost")
# Who hears of alerts; nobody: they stand in the admin only.
ALERT_EMAILS = env.list("ALERT_EMAILS", default=[])
ALERT_WEBHOOK_URL = env.str("ALERT_WEBHOOK_URL", "")  # takes what Slack's incoming webhooks take
# Signs each body, see monitoring/alerts/delivery.py.
ALERT_WEBHOOK_SECRET = env.str("ALERT_WEBHOOK_SECRET", "")
if PRODUCTION and ALERT_EMAILS and not env.str("EMAIL_URL", ""):
    raise ImproperlyConfigured(
        "ALERT_EMAILS is set and EMAIL_URL is not: nobody would be told. "
        "Example: EMAIL_URL=smtp+tls://user:password@mail.example.org:587"
    )

# --- Language model ------------------------------------------------------------------------------------------------
# Any OpenAI-compatible address, e.g. https://api.openai.com/v1, and its key; staff may set others in the admin, where models,
# prices and the budget are. Without one, rules and templates do the work.
LLM_URL = env.str("LLM_URL", "")
LLM_API_KEY = env.str("LLM_API_KEY", "")

# --- Browser -------------------------------------------------------------------------------------------------------
# Empty: Playwright's own download, else the system's, else one is installed (automation/browser/chromium.py).
CHROMIUM_PATH = env.str("CHROMIUM_PATH", "")
# A browser somewhere else: a Playwright server (ws://host:port/secret) or a CDP endpoint (http://host:9222). Empty: ours.
BROWSER_URL = env.str("BROWSER_URL", "")
BROWSER: dict[str, float] = {
    # Acts at once over all machines; one slot is kept for publishing and replying.
    "slots": env.int("BROWSER_SLOTS", 5),
    "slot_lease_seconds": env.float("BROWSER_SLOT_LEASE_SECONDS", 60.0),
    # Work of low urgency waits while a publication of a browser's account is due within so many seconds.
    "posting_window_seconds": env.float("BROWSER_POSTING_WINDOW_SECONDS", 120.0),
    "session_days": env.float("BROWSER_SESSION_DAYS", 30.0),  # a sign-in unused for so long is forgotten
    "server_idle_seconds": env.float("BROWSER_IDLE_SECONDS", 1800.0),  # the server ends until it is wanted
    "server_memory_mb": env.int("BROWSER_MEMORY_MB", 1500),  # a fresh Chromium takes over from a bigger one
    # An act waits so long for a server that starts.
    "start_seconds": env.float("BROWSER_START_SECONDS", 15.0),
    "retry_seconds": env.float("BROWSER_RETRY_SECONDS", 30.0),  # between tries to start one that will not
    "warm_workers": env.int("BROWSER_WARM_WORKERS", 2),  # idle children one process keeps, about 135 MB each
    "worker_idle_seconds": env.float("BROWSER_WORKER_IDLE_SECONDS", 60.0),
    "worker_acts": env.int("BROWSER_WORKER_ACTS", 200),  # then a child is replaced, as after so much growth:
    "worker_growth_mb": env.int("BROWSER_WORKER_GROWTH_MB", 100),
}

# The operator's own site files (*.toml), which come before the shipped ones; see README, "A site without an API".
WEB_SITES_DIR = env.str("WEB_SITES_DIR", "")
# Pictures and traces of acts done in a browser, shown on the task's page: kept for so long, and up to so much in all.
PROOF_DAYS = env.int("PROOF_DAYS", 30)
PROOF_MEGABYTES = env.int("PROOF_MEGABYTES", 500)
# Stands in the name we read websites under, so that their owners can write to somebody: an address or a mail address.
WEBSITE_CONTACT = env.str("WEBSITE_CONTACT", "")

# --- Logs ----------------------------------------------------------------------------------------------------------
LOGGING = logging_config(
    level=env.str("LOG_LEVEL", "INFO"),
    as_json=env.bool("LOG_JSON", PRODUCTION),
    folder=DATA_DIR / "logs",
    warnings_to="monitoring.errors.GroupingHandler",  # grouped in the admin
)
DJANGO_STRUCTLOG_IP_LOGGING_ENABLED = False
# The id comes from outreach.middleware, which lets only harmless ones of a client through.
DJANGO_STRUCTLOG_TRUST_UPSTREAM_REQUEST_ID = True
