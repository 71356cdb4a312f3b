"""What sending mail adds to an account's page: how its mail fares, how its domain stands, and letting it send again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import HttpRequest
from unfold.enums import ActionVariant

from accounts.admin.accounts import CHANGE
from accounts.models import Account
from automation.channels.email.domain import Grade
from automation.conversations import deliverability, domains
from outreach.lib.admin import show
from outreach.lib.admin.acts import page_act
from outreach.lib.admin.base import user_of

if TYPE_CHECKING:
    from accounts.admin.accounts import AccountAdmin as Base
else:
    Base = object

COLOURS = {
    Grade.GOOD: "green",
    Grade.WEAK: "amber",
    Grade.MISSING: "red",
    Grade.WRONG: "red",
    Grade.UNKNOWN: "grey",
}
MAIL_ACTS = ("check_domain", "send_again")


class MailboxActs(Base):
    """Mixed into the page of accounts; shows nothing where an account sends no mail."""

    def offered(self, instance: Account) -> set[str]:
        acts = super().offered(instance)
        if domains.sends_mail(instance):
            acts |= {"check_domain"}
            acts |= {"send_again"} if deliverability.is_stopped(instance) else set()
        return acts

    def panels(self, request: HttpRequest, instance: Account) -> dict[str, Any]:
        found = super().panels(request, instance)
        if not domains.sends_mail(instance):
            return found
        checked = domains.latest(instance)
        records = checked.records if checked else ()
        return found | {
            "mail": deliverability.of_account(instance),
            "mail_stopped": deliverability.is_stopped(instance),
            "domain": domains.domain_of(instance),
            "domain_checked": checked,
            "domain_records": [(show.badge(str(one.grade), COLOURS[one.grade]), one) for one in records],
        }

    @page_act(
        "Check the domain", permission=CHANGE, icon="domain_verification",
        explain="SPF, DKIM, DMARC and MX of its domain are looked up; the page then shows what to do.",
    )  # fmt: skip
    def check_domain(self, request: HttpRequest, account: Account, data: dict[str, Any]) -> str:
        checked = domains.check(account=account, by=user_of(request))
        wanting = [record.name for record in checked.records if record.advice]
        return (
            f"{checked.domain}: see to {', '.join(wanting)}." if wanting else f"{checked.domain} is in order."
        )

    @page_act(
        "Send e-mail again", permission=CHANGE, icon="outgoing_mail", variant=ActionVariant.PRIMARY,
        explain="It was stopped since too much came back. What came back until now no longer counts.",
    )  # fmt: skip
    def send_again(self, request: HttpRequest, account: Account, data: dict[str, Any]) -> str:
        deliverability.allow_again(account=account, by=user_of(request))
        return f"{account} sends again."
