"""The pictures of a post on its page, and the addresses at which staff see them."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from unfold.admin import StackedInline

from automation.content import images
from automation.models import Post, PostImage
from outreach.lib.actors import Actor
from outreach.lib.admin import show
from outreach.lib.admin.formsets import ReadFormSet
from outreach.lib.admin.widgets import dress

CHANGE = "automation.change_post"
TAKES = "image/jpeg,image/png,image/webp,image/gif"
KEEP_SECONDS = 3600  # a picture never changes; who may see it does


class PostImageForm(forms.ModelForm):
    picture = forms.FileField(
        required=False, help_text="JPEG, PNG, WebP or still GIF, up to 20 MB. Where it was taken is removed."
    )
    alt = forms.CharField(
        max_length=1000, required=False, label="What it shows",
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="Read out to people who cannot see it. A post is not published without it.",
    )  # fmt: skip

    class Meta:
        model = PostImage
        fields = ("alt",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk and "picture" in self.fields:
            self.fields["picture"].label = "Replace it by"
        for field in self.fields.values():
            dress(field)
        if "picture" in self.fields:
            self.fields["picture"].widget.attrs["accept"] = TAKES

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if not self.instance.pk and self.has_changed() and not data.get("picture"):
            self.add_error("picture", "Choose a file.")
        return data


class PostImageFormSet(ReadFormSet):
    def apply(self, post: Post, by: Actor) -> None:
        """Remove, describe and add what the form says; raises :class:`ValidationError`."""
        for form in self.initial_forms:
            if form in self.deleted_forms:
                images.remove_image(image=form.instance, by=by)
            elif form.has_changed():
                self._change(form, by)
        for form in self.extra_forms:
            data = form.cleaned_data
            if data.get("picture") and form not in self.deleted_forms:
                images.add_image(post=post, upload=data["picture"].read(), alt=data["alt"], by=by)

    def _change(self, form: forms.ModelForm, by: Actor) -> None:
        data = form.cleaned_data
        if data.get("picture"):
            images.replace_image(image=form.instance, upload=data["picture"].read(), by=by)
        # The form has put the new words into its instance already: what is kept is asked of the database.
        kept = PostImage.objects.defer("content").select_related("post").get(pk=form.instance.pk)
        images.describe_image(image=kept, alt=data["alt"], by=by)


class PostImageInline(StackedInline):
    model = PostImage
    form = PostImageForm
    formset = PostImageFormSet
    extra = 0
    max_num = images.MOST
    verbose_name = "picture"
    verbose_name_plural = "pictures"
    fields = ("shown", "picture", "alt")
    readonly_fields = ("shown",)

    def get_fields(self, request: HttpRequest, obj: Post | None = None) -> Any:
        """A post that can no longer be changed has no place for another file."""
        return self.fields if self.has_change_permission(request, obj) else ("shown", "alt")

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).defer("content").order_by("position")

    def has_add_permission(self, request: HttpRequest, obj: Post | None = None) -> bool:
        return request.user.has_perm(CHANGE) and (obj is None or obj.status in images.EDITABLE)

    def has_change_permission(self, request: HttpRequest, obj: Post | None = None) -> bool:
        return self.has_add_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Post | None = None) -> bool:
        return self.has_add_permission(request, obj)

    def has_view_permission(self, request: HttpRequest, obj: Post | None = None) -> bool:
        return request.user.has_perm("automation.view_post")

    @admin.display(description="Picture")
    def shown(self, image: PostImage) -> str:
        """The picture, small."""
        if not image.pk:
            return show.EMPTY
        return format_html(
            '<a href="{0}" target="_blank"><img src="{0}" alt="{1}" class="o-picture"></a>'
            '<div class="o-muted">{2} × {3}, {4} KB</div>',
            reverse("admin:automation_post_image", args=[image.post_id, image.pk]),
            image.alt, image.width, image.height, max(1, image.size // 1000),
        )  # fmt: skip


def serve(request: HttpRequest, post_id: int, image_id: int) -> HttpResponse:
    """One picture, for staff who may see the post."""
    if not request.user.has_perm("automation.view_post"):
        raise PermissionDenied
    image = PostImage.objects.filter(post_id=post_id, pk=image_id).first()
    if image is None:
        raise Http404("There is no such picture.")
    return HttpResponse(
        bytes(image.content),
        content_type=image.mime,
        headers={"Cache-Control": f"private, max-age={KEEP_SECONDS}"},
    )
