"""Staff and their roles."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, User
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import BooleanRadioFilter, RelatedDropdownFilter
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from accounts import roles
from outreach.lib.admin import show
from outreach.lib.admin.base import ModelAdmin

admin.site.unregister(User)
admin.site.unregister(Group)


@admin.register(User)
class UserAdmin(DjangoUserAdmin, ModelAdmin):  # type: ignore[misc]
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("username", "full_name", "email", "roles", "is_staff", "is_active", "last_login")
    list_filter = (
        ("groups", RelatedDropdownFilter),
        ("is_staff", BooleanRadioFilter),
        ("is_active", BooleanRadioFilter),
    )
    search_help_text = "User name, name or e-mail address"
    ordering = ("username",)
    filter_horizontal = ()
    autocomplete_fields = ("groups",)
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        ("Who", {"fields": (("first_name", "last_name"), "email")}),
        (
            "What they may do",
            {
                "fields": (("is_active", "is_staff", "is_superuser"), "groups"),
                "description": "Staff may open this site; their groups say what they may do in it.",
            },
        ),
        ("Since", {"fields": (("last_login", "date_joined"),)}),
    )
    add_fieldsets = ((None, {"fields": ("username", "usable_password", "password1", "password2")}),)
    readonly_fields = ("last_login", "date_joined")

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        return super().get_queryset(request).prefetch_related("groups")

    @admin.display(description="Name", ordering="first_name")
    def full_name(self, user: User) -> str:
        """First and last name."""
        return user.get_full_name() or show.EMPTY

    @admin.display(description="Roles")
    def roles(self, user: User) -> str:
        """The groups they are in."""
        if user.is_superuser:
            return show.badge("Superuser", "amber")
        return ", ".join(group.name for group in user.groups.all()) or show.EMPTY


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, ModelAdmin):  # type: ignore[misc]
    list_display = ("name", "members", "kept")
    search_help_text = "Part of a group's name"
    filter_horizontal = ("permissions",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Group]:
        return super().get_queryset(request).annotate(member_count=Count("user"))

    def has_change_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        """The program's own roles are rewritten by every migrate, so editing them would only seem to work."""
        return super().has_change_permission(request, obj) and not (obj and obj.name in roles.NAMES)

    def has_delete_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        """As for changing."""
        return super().has_delete_permission(request, obj) and not (obj and obj.name in roles.NAMES)

    @admin.display(description="Members", ordering="member_count")
    def members(self, group: Any) -> int:
        """How many users are in it."""
        return group.member_count

    @admin.display(description="Kept by")
    def kept(self, group: Group) -> str:
        """Who says what it may do."""
        return show.badge("the program", "blue") if group.name in roles.NAMES else "you"
