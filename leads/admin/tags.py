"""Tags."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.urls import reverse

from leads.models import Tag
from leads.services import tags
from outreach.lib.admin import show
from outreach.lib.admin.base import ModelAdmin


class TagForm(forms.ModelForm):
    def clean_name(self) -> str:
        """The name as tags are stored, so that "Hot  lead" and "Hot lead" are one."""
        try:
            return tags.clean_name(self.cleaned_data["name"])
        except ValueError as error:
            raise forms.ValidationError(str(error))


@admin.register(Tag)
class TagAdmin(ModelAdmin):
    form = TagForm
    list_display = ("name", "people_tagged")
    search_fields = ("name",)
    search_help_text = "Part of a tag's name"
    ordering = ("name",)
    empty_hint = (
        "Tags group people for filters and campaigns. Make one here, or tag people on the Leads list."
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Tag]:
        return super().get_queryset(request).annotate(tagged=Count("people"))

    @admin.display(description="People", ordering="tagged")
    def people_tagged(self, tag: Any) -> str:
        """How many people have it, with a link to them."""
        url = f"{reverse('admin:leads_person_changelist')}?tags__id__exact={tag.pk}"
        return show.link(url, f"{tag.tagged:,}")
