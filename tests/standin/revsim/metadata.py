# SPDX-License-Identifier: MIT
"""Metadata of videos: the JSON of an upload, a PUT, an access control list.

Each field has a reader; the table FIELDS is the documented list. Names of
fields compare without regard to case. What Rev drops silently is dropped
silently here too, and kept in Video.metadata for a test to see.
"""

import re
import time

from revsim.answers import Refusal, bad, fold, malformed, unauthorized
from revsim.model import Entity

ACCESS = {"public": "Public", "allusers": "AllUsers", "private": "Private",
          "channels": "Private"}
SOURCE_TYPES = ("REV", "WEBEX", "API", "VIDEO CONFERENCE",
                "WebexLiveStream", "LiveEnrichment")
# name on the wire: default at upload
FLAGS = {
    "enableRatings": True,
    "enableComments": True,
    "enableDownloads": False,
    "enableExternalApplicationAccess": False,
    "enableExternalViewersAccess": False,
    "enableAutoShowChapterImages": False,
    "doNotTranscode": False,
    "is360": False,
    "viewerIdEnabled": False,
    "sensitiveContent": False,
}


def read_text(value, name):
    if value is None:
        return ""
    if not isinstance(value, str):
        raise malformed(f"{name} is not a string")
    return value


def read_flag(value, name):
    if not isinstance(value, bool):
        raise malformed(f"{name} is not true or false")
    return value


def read_strings(value, name):
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, str)
                                              for item in value):
        raise malformed(f"{name} is not an array of strings")
    return value


def find_uploader(rev, value):
    if not value:
        raise bad("UserNotProvided")
    user = rev.user_named(read_text(value, "uploader"))
    if not user:
        raise bad("UserDoesNotExist")
    return user


def find_owner(rev, value):
    """{userId} or {username} or {email}"""
    if not isinstance(value, dict):
        raise malformed("owner is not an object")
    owner = (rev.users.get(value.get("userid")) or
             rev.user_named(value.get("username") or "") or
             rev.user_by_email(value.get("email") or ""))
    if not owner:
        raise bad("UserDoesNotExist", "owner does not exist")
    return owner


def read_access(rev, value):
    access = ACCESS.get(read_text(value, "videoAccessControl").lower())
    if not access:
        raise Refusal(400)
    if access == "Public" and not rev.settings.public_enabled:
        raise Refusal(400)
    return access


def _resolve(rev, order):
    kind = str(order.get("type", "")).lower()
    wanted, name = order.get("id"), order.get("name")
    can_edit = order.get("canedit") is True
    if kind == "user":
        user = rev.users.get(wanted) or rev.user_named(name or "")
        return user and Entity("User", user.id, user.username, can_edit)
    if kind == "group":
        group = rev.groups.get(wanted) or rev.group_named(name or "")
        return group and Entity("Group", group.id, group.name, can_edit)
    return None


def read_entities(rev, value):
    """Entities that resolve; others are dropped without a word."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise malformed("accessControlEntities is not an array")
    found = {}
    for order in value:
        if not isinstance(order, dict):
            raise malformed("access control entity is not an object")
        entity = _resolve(rev, fold(order))
        if entity:
            found[entity.id] = entity
    return list(found.values())


def _allowed(category, user):
    if category.restricted and not user.is_admin:
        raise unauthorized()
    return category


def read_categories(rev, names, user):
    """By name: those not found are dropped."""
    found = [rev.category_named(name) for name in
             read_strings(names, "categories")]
    return [_allowed(category, user) for category in found if category]


def read_category_ids(rev, ids, user):
    """By id: an unknown one fails the whole request."""
    found = [rev.categories.get(item) for item in
             read_strings(ids, "categoryIds")]
    if None in found:
        raise bad("OneOrMoreInvalidCategoriesFoundInRequest")
    return [_allowed(category, user) for category in found]


def read_field_values(rev, value):
    """[{id|name, value}] -> {field id: value}"""
    if value is None:
        return {}
    if not isinstance(value, list):
        raise malformed("customFields is not an array")
    values = {}
    for order in value:
        if not isinstance(order, dict):
            raise malformed("custom field is not an object")
        order = fold(order)
        item = (rev.fields.get(order.get("id")) or
                rev.field_named(order.get("name") or ""))
        if not item:
            raise malformed("custom field does not exist")
        text = read_text(order.get("value"), item.name)
        if item.type == "Select" and text and text not in item.values:
            raise malformed(f"{item.name}: not in its list")
        values[item.id] = text
    return values


def require_fields(rev, values):
    if not rev.settings.required_fields:
        return
    for item in rev.fields.values():
        if item.required and not values.get(item.id):
            raise malformed(f"custom field {item.name} is required")


def read_date(value, name):
    text = read_text(value, name)
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
        raise malformed(f"{name} is not YYYY-MM-DD")
    try:
        time.strptime(text, "%Y-%m-%d")
    except ValueError as error:
        raise malformed(str(error)) from error
    return text


def read_source_type(value):
    if value not in SOURCE_TYPES:
        raise malformed("sourceType")
    return value


def read_flags(data, defaults):
    return {name: read_flag(data[name.lower()], name)
            if name.lower() in data else default
            for name, default in defaults.items()}


def apply_common(rev, video, data, user, flag_defaults):
    """Fields that uploads and PUT share, defaults for those left out."""
    video.title = read_text(data.get("title"), "title") or video.file_name
    video.description = read_text(data.get("description"), "description")
    video.tags = list(dict.fromkeys(read_strings(data.get("tags"), "tags")))
    video.is_active = read_flag(data.get("isactive", False), "isActive")
    video.flags = read_flags(data, flag_defaults)
    video.access = (read_access(rev, data["videoaccesscontrol"])
                    if "videoaccesscontrol" in data else "Private")
    video.entities = read_entities(rev, data.get("accesscontrolentities"))
    video.password = (data.get("password") if video.access == "Public"
                      else None)
    video.unlisted = read_flag(data.get("unlisted", False), "unlisted")
    video.fields = read_field_values(rev, data.get("customfields"))
    require_fields(rev, video.fields)
    if "publishdate" in data:
        video.publish_date = read_date(data["publishdate"], "publishDate")
    elif video.is_active:
        video.publish_date = time.strftime("%Y-%m-%d")


def apply_upload(rev, video, raw, user):
    """Everything of an upload's `Video` object."""
    if not isinstance(raw, dict):
        raise malformed("Video is not an object")
    data = fold(raw)
    video.metadata = raw
    video.uploader = find_uploader(rev, data.get("uploader"))
    video.owner = video.uploader
    if data.get("owner"):
        video.owner = find_owner(rev, data["owner"])
        video.owner_given = True
    if data.get("categories") and data.get("categoryids"):
        raise malformed("categories and categoryIds")
    video.categories = (
        read_category_ids(rev, data["categoryids"], user)
        if data.get("categoryids")
        else read_categories(rev, data.get("categories"), user))
    if "sourcetype" in data:
        video.source_type = read_source_type(data["sourcetype"])
    if "legacyviewcount" in data:
        video.legacy_views = data["legacyviewcount"]
    apply_common(rev, video, data, user, FLAGS)


def apply_put(rev, video, raw, user):
    """The whole metadata anew: what is left out is reset."""
    if not isinstance(raw, dict):
        raise malformed("not an object")
    data = fold(raw)
    video.categories = read_category_ids(rev, data.get("categories"), user)
    apply_common(rev, video, data, user, dict.fromkeys(FLAGS, False))
