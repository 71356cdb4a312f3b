"""Acts: buttons on a page and entries of a list's action menu that call a service.

Every act is a POST with a form, so that following a link never changes anything. A service's answer becomes a message;
its :class:`ValidationError` or :class:`ValueError` becomes an error people can read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import wraps
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from unfold.decorators import action
from unfold.enums import ActionVariant
from unfold.forms import BaseDialogForm

from outreach.lib.admin.widgets import dress

CHUNK = 1_000  # rows handed to a service at once when an act goes over a whole filter


class ActForm(BaseDialogForm):
    """The form of an act. Fields get the admin's look unless they bring a widget of their own (a textarea, say)."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            dress(field)
        self.prepare()

    def prepare(self) -> None:
        """Fill in choices and first values; ``self.object_id`` is the row's key where there is one."""


class ReasonForm(ActForm):
    """Asks why."""

    reason = forms.CharField(max_length=500, help_text="Kept in the audit trail.")


def complaint(error: ValidationError | ValueError) -> str:
    """A service's refusal as one sentence."""
    return " ".join(error.messages) if isinstance(error, ValidationError) else str(error)


def page_act(
    description: str,
    *,
    permission: str,
    explain: str = "",
    form: type[ActForm] = ActForm,
    icon: str | None = None,
    variant: ActionVariant = ActionVariant.DEFAULT,
    submit: str = "",
) -> Callable[..., Any]:
    """A button on a row's page: a dialog that explains, then ``act(self, request, instance, data)`` on POST.

    ``act`` returns the message for people. ``permission`` is ``app.codename``.
    """

    def decorate(act: Callable[[Any, HttpRequest, Any, dict[str, Any]], str]) -> Any:
        def run(self: Any, request: HttpRequest, filled: ActForm, object_id: str) -> HttpResponse:
            instance = self.get_object(request, object_id)
            if instance is None:
                raise Http404("There is no such row.")
            offered = self.offered(instance)
            if offered is not None and act.__name__ not in offered:
                messages.error(request, f"{description}: not possible as {instance} stands now.")
            else:
                _tell(request, lambda: act(self, request, instance, filled.cleaned_data))
            return _go(
                request, request.path.rstrip("/").rsplit("/", 1)[0].removesuffix("/change") + "/change/"
            )

        run.__name__ = act.__name__
        run.__doc__ = act.__doc__
        dialog = {
            "title": description, "description": explain, "form_class": form, "form_submit_text": submit or description,
        }  # fmt: skip
        button = action(
            run, description=description, icon=icon, variant=variant, dialog=dialog,
            url_path=act.__name__.replace("_", "-"),
        )  # fmt: skip
        return guarded(button, permission)

    return decorate


def guarded(button: Any, permission: str) -> Any:
    """The act for those who may; ``ModelAdmin`` hides it from others.

    Unfold's own ``permissions`` are not used: its system check looks them up in the database, which a first migrate has
    not made yet.
    """

    @wraps(button)
    def guard(self: Any, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse | None:
        if not request.user.has_perm(permission):
            raise PermissionDenied
        return button(self, request, *args, **kwargs)

    guard.needs = permission  # type: ignore[attr-defined]
    return guard


def list_act(
    description: str,
    *,
    permission: str,
    form: type[ActForm],
    explain: str = "",
    icon: str | None = None,
    submit: str = "",
) -> Callable[..., Any]:
    """A button above a list: a dialog, then ``act(self, request, data)`` on POST, which returns the message for people."""

    def decorate(act: Callable[[Any, HttpRequest, dict[str, Any]], str]) -> Any:
        def run(self: Any, request: HttpRequest, filled: ActForm) -> HttpResponse:
            _tell(request, lambda: act(self, request, filled.cleaned_data))
            return _go(request, request.path.rstrip("/").rsplit("/", 1)[0] + "/")

        run.__name__ = act.__name__
        run.__doc__ = act.__doc__
        dialog = {
            "title": description, "description": explain, "form_class": form, "form_submit_text": submit or description,
        }  # fmt: skip
        button = action(
            run, description=description, icon=icon, dialog=dialog, url_path=act.__name__.replace("_", "-")
        )
        return guarded(button, permission)

    return decorate


def bulk_act(
    description: str, *, permission: str, explain: str = "", form: type[ActForm] | None = None
) -> Callable[..., Any]:
    """An entry of a list's action menu: ``act(self, request, chosen, data)`` on the rows, or on a whole filter.

    With a ``form`` or an ``explain`` text a page asks first. ``act`` returns the message for people.
    """

    def decorate(act: Callable[[Any, HttpRequest, QuerySet, dict[str, Any]], str]) -> Any:
        def run(self: Any, request: HttpRequest, chosen: QuerySet) -> HttpResponse | None:
            if form is None and not explain:
                _tell(request, lambda: act(self, request, chosen, {}))
                return None
            filled = (form or ActForm)(
                data=request.POST if "apply" in request.POST else None, request=request
            )
            if filled.is_valid():
                _tell(request, lambda: act(self, request, chosen, filled.cleaned_data))
                return None
            return _ask(self, request, chosen, filled, act.__name__, description, explain)

        run.__name__ = act.__name__
        run.__doc__ = act.__doc__
        return guarded(action(run, description=description), permission)

    return decorate


def chunked_ids(chosen: QuerySet) -> Iterator[list[int]]:
    """The keys of a queryset in lists of ``CHUNK``, read once, so that what an act changes cannot hide rows from it."""
    ids = list(chosen.order_by().values_list("pk", flat=True))
    for start in range(0, len(ids), CHUNK):
        yield ids[start : start + CHUNK]


def each(request: HttpRequest, rows: Sequence[Any] | QuerySet, act: Callable[[Any], Any]) -> int:
    """Call ``act`` for each row; how many it did. What was refused is told, the first few by name."""
    done, refused = 0, []
    for row in rows:
        try:
            act(row)
            done += 1
        except (ValidationError, ValueError) as error:
            refused.append(f"{row}: {complaint(error)}")
    for text in refused[:3]:
        messages.error(request, text)
    if len(refused) > 3:
        messages.error(request, f"{len(refused) - 3} more were refused.")
    return done


def count(number: int, one: str, many: str = "") -> str:
    """``1 task``, ``2 tasks``."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def _tell(request: HttpRequest, act: Callable[[], str]) -> None:
    try:
        text = act()
    except (ValidationError, ValueError) as error:
        messages.error(request, complaint(error))
    else:
        if text:
            messages.success(request, text)


def _go(request: HttpRequest, url: str) -> HttpResponse:
    if request.headers.get("HX-Request"):
        return HttpResponse(headers={"HX-Redirect": url})
    return HttpResponseRedirect(url)


def _ask(
    self: Any, request: HttpRequest, chosen: QuerySet, filled: ActForm, name: str, title: str, explain: str
) -> TemplateResponse:
    context = {
        **self.admin_site.each_context(request), "opts": self.opts, "title": title.rstrip("…"),
        "submit": title.rstrip("…"), "explain": explain,
        "form": filled, "action": name, "select_across": request.POST.get("select_across", "0"), "model_admin": self,
        "chosen": request.POST.getlist(ACTION_CHECKBOX_NAME), "checkbox": ACTION_CHECKBOX_NAME,
        "how_many": chosen.order_by().values("pk").count(),
    }  # fmt: skip
    return TemplateResponse(request, "admin/act.html", context)
