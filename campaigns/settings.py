"""Settings from the environment, each named KAMPANJHJUL_…"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from campaigns.errors import ConfigurationError, Problem, suggestion

PREFIX = "KAMPANJHJUL_"

# Name -> (explanation, default as shown to people). Also shown by --help and in the README.
DESCRIPTIONS: dict[str, tuple[str, str]] = {
    "DATABASE_URL": ("databasen, till exempel postgresql://användare@värd/namn", "SQLite i datamappen"),
    "DATA_DIR": ("mappen för databas och hemlig nyckel", "./data"),
    "CONFIG_DIR": ("mappen med kampanjer, kommuner och fakta", "./config, annars den medföljande"),
    "TEMPLATES_DIR": ("mappen med mallar", "./templates, annars den medföljande"),
    "BASE_URL": ("adressen som andra når tjänsten på", "http://127.0.0.1:8000"),
    "HOST": ("adressen som webbservern lyssnar på", "127.0.0.1"),
    "PORT": ("porten som webbservern lyssnar på", "8000"),
    "SECRET_KEY": ("nyckel för hemliga adresser, samma för alla processer", "en egen, i databasen"),
    "SMTP_URL": ("e-postserver för påminnelser: smtps://, smtp+starttls:// eller smtp://", "ingen e-post"),
    "MAIL_FROM": ("avsändare av påminnelser, till exempel Kampanjhjulet <kampanj@kommunen.se>", "ingen e-post"),
    "ENGINE": ("embedded, eller procrastinate: en kö i PostgreSQL bär arbetet till arbetare var som helst", "embedded"),
    "PING_URL": ("adress som anropas var femte minut när allt är väl (https), som larm när det tystnar", "ingen"),
    "FEED_FILES_DIR": ("mapp där de öppna kalendrarna också skrivs som filer, för nginx", "ingen"),
    "LOG": ("hur loggen skrivs: text, eller json för andra program", "text"),
}
# These may be written as file:/sökväg: the file holds the value (systemd's credentials, a container's secrets).
_SECRET = ("DATABASE_URL", "SECRET_KEY", "SMTP_URL", "PING_URL")

LOGS = ("text", "json")
_DATABASE = re.compile(
    r"sqlite:///.+|postgres(?:ql)?(?:\+psycopg)?://(?:[^\s/]*@)?(?:\[[\da-f:]+\]|[^\s/:@?]*)(?::\d+)?(?:[/?]\S*)?"
)
ENGINES = ("embedded", "procrastinate")
_SHIPPED = Path(__file__).parent / "shipped"
_CHECKOUT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Settings:
    database_url: str
    data_dir: Path
    config_dir: Path
    templates_dir: Path
    base_url: str
    host: str
    port: int
    secret_key: str | None
    smtp_url: str | None
    mail_from: str | None
    engine: str
    ping_url: str | None = None
    log: str = "text"
    feed_files_dir: Path | None = None

    @property
    def messages_dir(self) -> Path:
        return self.templates_dir / "messages"


def read_settings(environ: Mapping[str, str]) -> Settings:
    """The settings in `environ`. Raises ConfigurationError for names that do not exist and values that cannot be."""
    given = {name.removeprefix(PREFIX): value for name, value in environ.items() if name.startswith(PREFIX)}
    problems = [
        Problem("miljön", PREFIX + name, f"inställningen finns inte. {suggestion(name, DESCRIPTIONS)}")
        for name in given
        if name not in DESCRIPTIONS
    ]
    for name in _SECRET:
        if given.get(name, "").startswith("file:"):
            given[name] = _held(given[name].removeprefix("file:"), PREFIX + name, problems)
    port = given.get("PORT") or "8000"
    if not (port.isdecimal() and 0 <= int(port) < 65536):
        problems.append(Problem("miljön", f"{PREFIX}PORT", f"”{port}” är inget portnummer (0–65535)"))
        port = "8000"
    data_dir = Path(given.get("DATA_DIR") or "data")
    host = given.get("HOST") or "127.0.0.1"
    made = Settings(
        database_url=given.get("DATABASE_URL") or f"sqlite:///{data_dir.absolute()}/kampanjhjul.db",
        data_dir=data_dir,
        config_dir=_directory(given.get("CONFIG_DIR"), "config"),
        templates_dir=_directory(given.get("TEMPLATES_DIR"), "templates"),
        base_url=(given.get("BASE_URL") or f"http://{host}:{port}").rstrip("/"),
        host=host,
        port=int(port),
        secret_key=given.get("SECRET_KEY") or None,
        smtp_url=given.get("SMTP_URL") or None,
        mail_from=given.get("MAIL_FROM") or None,
        engine=given.get("ENGINE") or "embedded",
        ping_url=given.get("PING_URL") or None,
        log=given.get("LOG") or "text",
        feed_files_dir=Path(given["FEED_FILES_DIR"]) if given.get("FEED_FILES_DIR") else None,
    )
    problems += [Problem("miljön", PREFIX + name, sentence) for name, sentence in _faults(made)]
    if problems:
        raise ConfigurationError(problems)
    return made


def _faults(made: Settings) -> Iterator[tuple[str, str]]:
    """The names of those that cannot be as they are, and what to do."""
    if made.engine not in ENGINES:
        yield "ENGINE", f"”{made.engine}” finns inte. {suggestion(made.engine, ENGINES)}"
    elif made.engine == "procrastinate" and not made.database_url.startswith("postgres"):
        yield (
            "ENGINE",
            "”procrastinate” kräver PostgreSQL: kön ligger i samma databas som leveranserna. Ange databasen i "
            f"{PREFIX}DATABASE_URL (postgresql://användare@värd/namn), eller skriv ”embedded”.",
        )
    if not _DATABASE.fullmatch(made.database_url):
        yield "DATABASE_URL", "ska vara sqlite:///sökväg eller postgresql://användare@värd/namn"
    if made.ping_url and not (made.ping_url.startswith("https://") and urlsplit(made.ping_url).hostname):
        yield "PING_URL", "ska vara en hel adress som börjar med https://"
    if made.log not in LOGS:
        yield "LOG", f"”{made.log}” finns inte. {suggestion(made.log, LOGS)}"
    if not made.base_url.startswith(("http://", "https://")):
        yield "BASE_URL", "ska börja med http:// eller https://"


def _held(path: str, name: str, problems: list[Problem]) -> str:
    """What stands in the file; "" and a problem told if it cannot be read."""
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        problems.append(Problem("miljön", name, f"filen {path} går inte att läsa. Kontrollera sökväg och rättigheter."))
        return ""


def shipped_directory(name: str) -> Path:
    """Where the package keeps its own `config` or `templates`: inside the wheel, or at the top of a checkout."""
    inside = _SHIPPED / name
    return inside if inside.is_dir() else _CHECKOUT / name


def _directory(given: str | None, name: str) -> Path:
    if given:
        return Path(given)
    here = Path(name)
    if name == "config" and (here / "municipalities").is_dir():
        return here
    if name == "templates" and (here / "messages").is_dir():
        return here
    return shipped_directory(name)
