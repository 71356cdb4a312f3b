"""The history of profiles' figures: written where a profile is read, one row for a day on which something changed."""

from __future__ import annotations

from django.db import connection

from leads.models import Profile

# A day's row is written over by the day's next reading; a reading that says what the last row says leaves no row. A row of
# today that changed back to what stood before stays: that the figures moved is history, too.
RECORD = """
INSERT INTO leads_profilefigures (profile_id, day, followers_count, following_count, posts_count)
SELECT %(profile)s, (now() AT TIME ZONE 'UTC')::date, %(followers)s::integer, %(following)s::integer, %(posts)s::integer
WHERE NOT EXISTS (
    SELECT FROM (
        SELECT * FROM leads_profilefigures WHERE profile_id = %(profile)s ORDER BY day DESC LIMIT 1) AS last
    WHERE (last.followers_count, last.following_count, last.posts_count)
        IS NOT DISTINCT FROM (%(followers)s::integer, %(following)s::integer, %(posts)s::integer))
ON CONFLICT (profile_id, day) DO UPDATE SET followers_count = excluded.followers_count,
    following_count = excluded.following_count, posts_count = excluded.posts_count
"""


def record_figures(profile: Profile) -> bool:
    """Keep the profile's figures of today, if they are others than the last ones kept; whether they were."""
    counts = (profile.followers_count, profile.following_count, profile.posts_count)
    if counts == (None, None, None):
        return False
    named = dict(zip(("followers", "following", "posts"), counts, strict=True))
    with connection.cursor() as cursor:
        cursor.execute(RECORD, {"profile": profile.pk, **named})
        return cursor.rowcount > 0
