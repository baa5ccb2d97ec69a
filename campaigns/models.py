"""The tables. Rows, not brains: what may happen to them is decided in the use-case modules.

Every moment is aware UTC (SQLModel's own column type refuses naive values on both databases); calendar days are dates.
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import Index, LargeBinary, MetaData, UniqueConstraint, text
from sqlmodel import Field, SQLModel

SQLModel.metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class PostState(StrEnum):
    DRAFT = "draft"
    APPROVED = "approved"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"  # a person has left the step out this year


class DeliveryState(StrEnum):
    """Where a delivery stands. Only `queued` moves by itself; a person settles `unknown` and `manual`."""

    QUEUED = "queued"
    SENDING = "sending"
    PUBLISHED = "published"
    HANDED_OVER = "handed_over"
    MANUAL = "manual"
    UNKNOWN = "unknown"
    FAILED = "failed"
    SKIPPED = "skipped"
    MISSED = "missed"  # its time came during a pause
    STOPPED = "stopped"
    WITHDRAWN = "withdrawn"
    REPLACED = "replaced"  # a correction stands in its place


class Act(StrEnum):
    """What a delivery does in its channel: publishes, takes back what another published, or puts it right."""

    PUBLISH = "publish"
    WITHDRAW = "withdraw"
    CORRECT = "correct"


class AccountState(StrEnum):
    """Whether a municipality's channel is sent to. Both that are not working are tried again at `probe_at`."""

    WORKING = "working"
    RESTING = "resting"  # it has failed again and again
    STOPPED = "stopped"  # a person must put its settings or secrets right


class LocalDateRow(SQLModel, table=True):
    """A local date that a person entered; it wins over the municipality's file."""

    __tablename__ = "local_date"
    __table_args__ = (UniqueConstraint("municipality", "risk_date", "place", "year"),)

    id: int | None = Field(default=None, primary_key=True)
    municipality: str
    risk_date: str
    place: str
    year: int
    day: date
    first_day: date
    last_day: date
    is_confirmed: bool
    changed_by: str
    changed_at: datetime


class OccurrenceRow(SQLModel, table=True):
    """An occurrence as last planned. `cancelled_at` is set when configuration no longer has it."""

    __tablename__ = "occurrence"

    key: str = Field(primary_key=True)
    municipality: str = Field(index=True)
    risk_date: str
    name: str
    year: int
    place: str = ""
    place_name: str = ""
    day: date
    first_day: date
    last_day: date
    status: str
    has_day: bool
    cancelled_at: datetime | None = None
    changed_at: datetime


class Post(SQLModel, table=True):
    """One step for one audience and occurrence: the text that is edited and approved."""

    __tablename__ = "post"

    id: int | None = Field(default=None, primary_key=True)
    key: str = Field(unique=True)
    municipality: str = Field(index=True)
    campaign: str
    occurrence: str = Field(foreign_key="occurrence.key", index=True)
    step: str
    audience: str
    channels: str  # channel ids joined by a space
    places: str = ""  # names of the places that share this post, joined by a line feed
    merged_into: str | None = None
    is_preliminary: bool = False
    passes_pause: bool = False  # a crisis post: it goes out although everything else is paused
    is_correction: bool = False  # it has been published, and a new text is to stand in its place
    is_extra: bool = False  # a person added it to the campaign: the plan does not know it
    due_at: datetime
    not_after: datetime
    state: str = PostState.DRAFT
    reason: str = ""
    content_version: int = 0
    digest: str | None = None
    created_at: datetime
    changed_at: datetime


class StepChange(SQLModel, table=True):
    """A person has moved a planned step, or left it out. By the post's key, so that it outlives every planning.

    `offset_days` counts from the occurrence's day, so that a moved step follows a corrected date; `at` is wall-clock
    time as "16:30". Both are None where the step has not been moved.
    """

    __tablename__ = "step_change"

    post_key: str = Field(primary_key=True)
    municipality: str = Field(index=True)
    offset_days: int | None = None
    at: str | None = None
    is_skipped: bool = False
    reason: str = ""
    changed_by: str
    changed_at: datetime


class ActivityRow(SQLModel, table=True):
    """Something people do. `key` is the plan's where it is planned; those that a person added have one of their own.

    A planned activity has a row only when something has been noted about it. `day` is a local calendar day.
    """

    __tablename__ = "activity"

    id: int | None = Field(default=None, primary_key=True)
    key: str = Field(unique=True)
    municipality: str = Field(index=True)
    campaign: str = ""
    occurrence: str | None = Field(default=None, foreign_key="occurrence.key", index=True)
    name: str
    day: date
    responsible: str = ""
    description: str = ""
    promise: str = ""  # what it answers to, where it belongs to no campaign
    situation: str = ""  # what had changed when it was decided on, where it belongs to no campaign
    is_extra: bool = False
    outcome: str = ""  # done or not_done, as told by a person
    note: str = ""
    number: int | None = None
    link: str = ""
    told_by: str = ""
    told_at: datetime | None = None
    cancelled_at: datetime | None = None
    created_by: str
    created_at: datetime


class CampaignRecord(SQLModel, table=True):
    """A campaign as the files last had it: one that has left them still answers to its promises."""

    __tablename__ = "campaign_record"

    campaign: str = Field(primary_key=True)
    name: str
    promises: str  # ids joined by a space
    changed_at: datetime


class FollowUpRow(SQLModel, table=True):
    """A follow-up of a municipality's promises for a period: the exact bytes that both parties sign and all may read.

    `published_at` is set when the last party has signed: from then on it is never changed.
    """

    __tablename__ = "follow_up"
    __table_args__ = (UniqueConstraint("municipality", "period"),)

    id: int | None = Field(default=None, primary_key=True)
    municipality: str
    period: str
    first_day: date
    last_day: date
    payload: bytes = Field(sa_type=LargeBinary)
    digest: str  # SHA-256 of the payload, in hexadecimal
    made_at: datetime
    changed_by: str
    changed_at: datetime
    published_at: datetime | None = None


class FollowUpSignature(SQLModel, table=True):
    """One party's signature on the exact bytes of a follow-up, named by their digest."""

    __tablename__ = "follow_up_signature"
    __table_args__ = (
        Index(
            "uq_follow_up_signature_live",
            "follow_up_id",
            "party",
            unique=True,
            sqlite_where=text("voided_at IS NULL"),
            postgresql_where=text("voided_at IS NULL"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True)
    follow_up_id: int = Field(foreign_key="follow_up.id")
    party: str
    name: str
    digest: str
    created_at: datetime
    voided_at: datetime | None = None
    void_reason: str = ""


class PostText(SQLModel, table=True):
    """A version of a post's template text as a person wrote it. The newest per channel and language is used."""

    __tablename__ = "post_text"
    __table_args__ = (Index("ix_post_text_latest", "post_id", "channel", "language", "id"),)

    id: int | None = Field(default=None, primary_key=True)
    post_id: int = Field(foreign_key="post.id")
    channel: str = ""
    language: str = "sv"
    source: str
    author: str
    created_at: datetime


class TranslationLook(SQLModel, table=True):
    """Somebody has held a translation against the Swedish text: it holds for just these two texts, by their SHA-256."""

    __tablename__ = "translation_look"

    municipality: str = Field(primary_key=True)
    language: str = Field(primary_key=True)
    original: str = Field(primary_key=True)
    translation: str = Field(primary_key=True)
    looked_by: str
    looked_at: datetime


class YearStart(SQLModel, table=True):
    """Somebody has begun a municipality's year from the one before it."""

    __tablename__ = "year_start"

    municipality: str = Field(primary_key=True)
    year: int = Field(primary_key=True)
    begun_by: str
    begun_at: datetime


class CarriedOver(SQLModel, table=True):
    """What people had added to a campaign, carried over to a later year: `source` and `made` are keys."""

    __tablename__ = "carried_over"

    source: str = Field(primary_key=True)
    year: int = Field(primary_key=True)
    municipality: str = Field(index=True)
    made: str


class CountedLink(SQLModel, table=True):
    """A short address of ours in a signed text, and the address in that text that it leads to."""

    __tablename__ = "counted_link"

    id: str = Field(primary_key=True)
    municipality: str
    post_id: int = Field(foreign_key="post.id", index=True)
    channel: str
    address: str
    created_at: datetime


class ClickCount(SQLModel, table=True):
    """How many times a short address was followed on a local day. Nothing is kept of who followed it."""

    __tablename__ = "click_count"

    link_id: str = Field(primary_key=True, foreign_key="counted_link.id")
    day: date = Field(primary_key=True)
    clicks: int


class ReachNote(SQLModel, table=True):
    """A number that a person read in a channel, or that the channel answered. The newest of its kind holds."""

    __tablename__ = "reach_note"
    __table_args__ = (Index("ix_reach_note_latest", "post_id", "channel", "measure", "id"),)

    id: int | None = Field(default=None, primary_key=True)
    post_id: int = Field(foreign_key="post.id")
    municipality: str
    channel: str
    measure: str
    number: int
    noted_by: str
    noted_at: datetime


class ContentRow(SQLModel, table=True):
    """The exact bytes for one channel and language in one version of a post: what is signed and what is sent."""

    __tablename__ = "content"
    __table_args__ = (UniqueConstraint("post_id", "version", "channel", "language"),)

    id: int | None = Field(default=None, primary_key=True)
    post_id: int = Field(foreign_key="post.id")
    version: int
    channel: str
    language: str
    payload: bytes = Field(sa_type=LargeBinary)
    sha256: str
    created_at: datetime


class Approval(SQLModel, table=True):
    """One party's signature on one exact content, named by its digest."""

    __tablename__ = "approval"
    __table_args__ = (
        Index(
            "uq_approval_live",
            "post_id",
            "party",
            unique=True,
            sqlite_where=text("voided_at IS NULL"),
            postgresql_where=text("voided_at IS NULL"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True)
    post_id: int = Field(foreign_key="post.id")
    party: str
    name: str
    digest: str
    created_at: datetime
    voided_at: datetime | None = None
    void_reason: str = ""
    # Who made the personal address that it was signed at; "" where it was signed with an account.
    link_maker: str = Field(default="", sa_column_kwargs={"server_default": ""})


class Delivery(SQLModel, table=True):
    """One post to one channel in one language: the outbox row. `token` is the fence: it rises with every claim."""

    __tablename__ = "delivery"
    __table_args__ = (
        # The sweep: what may be tried now, oldest first. Partial, so it stays small whatever has been sent.
        Index(
            "ix_delivery_due",
            "next_attempt_at",
            "id",
            sqlite_where=text("state = 'queued'"),
            postgresql_where=text("state = 'queued'"),
        ),
        # The reaper: leases that have run out.
        Index(
            "ix_delivery_lease",
            "lease_until",
            sqlite_where=text("state = 'sending'"),
            postgresql_where=text("state = 'sending'"),
        ),
        Index("ix_delivery_post", "post_id"),
        # Whether a channel has something under way, and what waits for it.
        Index("ix_delivery_account", "municipality", "channel", "state"),
        # The public page, the screens and the news feeds: newest first per municipality.
        Index("ix_delivery_published", "municipality", "kind", "state", "published_at"),
    )

    id: int | None = Field(default=None, primary_key=True)
    key: str = Field(unique=True)
    post_id: int = Field(foreign_key="post.id")
    content_id: int = Field(foreign_key="content.id")
    municipality: str
    channel: str
    kind: str
    language: str
    recipient: str = ""  # the id of one of the channel's recipients, where it has several
    act: str = Act.PUBLISH
    replaces: int | None = Field(default=None, foreign_key="delivery.id")  # what is withdrawn or corrected
    state: str = DeliveryState.QUEUED
    due_at: datetime
    not_after: datetime
    next_attempt_at: datetime
    lease_until: datetime | None = None
    token: int = 0
    attempts: int = 0
    maybe_sent: bool = False  # an earlier attempt may have reached the channel
    receipt: str = ""  # the channel's own reference, noted before what cannot be undone
    url: str = ""
    reason: str = ""
    published_at: datetime | None = None
    created_at: datetime
    changed_at: datetime


class Attempt(SQLModel, table=True):
    """One try at a delivery and what came of it."""

    __tablename__ = "attempt"

    id: int | None = Field(default=None, primary_key=True)
    delivery_id: int = Field(foreign_key="delivery.id", index=True)
    number: int
    token: int
    started_at: datetime
    finished_at: datetime
    outcome: str
    detail: str = ""


class ChannelAccount(SQLModel, table=True):
    """How a municipality's channel is doing. No row: nothing has gone wrong yet."""

    __tablename__ = "channel_account"

    municipality: str = Field(primary_key=True)
    channel: str = Field(primary_key=True)
    state: str = AccountState.WORKING
    reason: str = ""
    failures: int = 0  # in a row
    probe_at: datetime | None = None  # when one delivery is let through to see
    free_at: datetime | None = None  # when its rate lets the next one start
    changed_at: datetime


class Pause(SQLModel, table=True):
    """Everything scheduled stands still, for a reason: for all (""), a municipality, or one of its channels."""

    __tablename__ = "pause"

    id: int | None = Field(default=None, primary_key=True)
    municipality: str = ""
    channel: str = ""
    reason: str
    paused_by: str
    paused_at: datetime
    resumed_by: str = ""
    resumed_at: datetime | None = None


class PictureRow(SQLModel, table=True):
    """A picture as it was when a post with it was rendered: what is signed and sent, by its SHA-256."""

    __tablename__ = "picture"

    sha256: str = Field(primary_key=True)
    media_type: str
    width: int
    height: int
    data: bytes = Field(sa_type=LargeBinary)
    created_at: datetime


class UploadedPicture(SQLModel, table=True):
    """A picture that an editor has uploaded, under the name that texts call it by. The newest of a name is used."""

    __tablename__ = "uploaded_picture"
    __table_args__ = (Index("ix_uploaded_picture_name", "municipality", "name", "id"),)

    id: int | None = Field(default=None, primary_key=True)
    municipality: str
    name: str
    sha256: str = Field(foreign_key="picture.sha256")
    uploaded_by: str
    uploaded_at: datetime


class LinkCheck(SQLModel, table=True):
    """What an address in a text or a fact answered when it was last looked at."""

    __tablename__ = "link_check"

    address: str = Field(primary_key=True)
    outcome: str  # ok, moved, dead, refused or unreachable
    detail: str = ""
    checked_at: datetime


class Reminder(SQLModel, table=True):
    """A reminder to staff, made once per key."""

    __tablename__ = "reminder"

    id: int | None = Field(default=None, primary_key=True)
    key: str = Field(unique=True)
    municipality: str = Field(index=True)
    kind: str
    subject: str
    occurrence: str
    deadline_day: date
    post_id: int | None = Field(default=None, foreign_key="post.id")
    delivery_id: int | None = Field(default=None, foreign_key="delivery.id")
    parties: str = ""  # the parties it is for, joined by a space; all if there are none
    detail: str = ""  # the reason of a failure; the lists of a digest as JSON
    created_at: datetime


class FactConfirmation(SQLModel, table=True):
    """A person has checked a fact as it was worded then; it holds until `valid_until`, whatever the file says."""

    __tablename__ = "fact_confirmation"

    id: int | None = Field(default=None, primary_key=True)
    fact: str = Field(index=True)
    wording: str  # SHA-256 of the text and source that were checked
    valid_until: date
    confirmed_by: str
    confirmed_at: datetime


class FeedEvent(SQLModel, table=True):
    """One calendar event as folded bytes, written again only when it changes. `calendar` is public or editorial."""

    __tablename__ = "feed_event"
    __table_args__ = (
        UniqueConstraint("calendar", "uid"),
        # Publishing: the events of one municipality's calendar that changed since it was last built.
        Index("ix_feed_event_changed", "municipality", "calendar", "last_modified"),
    )

    id: int | None = Field(default=None, primary_key=True)
    calendar: str
    municipality: str
    uid: str
    key: str
    campaign: str = ""
    audience: str = ""
    channel: str = ""
    starts: str  # sorts as the calendar does: the DTSTART value
    digest: str  # of everything a reader can see, without the stamps
    sequence: int = 0
    status: str
    created: datetime
    last_modified: datetime
    removed_at: datetime | None = None
    fragment: bytes = Field(sa_type=LargeBinary)


class Revision(SQLModel, table=True):
    """A counter per municipality that rises with every change a reader of its feeds and pages could see."""

    __tablename__ = "revision"

    municipality: str = Field(primary_key=True)
    value: int = 0
    published: int = 0  # the value that feed_event reflects
    published_at: datetime | None = None  # when the feeds' content last changed: Last-Modified
    planned_for: str | None = None  # what the rows were last held against: configuration, years, entered dates
    refreshed_for: str | None = None  # the day, configuration and address that feed_event was last held against


class Setting(SQLModel, table=True):
    """What every process on this database must agree on."""

    __tablename__ = "setting"

    name: str = Field(primary_key=True)
    value: str


class Token(SQLModel, table=True):
    """A secret address or bearer token, stored as its SHA-256. `purpose` is feed or api."""

    __tablename__ = "token"

    id: int | None = Field(default=None, primary_key=True)
    purpose: str
    token_hash: str = Field(unique=True)
    municipality: str
    party: str = ""
    name: str
    created_at: datetime
    revoked_at: datetime | None = None


class Role(StrEnum):
    """What a person may do in a municipality. Whoever has any role may read."""

    EDITOR = "editor"
    APPROVER = "approver"  # for one party
    ADMINISTRATOR = "administrator"
    OPERATOR = "operator"  # sees how all municipalities stand, and nothing within any


class Person(SQLModel, table=True):
    """Somebody on the staff who can sign in. `email` is folded to lower case; no hash: no password has been chosen."""

    __tablename__ = "person"

    id: int | None = Field(default=None, primary_key=True)
    email: str = Field(unique=True)
    name: str
    password_hash: str = ""
    has_shortcuts: bool = True  # single keys as shortcuts can be turned off (WCAG 2.1.4)
    created_at: datetime
    disabled_at: datetime | None = None


class Membership(SQLModel, table=True):
    """A person's role in one municipality. `party` is whom an approver signs for, else empty."""

    __tablename__ = "membership"
    __table_args__ = (UniqueConstraint("person_id", "municipality", "role", "party"),)

    id: int | None = Field(default=None, primary_key=True)
    person_id: int = Field(foreign_key="person.id")
    municipality: str = Field(index=True)
    role: str
    party: str = ""


class SignIn(SQLModel, table=True):
    """A browser that is signed in. The secret in its cookie is kept as its SHA-256."""

    __tablename__ = "sign_in"

    token_hash: str = Field(primary_key=True)
    person_id: int = Field(foreign_key="person.id", index=True)
    created_at: datetime
    seen_at: datetime
    message: str = ""  # what the next page is to tell: shown once


class OneTimeLink(SQLModel, table=True):
    """An address that lets one person choose a password, once. Of the first administrator there is no person yet."""

    __tablename__ = "one_time_link"

    token_hash: str = Field(primary_key=True)
    person_id: int | None = Field(default=None, foreign_key="person.id", index=True)
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None = None


class Throttle(SQLModel, table=True):
    """Failed tries to sign in, by a hash of whose or from where, since `since`. Shared by all processes."""

    __tablename__ = "throttle"

    key: str = Field(primary_key=True)
    failures: int
    since: datetime


class SigningLink(SQLModel, table=True):
    """A personal address at which somebody without an account may sign for a party what the link was made for."""

    __tablename__ = "signing_link"

    id: int | None = Field(default=None, primary_key=True)
    token_hash: str = Field(unique=True)
    municipality: str = Field(index=True)
    party: str
    name: str
    created_by: str
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None = None


class SigningLinkPost(SQLModel, table=True):
    """A post that a personal address shows, and the content that it showed: nothing else can be signed there."""

    __tablename__ = "signing_link_post"

    link_id: int = Field(primary_key=True, foreign_key="signing_link.id")
    post_id: int = Field(primary_key=True, foreign_key="post.id")
    digest: str


class Heartbeat(SQLModel, table=True):
    """When each worker last finished a sweep."""

    __tablename__ = "heartbeat"

    worker: str = Field(primary_key=True)
    at: datetime


class AuditEntry(SQLModel, table=True):
    """Who did what, when. No addresses, tokens or bodies."""

    __tablename__ = "audit"

    id: int | None = Field(default=None, primary_key=True)
    at: datetime = Field(index=True)
    municipality: str
    actor: str
    action: str
    subject: str
    detail: str = ""
    hash: str = ""  # covers this entry and the hash of the one before it: see campaigns.audit


class NoticeState(StrEnum):
    """Where a notice stands. Only `queued` moves by itself: an unknown outcome is never tried again."""

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    UNKNOWN = "unknown"
    FAILED = "failed"
    SKIPPED = "skipped"  # it was too late, or what it was about had been done


class Notice(SQLModel, table=True):
    """One reminder to one address of staff: an outbox of its own. `address` is an id; the address is in the files."""

    __tablename__ = "notice"
    __table_args__ = (
        UniqueConstraint("reminder_id", "address"),
        # The sweep: what may be sent now, oldest first.
        Index(
            "ix_notice_due",
            "send_at",
            "id",
            sqlite_where=text("state = 'queued'"),
            postgresql_where=text("state = 'queued'"),
        ),
        # The reaper: leases that have run out.
        Index(
            "ix_notice_lease",
            "lease_until",
            sqlite_where=text("state = 'sending'"),
            postgresql_where=text("state = 'sending'"),
        ),
        # How lately an address was told.
        Index("ix_notice_address", "municipality", "address", "send_at"),
    )

    id: int | None = Field(default=None, primary_key=True)
    reminder_id: int = Field(foreign_key="reminder.id")
    municipality: str
    address: str
    state: str = NoticeState.QUEUED
    send_at: datetime
    not_after: datetime
    lease_until: datetime | None = None
    token: int = 0
    attempts: int = 0
    reason: str = ""
    created_at: datetime
    changed_at: datetime


# What has just gone wrong, for the reminders: looked for every few seconds.
Index(
    "ix_delivery_trouble",
    Delivery.__table__.c.changed_at,  # type: ignore[attr-defined]  # SQLModel gives every table model one
    sqlite_where=text("state IN ('failed', 'unknown', 'skipped', 'missed')"),
    postgresql_where=text("state IN ('failed', 'unknown', 'skipped', 'missed')"),
)
