"""Settings from the environment, each named KAMPANJHJUL_…"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

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
    data_dir = Path(given.get("DATA_DIR") or "data")
    port = given.get("PORT") or "8000"
    if not (port.isdecimal() and 0 <= int(port) < 65536):
        problems.append(Problem("miljön", f"{PREFIX}PORT", f"”{port}” är inget portnummer (0–65535)"))
        port = "8000"
    engine = given.get("ENGINE") or "embedded"
    database_url = given.get("DATABASE_URL") or f"sqlite:///{data_dir.absolute()}/kampanjhjul.db"
    if engine not in ENGINES:
        problems.append(Problem("miljön", f"{PREFIX}ENGINE", f"”{engine}” finns inte. {suggestion(engine, ENGINES)}"))
    elif engine == "procrastinate" and not database_url.startswith("postgres"):
        sentence = (
            "”procrastinate” kräver PostgreSQL: kön ligger i samma databas som leveranserna. Ange databasen i "
            f"{PREFIX}DATABASE_URL (postgresql://användare@värd/namn), eller skriv ”embedded”."
        )
        problems.append(Problem("miljön", f"{PREFIX}ENGINE", sentence))
    log = given.get("LOG") or "text"
    if log not in ("text", "json"):
        problems.append(Problem("miljön", f"{PREFIX}LOG", f"”{log}” finns inte. {suggestion(log, ('text', 'json'))}"))
    host = given.get("HOST") or "127.0.0.1"
    base_url = (given.get("BASE_URL") or f"http://{host}:{port}").rstrip("/")
    if not base_url.startswith(("http://", "https://")):
        problems.append(Problem("miljön", f"{PREFIX}BASE_URL", "ska börja med http:// eller https://"))
    if problems:
        raise ConfigurationError(problems)
    return Settings(
        database_url=database_url,
        data_dir=data_dir,
        config_dir=_directory(given.get("CONFIG_DIR"), "config"),
        templates_dir=_directory(given.get("TEMPLATES_DIR"), "templates"),
        base_url=base_url,
        host=host,
        port=int(port),
        secret_key=given.get("SECRET_KEY") or None,
        smtp_url=given.get("SMTP_URL") or None,
        mail_from=given.get("MAIL_FROM") or None,
        engine=engine,
        ping_url=given.get("PING_URL") or None,
        log=log,
        feed_files_dir=Path(given["FEED_FILES_DIR"]) if given.get("FEED_FILES_DIR") else None,
    )


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
