"""Everything that changes an account, its limits or its state: checked first, whole, and announced."""

from accounts.services.health import set_health
from accounts.services.limits import (
    end_warm_up,
    pause_warm_up,
    purge_allowances,
    remove_limit,
    resume_warm_up,
    set_limit,
    start_warm_up,
)
from accounts.services.proxies import proxy_of, set_proxy, test_proxy
from accounts.services.registry import (
    Ramp,
    change_time_zone,
    create_account,
    link_chat_accounts,
    set_credentials,
    settle_time_zone,
    settle_time_zones,
    update_account,
)
from accounts.services.secrets import renew_secret
from accounts.services.status import (
    disable,
    mark_error,
    mark_limited,
    mark_verified,
    pause,
    remark,
    resume,
    settle_warm_ups,
)

__all__ = [
    "Ramp",
    "change_time_zone",
    "create_account",
    "disable",
    "end_warm_up",
    "link_chat_accounts",
    "mark_error",
    "mark_limited",
    "mark_verified",
    "pause",
    "pause_warm_up",
    "proxy_of",
    "purge_allowances",
    "remark",
    "remove_limit",
    "renew_secret",
    "resume",
    "resume_warm_up",
    "set_credentials",
    "set_health",
    "set_limit",
    "set_proxy",
    "settle_time_zone",
    "settle_time_zones",
    "settle_warm_ups",
    "start_warm_up",
    "test_proxy",
    "update_account",
]
