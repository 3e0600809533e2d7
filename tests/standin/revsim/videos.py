# SPDX-License-Identifier: MIT
"""Videos after their upload: status, details, playback, changes, deletion."""

import copy
import re
import time
from datetime import datetime

from common.httpd import FilePart, Response
from revsim import metadata, patch
from revsim.answers import (Refusal, bad, fold, iso, json_body, malformed,
                            unauthorized)


def seen(rev, session, video_id):
    """A video that the user may see, else as if it were not there."""
    video = rev.videos.get(video_id)
    if not video or not video.can_view(session.user):
        raise Refusal(rev.settings.unknown_video)
    return video


def edited(rev, session, video_id):
    """A video that the user may change."""
    video = seen(rev, session, video_id)
    if not video.can_edit(session.user) or not session.user.may_patch:
        raise unauthorized()
    return video


# ---- reading -----------------------------------------------------------

def status(rev, request, session, video):
    video = seen(rev, session, video)
    word, processing, progress = video.progress.now()
    return {"videoId": video.id, "title": video.title, "status": word,
            "isProcessing": processing, "overallProgress": progress,
            "isActive": video.is_active,
            "uploadedBy": video.uploaded_by.username,
            "whenUploaded": iso(video.when_uploaded)}


def _person(user):
    return {"firstName": user.firstname, "lastName": user.lastname,
            "userId": user.id, "userName": user.username}


def category_paths(video):
    return [{"categoryId": c.id, "name": c.name, "fullPath": c.name,
             "restricted": c.restricted} for c in video.categories]


def shown_fields(rev, video):
    return [{"id": item.id, "name": item.name, "fieldType": item.type,
             "required": item.required, "displayedToUsers": True,
             "value": video.fields[item.id]}
            for item in rev.fields.values() if item.id in video.fields]


def playback_url(rev, video):
    return rev.url(f"/embed?id={video.id}")


def details(rev, request, session, video):
    video = seen(rev, session, video)
    word, processing, progress = video.progress.now()
    can_edit = bool(video.can_edit(session.user))
    shown = {
        "id": video.id, "title": video.title,
        "description": video.description,
        "htmlDescription": f"<p>{video.description}</p>",
        "categories": [c.id for c in video.categories],
        "categoryPaths": category_paths(video), "tags": list(video.tags),
        "isActive": video.is_active, "approvalStatus": "Approved",
        "status": word, "isProcessing": processing,
        "overallProgress": progress, "canEdit": can_edit,
        "videoAccessControl": video.access,
        "accessControlEntities": [e.show() for e in video.entities],
        "customFields": shown_fields(rev, video),
        "expirationDate": video.expiration, "expirationAction": None,
        "uploadedBy": video.uploaded_by.full_name,
        "whenUploaded": iso(video.when_uploaded),
        "publishDate": video.publish_date,
        "sourceType": video.source_type, "unlisted": video.unlisted,
        "owner": _person(video.owner), "upLoader": _person(video.uploader),
        "duration": "00:00:00", "videoConference": None,
        "thumbnailUrl": rev.url(f"/thumbnails/{video.id}.jpg"),
        "instances": [{"id": video.id, "status": word, "size": video.size,
                       "isOriginalInstance": True,
                       "videoKey": video.file_name}],
    }
    shown.update(video.flags)
    if can_edit:
        shown["password"] = video.password
    return shown


def playback(rev, request, session, video):
    """GET playback-url"""
    video = seen(rev, session, video)
    return {"video": {
        "id": video.id, "title": video.title,
        "categories": category_paths(video),
        "description": video.description,
        "htmlDescription": f"<p>{video.description}</p>",
        "tags": list(video.tags),
        "thumbnailUrl": rev.url(f"/thumbnails/{video.id}.jpg"),
        "playbackUrl": playback_url(rev, video)}}


def playback_streams(rev, request, session, video):
    """GET playback-urls"""
    video = seen(rev, session, video)
    return {"playbackResults": [{
        "label": "Original", "qValue": 1.0, "player": "Native",
        "url": rev.url(f"/media/{video.id}.mp4"), "zoneId": None,
        "zoneName": "Default", "videoFormat": "H264",
        "videoInstanceId": video.id, "deviceId": None, "deviceName": None,
        "isEnriched": False}], "jwtToken": None}


def media(rev, request, video):
    """The stored bytes, whole or one range: for playback checks."""
    with rev.lock:
        item = rev.videos.get(video.removesuffix(".mp4"))
        if not item or not item.stored or not item.is_active:
            return Response(404)
        path, size = item.stored, item.size
    wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", request.header("range"))
    if not wanted:
        return Response(200, content_type="video/mp4",
                        headers=[("Accept-Ranges", "bytes")],
                        file=FilePart(path, 0, size))
    first = int(wanted[1])
    last = min(int(wanted[2] or size - 1), size - 1)
    if first > last:
        return Response(416, headers=[("Content-Range", f"bytes */{size}")])
    return Response(206, content_type="video/mp4",
                    headers=[("Content-Range",
                              f"bytes {first}-{last}/{size}")],
                    file=FilePart(path, first, last - first + 1))


# ---- JSON Patch --------------------------------------------------------

def _document(rev, video):
    """What a patch may change, in the names that it uses."""
    document = {
        "Title": video.title, "Description": video.description,
        "IsActive": video.is_active, "Tags": list(video.tags),
        "Categories": [c.id for c in video.categories],
        "VideoAccessControl": video.access,
        "AccessControlEntities": [e.show() for e in video.entities],
        "CustomFields": [{"id": key, "value": value}
                         for key, value in video.fields.items()],
        "Unlisted": video.unlisted, "PublishDate": video.publish_date,
        "ExpirationDate": video.expiration, "Password": video.password,
        # read-only: changes are ignored
        "Id": video.id, "Status": video.progress.now()[0],
        "UploadedBy": video.uploaded_by.username,
        "WhenUploaded": iso(video.when_uploaded),
    }
    document.update({name[0].upper() + name[1:]: value
                     for name, value in video.flags.items()})
    return document


def _patched_fields(rev, video, operations, document):
    """Values of a patched document; one element of `replace` may merge."""
    values = metadata.read_field_values(rev, document["CustomFields"] or [])
    whole = any(str(op["path"]).lower() == "/customfields"
                and op["op"] in ("add", "replace") for op in operations)
    if whole and rev.settings.custom_fields_patch == "merge":
        values = {**video.fields, **values}
    return {key: value for key, value in values.items() if value}


def _take_document(rev, video, document, user):
    data = fold({name: value for name, value in document.items()
                 if name not in ("CustomFields",)})
    video.title = metadata.read_text(data["title"], "Title")
    video.description = metadata.read_text(data["description"], "Description")
    video.is_active = metadata.read_flag(data["isactive"], "IsActive")
    video.tags = metadata.read_strings(data["tags"], "Tags")
    video.categories = metadata.read_category_ids(rev, data["categories"],
                                                  user)
    video.access = metadata.read_access(rev, data["videoaccesscontrol"])
    video.entities = metadata.read_entities(rev,
                                            data["accesscontrolentities"])
    video.unlisted = metadata.read_flag(data["unlisted"], "Unlisted")
    video.expiration = data["expirationdate"]
    video.password = data["password"]
    video.flags = metadata.read_flags(data, video.flags)
    video.publish_date = data["publishdate"]
    if video.is_active and not video.publish_date:
        video.publish_date = time.strftime("%Y-%m-%d")


def patch_video(rev, request, session, video):
    """PATCH: all operations or none"""
    video = edited(rev, session, video)
    operations = json_body(request)
    try:
        document = patch.apply(_document(rev, video), operations)
    except patch.TestFailed as error:
        raise Refusal(409) from error
    except patch.NotThere as error:
        raise bad("UnprocessableEntity") from error
    except patch.PatchError as error:
        raise malformed(str(error)) from error
    changed = copy.copy(video)
    _take_document(rev, changed, document, session.user)
    changed.fields = _patched_fields(rev, video, operations, document)
    changed.patches += 1
    vars(video).update(vars(changed))
    rev.index.changed(video)
    return Response(200)


# ---- other changes -----------------------------------------------------

def put_video(rev, request, session, video):
    video = edited(rev, session, video)
    changed = copy.copy(video)
    metadata.apply_put(rev, changed, json_body(request), session.user)
    vars(video).update(vars(changed))
    rev.index.changed(video)
    return Response(200)


def put_access(rev, request, session, video):
    """PUT access-control"""
    video = edited(rev, session, video)
    data = fold(json_body(request))
    access = metadata.read_access(rev, data.get("accesscontrol"))
    video.entities = metadata.read_entities(
        rev, data.get("accesscontrolentities"))
    video.access = access
    video.password = data.get("password") if access == "Public" else None
    rev.index.changed(video)
    return Response(200)


def _when(text):
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
    except (ValueError, AttributeError) as error:
        raise malformed("whenUploaded") from error


def migrate(rev, request, session, video):
    """PUT migration: uploader, owner and dates as they were elsewhere"""
    video = edited(rev, session, video)
    data = fold(json_body(request))
    changed = copy.copy(video)
    if "username" in data:
        changed.uploader = metadata.find_uploader(rev, data["username"])
    if data.get("owner"):
        changed.owner = metadata.find_owner(rev, data["owner"])
        changed.owner_given = True
    if "whenuploaded" in data:
        changed.when_uploaded = _when(data["whenuploaded"])
    if "publishdate" in data:
        changed.publish_date = metadata.read_date(data["publishdate"],
                                                  "publishDate")
    if "legacyviewcount" in data:
        changed.legacy_views = data["legacyviewcount"]
    vars(video).update(vars(changed))
    rev.index.changed(video)
    return Response(200)


def delete(rev, request, session, video):
    video = edited(rev, session, video)
    rev.drop_video(video)
    return Response(200)
