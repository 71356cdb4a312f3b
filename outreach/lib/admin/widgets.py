"""The admin's look for the fields of forms that are not made from models."""

from __future__ import annotations

from typing import Any

from django import forms
from unfold.widgets import (
    UnfoldAdminFileFieldWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectMultipleWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminSplitDateTimeWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

WIDGETS: tuple[tuple[type[forms.Field], type[forms.Widget]], ...] = (
    (forms.ModelMultipleChoiceField, UnfoldAdminSelectMultipleWidget),
    (forms.ModelChoiceField, UnfoldAdminSelectWidget),
    (forms.MultipleChoiceField, UnfoldAdminSelectMultipleWidget),
    (forms.ChoiceField, UnfoldAdminSelectWidget),
    (forms.FileField, UnfoldAdminFileFieldWidget),
    (forms.SplitDateTimeField, UnfoldAdminSplitDateTimeWidget),
    (forms.IntegerField, UnfoldAdminIntegerFieldWidget),
    (forms.BooleanField, UnfoldBooleanSwitchWidget),
    (forms.CharField, UnfoldAdminTextInputWidget),
)


def dress(field: forms.Field) -> None:
    """Give a form field the admin's look; hidden fields stay hidden."""
    if field.widget.is_hidden:
        return
    if isinstance(field.widget, forms.Textarea):
        field.widget = UnfoldAdminTextareaWidget(attrs={"rows": field.widget.attrs.get("rows", 4)})
        return
    for kind, widget in WIDGETS:
        if isinstance(field, kind):
            choices = getattr(field, "choices", None)
            extra = {"choices": choices} if choices is not None else {}
            field.widget = widget(**extra) if kind is not forms.SplitDateTimeField else widget()
            field.widget.is_required = field.required
            return


def dress_plain(form: Any) -> None:
    """Dress the fields of a form class (``form``) that still look like Django's own."""
    for field in form.base_fields.values():
        if type(field.widget).__module__ == "django.forms.widgets":
            dress(field)
