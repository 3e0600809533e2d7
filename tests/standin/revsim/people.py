# SPDX-License-Identifier: MIT
"""Users, groups, and the search for access entities."""

from revsim.answers import Refusal, malformed
from revsim.search import scrolled

ENTITY_COUNT = 1000


def show_user(rev, user):
    return {
        "userId": user.id, "username": user.username,
        "firstname": user.firstname, "lastname": user.lastname,
        "email": user.email, "title": None, "phone": None,
        "language": "en", "userType": "System", "status": user.status,
        "roles": [{"id": name, "name": name} for name in user.roles],
        "groups": [{"id": rev.groups[i].id, "name": rev.groups[i].name}
                   for i in user.groups] or None,
        "channels": None,
        "permissions": {"canUpload": user.may_upload,
                        "canCreatePublicVods": user.may_upload,
                        "canCreateAllUsersVods": user.may_upload},
    }


def _by_email(rev, value):
    user = rev.user_by_email(value)
    if not user:
        return None
    shown = show_user(rev, user)
    return [shown] if rev.settings.email_answers_array else shown


def _by_name(rev, value):
    user = rev.user_named(value)
    return user and show_user(rev, user)


def _by_id(rev, value):
    user = rev.users.get(value)
    return user and show_user(rev, user)


LOOKUPS = {"": _by_id, "id": _by_id, "username": _by_name,
           "email": _by_email}


def get_user(rev, request, session, user):
    kind = request.query.get("type", "").lower()
    if kind not in LOOKUPS:
        raise malformed("type")
    found = LOOKUPS[kind](rev, user)
    if not found:
        raise Refusal(rev.settings.unknown_user)
    return found


def get_me(rev, request, session):
    return show_user(rev, session.user)


def get_groups(rev, request, session):
    groups = list(rev.groups.values())
    size = int(request.query.get("size", "100"))
    page = int(request.query.get("page", "0"))
    return [{"id": group.id, "name": group.name, "roleIds": []}
            for group in groups[page * size:(page + 1) * size]]


def get_group(rev, request, session, group):
    found = rev.groups.get(group)
    if not found:
        raise Refusal(rev.settings.unknown_user)
    return {"groupId": found.id, "groupName": found.name, "roles": []}


def get_group_users(rev, request, session, group):
    if group not in rev.groups:
        raise Refusal(rev.settings.unknown_user)
    return scrolled(rev, request.query, "userIds", "totalUsers",
                    ENTITY_COUNT,
                    lambda: [user.id for user in rev.users.values()
                             if group in user.groups],
                    lambda user_id: user_id)


def _user_hit(user):
    return {"EntityType": "User", "Id": user.id, "UserName": user.username,
            "FirstName": user.firstname, "LastName": user.lastname,
            "Email": user.email, "ProfileImageUri": None}


def _group_hit(group):
    return {"EntityType": "Group", "Id": group.id, "Name": group.name}


def _is_near(text, values):
    """Fuzzy: a part of a word is enough."""
    return any(text in str(value).lower() for value in values if value)


def _find_entities(rev, query):
    kind = query.get("type", "").lower()
    if kind not in ("", "user", "group", "channel", "role"):
        raise malformed("type")
    text = query.get("q", "").lower()
    found = []
    if kind in ("", "user"):
        found += [_user_hit(user) for user in rev.users.values()
                  if _is_near(text, (user.username, user.email,
                                     user.firstname, user.lastname))]
    if kind in ("", "group"):
        found += [_group_hit(group) for group in rev.groups.values()
                  if _is_near(text, (group.name,))]
    return found


def search_entities(rev, request, session):
    query = request.query
    return scrolled(rev, query, "accessEntities", "totalEntities",
                    ENTITY_COUNT, lambda: _find_entities(rev, query),
                    lambda hit: hit)
