# SPDX-License-Identifier: MIT
"""Search for videos, with scrolling, on the lagging index."""

from datetime import datetime, timezone

from revsim.answers import iso, malformed
from revsim.videos import playback_url

DEFAULT_COUNT = 50



def count_of(query, default):
    text = query.get("count", str(default))
    if not text.isdigit() or int(text) == 0:
        raise malformed("count")
    return int(text)


def scrolled(rev, query, key, total_key, default, find, show):
    """One page of an answer that scrolls."""
    count = count_of(query, default)
    scroll = query.get("scrollId") or rev.scrolls.begin(find())
    page = rev.scrolls.next_page(scroll, count)
    if page is None:
        return {key: [], total_key: 0, "scrollId": None, "statusCode": 404,
                "statusDescription": "Scroll context not found"}
    results, total = page
    return {key: [show(item) for item in results], total_key: total,
            "scrollId": scroll, "statusCode": 200, "statusDescription": None}


# ---- filters: each takes (rev, video, value) ---------------------------

def _words(value):
    return [item.strip().lower() for item in value.split(",") if item.strip()]


def _date(value):
    try:
        when = datetime.fromisoformat(value.replace("Z", "+00:00"))
    except ValueError as error:
        raise malformed("date") from error
    if when.tzinfo is None:
        when = when.replace(tzinfo=timezone.utc)
    return when.timestamp()


def _by_type(rev, video, value):
    return value.lower() == "vod"


def _by_status(rev, video, value):
    return video.is_active == (value.lower() == "active")


def _by_access(rev, video, value):
    return video.access.lower() == value.lower()


FILTERS = {
    "type": _by_type,
    "status": _by_status,
    "accessControl": _by_access,
    "uploaders": lambda rev, v, s: any(
        name in (v.uploader.username.lower(), v.uploader.full_name.lower())
        for name in _words(s)),
    "uploaderIds": lambda rev, v, s: v.uploader.id in _words(s),
    "owners": lambda rev, v, s: any(
        name in (v.owner.username.lower(), v.owner.full_name.lower())
        for name in _words(s)),
    "ownerIds": lambda rev, v, s: v.owner.id in _words(s),
    "categories": lambda rev, v, s: any(c.name.lower() in _words(s)
                                        for c in v.categories),
    "videoIds": lambda rev, v, s: v.id in _words(s),
    "fromUploadDate": lambda rev, v, s: v.when_uploaded >= _date(s),
    "toUploadDate": lambda rev, v, s: v.when_uploaded <= _date(s),
    "fromPublishedDate": lambda rev, v, s: (v.publish_date or "") >= s[:10],
    "toPublishedDate": lambda rev, v, s: (v.publish_date or "9") <= s[:10],
    "channelId": lambda rev, v, s: False,
}
# Not filters.
PLAIN = {"q", "searchField", "exactMatch", "unlisted", "sortField",
         "sortDirection", "count", "scrollId", "fromModifiedDate",
         "toModifiedDate", "titleOnly"}

TEXTS = {
    "title": lambda v: [v.title],
    "tags": lambda v: v.tags,
    "categories": lambda v: [c.name for c in v.categories],
    "uploader": lambda v: [v.uploader.username, v.uploader.full_name],
}


def _matches_text(video, query):
    text = query.get("q", "").strip().lower()
    if not text:
        return True
    wanted = query.get("searchField")
    if query.get("titleOnly", "").lower() == "true":
        wanted = "title"
    if wanted and wanted.lower() not in TEXTS:
        raise malformed("searchField")
    sources = [TEXTS[wanted.lower()]] if wanted else list(TEXTS.values())
    values = [value.lower() for source in sources for value in source(video)]
    if not wanted:
        values.append(video.description.lower())
    if query.get("exactMatch", "").lower() == "true":
        return text in values
    words = text.split()
    return any(all(word in value for word in words) for value in values)


def _is_listed(video, query):
    wanted = query.get("unlisted", "listed").lower()
    return wanted == "all" or video.unlisted == (wanted == "unlisted")


def _matches_fields(rev, video, query):
    """A custom field that Rev does not know is ignored."""
    for name, value in query.items():
        if name in FILTERS or name in PLAIN:
            continue
        item = rev.field_named(name)
        if item and video.fields.get(item.id, "") != value:
            return False
    return True


def _is_hit(rev, video, query):
    return (_is_listed(video, query) and _matches_text(video, query) and
            _matches_fields(rev, video, query) and
            all(FILTERS[name](rev, video, value)
                for name, value in query.items() if name in FILTERS))


SORT_KEYS = {
    "title": lambda v: v.title.lower(),
    "whenuploaded": lambda v: v.when_uploaded,
    "uploadedby": lambda v: v.uploader.username,
}


def _find(rev, session, query):
    visible = [video for video in rev.index.entries()
               if video.can_view(session.user)
               and not video.flags.get("sensitiveContent")]
    if not rev.settings.search_strangers:
        visible = [video for video in visible if _is_hit(rev, video, query)]
    key = SORT_KEYS.get(query.get("sortField", "whenUploaded").lower(),
                        SORT_KEYS["whenuploaded"])
    visible.sort(key=key,
                 reverse=query.get("sortDirection", "").lower() != "asc")
    return visible


def _show(rev, session, video):
    """A hit. It carries no custom fields."""
    return {
        "id": video.id, "title": video.title,
        "description": video.description, "tags": list(video.tags),
        "categories": [c.name for c in video.categories],
        "thumbnailUrl": rev.url(f"/thumbnails/{video.id}.jpg"),
        "playbackUrl": playback_url(rev, video), "duration": "00:00:00",
        "status": "Active" if video.is_active else "Inactive",
        "uploader": video.uploader.username,
        "uploadedBy": video.uploaded_by.full_name,
        "whenUploaded": iso(video.when_uploaded),
        "publishDate": video.publish_date,
        "owner": {"id": video.owner.id, "username": video.owner.username,
                  "fullname": video.owner.full_name},
        "unlisted": video.unlisted, "sourceType": video.source_type,
        "canEdit": bool(video.can_edit(session.user)),
    }


def search_videos(rev, request, session):
    query = request.query
    return scrolled(rev, query, "videos", "totalVideos", DEFAULT_COUNT,
                    lambda: _find(rev, session, query),
                    lambda video: _show(rev, session, video))
