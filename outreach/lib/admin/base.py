"""The class every admin page of the installation extends, and its form for ledgers that nobody edits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Model, QuerySet
from django.db.models.constants import LOOKUP_SEP
from django.db.models.expressions import OrderBy
from django.http import HttpRequest, HttpResponse
from unfold.admin import ModelAdmin as UnfoldModelAdmin
from unfold.dataclasses import UnfoldAction
from unfold.views import ChangeList

from outreach.lib import events
from outreach.lib.admin.pagination import BigTablePaginator
from outreach.lib.admin.widgets import dress_plain


class TiesFollow(ChangeList):
    """Rows that are equal in the sorted column come newest first, or oldest first when the column is read backwards: one
    index, read in either direction, then serves both.
    """

    def _get_deterministic_ordering(self, ordering: Any) -> Any:
        found = super()._get_deterministic_ordering(ordering)
        added = len(found) == len(ordering) + 1 and found[-1] == "-pk"
        if added and isinstance(found[0], OrderBy) and not found[0].descending:
            found[-1] = "pk"
        return found


class ModelAdmin(UnfoldModelAdmin):
    """Lists show no total they had to count, filters apply together, pages may carry panels of their own.

    ``empty_hint`` says what to do when a list has nothing in it. ``panels`` gives a page's template its context.
    """

    list_per_page = 50
    list_max_show_all = 200
    show_full_result_count = False
    show_facets = False
    list_filter_submit = True
    paginator = BigTablePaginator
    save_on_top = False
    warn_unsaved_form = True
    list_fullwidth = True
    empty_hint = ""
    empty_link: tuple[str, str] | None = None  # (url name, text): where to go from an empty list

    def panels(self, request: HttpRequest, instance: Any) -> dict[str, Any]:
        """What the templates around the form of ``instance`` show."""
        return {}

    def enrich(self, request: HttpRequest, rows: list[Any]) -> None:
        """Give the rows of a list what its columns show beyond their own, in as many queries for 50 as for one."""

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """A list whose ties go the way of its columns."""
        return TiesFollow

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """The list, its rows read and enriched once."""
        changes = super().get_changelist_instance(request)
        changes.result_list = list(changes.result_list)
        self.enrich(request, changes.result_list)
        return changes

    def offered(self, instance: Any) -> set[str] | None:
        """The names of the acts that make sense for ``instance`` as it stands; ``None`` offers all."""
        return None

    def has_operate_permission(self, request: HttpRequest) -> bool:
        """Whether the user may act on rows of this model, where the rows themselves cannot be edited."""
        return request.user.has_perm(f"{self.opts.app_label}.change_{self.opts.model_name}")

    def get_actions_list(self, request: HttpRequest) -> list[UnfoldAction]:
        """Acts above the list that the user may do."""
        return [action for action in super().get_actions_list(request) if _may(request, action.method)]

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[UnfoldAction]:
        """Acts the user may do and that the row is ready for."""
        actions = [a for a in super().get_actions_detail(request, object_id) if _may(request, a.method)]
        instance = self.get_object(request, str(object_id))
        offered = None if instance is None else self.offered(instance)
        if offered is None:
            return actions
        prefix = f"{self.opts.app_label}_{self.opts.model_name}_"
        return [action for action in actions if action.action_name.removeprefix(prefix) in offered]

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Bulk acts the user may do."""
        return {
            name: entry for name, entry in super().get_actions(request).items() if _may(request, entry[0])
        }

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """The form; after a refusal, one that says what was refused."""
        form = super().get_form(request, obj, change=change, **kwargs)
        dress_plain(form)
        refusal = getattr(request, "refusal", None)
        return form if refusal is None else type(form.__name__, (RefusedForm, form), {"refusal": refusal})

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """As Django's; a service's refusal rolls the whole page back and shows it again with what was typed."""
        try:
            return super().changeform_view(request, *args, **kwargs)
        except Refusal as refusal:
            request.refusal = refusal.error  # type: ignore[attr-defined]
            return super().changeform_view(request, *args, **kwargs)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Save, and leave an audit event with the names of the changed fields."""
        super().save_model(request, obj, form, change)
        self.announce(request, [obj.pk], "changed" if change else "created", fields=form.changed_data)

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        """Delete, and leave an audit event."""
        pk, name = obj.pk, str(obj)
        super().delete_model(request, obj)
        self.announce(request, [pk], "deleted", called=name)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet) -> None:
        """Delete, and leave one audit event."""
        ids = list(queryset.values_list("pk", flat=True))
        super().delete_queryset(request, queryset)
        self.announce(request, ids, "deleted")

    def announce(self, request: HttpRequest, ids: list[int], what: str, **data: Any) -> None:
        """Emit ``<model>.<what>``, which the audit keeps."""
        events.emit(
            f"{self.opts.model_name}.{what}",
            model=self.opts.label_lower,
            ids=ids,
            by=user_of(request),
            **data,
        )

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The page of one row with its panels."""
        context = dict(extra_context or {})
        if request.method == "GET":
            instance = self.get_object(request, object_id)
            if instance is not None and self.has_view_or_change_permission(request, instance):
                context |= self.panels(request, instance)
        return super().change_view(request, object_id, form_url, context)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Lists may be linked to by any plain field of their own or by a related key, e.g. ``campaign_id=3``."""
        name = lookup.removesuffix(f"{LOOKUP_SEP}exact")
        if name in {field.attname for field in self.opts.concrete_fields}:
            return True
        return super().lookup_allowed(lookup, value, request)


def _may(request: HttpRequest, act: Any) -> bool:
    needs = getattr(act, "needs", None)
    return needs is None or request.user.has_perm(needs)


class Ledger(ModelAdmin):
    """A table that people read and never edit; what may be done with a row is an act."""

    warn_unsaved_form = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Nobody."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Nobody; retention deletes."""
        return False


def user_of(request: HttpRequest) -> User:
    """The member of staff who asks; the admin lets nobody else in."""
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user


class Refusal(Exception):
    """A service refused what a form asked for; the page is shown again with its words."""

    def __init__(self, error: ValidationError | ValueError) -> None:
        super().__init__(str(error))
        self.error = error


@contextmanager
def refusable() -> Iterator[None]:
    """Around a service call in ``save_model``: a refusal rolls everything back and becomes an error of the form."""
    try:
        yield
    except (ValidationError, ValueError) as error:
        raise Refusal(error) from error


class RefusedForm:
    """Mixed into a form that is shown again after a service refused it."""

    refusal: ValidationError | ValueError
    fields: dict[str, Any]

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        add_errors(self, self.refusal)


def add_errors(form: Any, error: ValidationError | ValueError) -> None:
    """Show a service's complaint at the fields it names, as far as the form has them."""
    if not isinstance(error, ValidationError):
        form.add_error(None, str(error))
    elif not hasattr(error, "error_dict"):
        form.add_error(None, error)
    else:
        for field, errors in error.error_dict.items():
            form.add_error(field if field in form.fields else None, errors)
