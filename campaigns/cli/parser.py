"""What can be written on the command line. Light: the commands themselves are imported only when they are run."""

from __future__ import annotations

import argparse
import re
from datetime import date
from typing import NoReturn

from campaigns.errors import suggestion
from campaigns.settings import DESCRIPTIONS, PREFIX


class Parser(argparse.ArgumentParser):
    """argparse, with the nearest command when one is misspelt."""

    def error(self, message: str) -> NoReturn:
        found = re.search(r"”(.*)” finns inte \(välj bland (.*)\)", message)
        if found:
            valid = re.findall(r"'([^']*)'", found[2])
            message = f"”{found[1]}” finns inte. {suggestion(found[1], valid)}"
        super().error(message)


def make_parser() -> argparse.ArgumentParser:
    """The parser for `kampanjhjul` and all its commands."""
    parser = Parser(
        prog="kampanjhjul",
        description="Riskdatum, budskap, godkännanden och kalenderflöden för kommunens medborgarlöfte.",
        epilog=_environment(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(title="kommandon", metavar="KOMMANDO", required=True, dest="command")
    groups = (
        _running,
        _planning,
        _steps,
        _signing,
        _sending,
        _stopping,
        _channels,
        _feeds,
        _follow_up,
        _yearly,
        _people,
        _operating,
    )
    for add in groups:
        add(commands)
    return parser


def _environment() -> str:
    lines = [f"  {PREFIX}{name:<13} {text} (annars {default})" for name, (text, default) in DESCRIPTIONS.items()]
    return "inställningar i miljön:\n" + "\n".join(lines)


def _command(commands: argparse._SubParsersAction, name: str, run: str, text: str) -> argparse.ArgumentParser:  # type: ignore[type-arg]  # generic only to type checkers
    parser: argparse.ArgumentParser = commands.add_parser(name, help=text, description=text)
    parser.set_defaults(run=f"campaigns.cli.{run}")
    return parser


def _json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="skriv som JSON, för andra program")


def _municipality(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--municipality", metavar="KOMMUN", help="bara den här kommunen")


def _as(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--as", dest="name", metavar="NAMN", required=True, help="vem som gör det")


def _span(parser: argparse.ArgumentParser, *, is_required: bool) -> None:
    parser.add_argument("--from", dest="first", type=_day, metavar="DATUM", required=is_required, help="från och med")
    parser.add_argument("--to", dest="last", type=_day, metavar="DATUM", required=is_required, help="till och med")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"”{text}” är inget datum. Skriv till exempel 2027-06-11.") from None


def _number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"”{text}” ska vara ett heltal.") from None


def _running(commands: argparse._SubParsersAction) -> None:  # type: ignore[type-arg]  # as above
    for name, text in (
        ("serve", "webb och arbetare i en process: det vanliga sättet att köra"),
        ("web", "bara webben, när flera processer delar på en databas"),
        ("worker", "bara arbetaren, när flera processer delar på en databas"),
    ):
        _command(commands, name, f"running:{name}", text)
    check = _command(
        commands, "check", "running:check", "kontrollera inställningar, mallar och fakta: alla fel på en gång"
    )
    check.add_argument(
        "--live", action="store_true", help="prova också kanalernas inloggningar och vart länkarna leder"
    )
    _json(check)
    init = _command(commands, "init", "running:init", "lägg upp en egen mapp med config och templates att ändra i")
    init.add_argument("directory", metavar="MAPP")


def _planning(commands: argparse._SubParsersAction) -> None:  # type: ignore[type-arg]  # as above
    calendar = _command(
        commands, "calendar", "planning:calendar", "visa riskdatum med veckodag och om de är bekräftade"
    )
    calendar.add_argument("--year", type=_number, metavar="ÅR", help="bara det här året (annars i år och nästa år)")
    calendar.add_argument("--all", action="store_true", dest="everything", help="också det som har varit i år")
    _municipality(calendar)
    _json(calendar)
    plan = _command(commands, "plan", "planning:plan", "visa stegen: när de ska ut och senast när, till vem och var")
    _span(plan, is_required=False)
    _municipality(plan)
    _json(plan)
    posts = _command(commands, "posts", "posts:posts", "visa budskapen och vilka godkännanden som saknas")
    posts.add_argument("reference", nargs="?", metavar="ID", help="ett budskap med hela texten")
    posts.add_argument("--campaign", metavar="KAMPANJ", help="bara den här kampanjen")
    posts.add_argument("--all", action="store_true", dest="everything", help="också det som har varit")
    _municipality(posts)
    _json(posts)
    preview = _command(commands, "preview", "posts:preview", "visa en text som den skulle bli i dag, med sina fel")
    preview.add_argument("campaign", metavar="KAMPANJ")
    preview.add_argument("step", metavar="STEG")
    preview.add_argument("audience", metavar="MÅLGRUPP")
    preview.add_argument("--channel", metavar="KANAL", help="bara den här kanalen")
    preview.add_argument("--lang", metavar="SPRÅK", default="sv", help="språkkod (annars sv)")
    _municipality(preview)
    _json(preview)
    reminders = _command(commands, "reminders", "planning:reminders", "visa påminnelserna, de senaste först")
    _municipality(reminders)
    _json(reminders)


def _steps(commands: argparse._SubParsersAction) -> None:  # type: ignore[type-arg]  # as above
    move = _command(commands, "move", "steps:move", "låt ett steg gå ut en annan tid i år")
    move.add_argument(
        "--to", metavar="TID", required=True, help="dag och klockslag i kommunens tid, till exempel ”2027-04-22 18:00”"
    )
    skip = _command(commands, "skip", "steps:skip", "utelämna ett steg i år, eller ta tillbaka det")
    skip.add_argument("--reason", metavar="SKÄL", help="varför")
    skip.add_argument("--undo", action="store_true", help="ta tillbaka: budskapet är ett utkast igen")
    for parser in (move, skip):
        parser.add_argument("references", nargs="+", metavar="ID", help="budskapens nummer eller nycklar")
        _as(parser)


def _signing(commands: argparse._SubParsersAction) -> None:  # type: ignore[type-arg]  # as above
    approve = _command(commands, "approve", "signing:approve", "godkänn ett budskap för en part")
    approve.add_argument("reference", metavar="ID", help="budskapets nummer eller nyckel")
    approve.add_argument("--party", metavar="PART", required=True, help="till exempel kommun eller polis")
    approve.add_argument("--digest", metavar="SIGILL", help="godkänn bara om texten är den med det här sigillet")
    _as(approve)
    reject = _command(commands, "reject", "signing:reject", "avslå ett budskap, med skäl")
    reject.add_argument("reference", metavar="ID", help="budskapets nummer eller nyckel")
    reject.add_argument("--party", metavar="PART", required=True, help="till exempel kommun eller polis")
    reject.add_argument("--reason", metavar="SKÄL", required=True, help="vad som behöver ändras")
    _as(reject)
    _sign_links(commands)
    text = _command(commands, "text", "signing:text", "byt text i ett budskap mot den i en fil")
    text.add_argument("reference", metavar="ID", help="budskapets nummer eller nyckel")
    text.add_argument("file", metavar="FIL", help="Markdown med huvud mellan +++, som i templates/messages")
    text.add_argument("--channel", metavar="KANAL", default="", help="bara för den här kanalen")
    text.add_argument("--lang", metavar="SPRÅK", default="sv", help="språkkod (annars sv)")
    _as(text)
    dates = _command(commands, "dates", "signing:dates", "lägg in, bekräfta eller ta bort ett lokalt datum")
    acts = dates.add_subparsers(title="kommandon", metavar="KOMMANDO", required=True)
    put = acts.add_parser("set", help="lägg in eller bekräfta ett datum")
    put.set_defaults(act="set")
    put.add_argument("municipality", metavar="KOMMUN")
    put.add_argument("risk_date", metavar="RISKDATUM", help="till exempel student")
    put.add_argument("day", metavar="DATUM", type=_day)
    put.add_argument("--place", metavar="PLATS", default="", help="vilken skola eller ort")
    put.add_argument("--preliminary", action="store_true", help="datumet är inte säkert än")
    put.add_argument("--force", action="store_true", help="dagen är rätt fast den är ovanlig")
    _as(put)
    unset = acts.add_parser("unset", help="ta bort ett datum som lades in av misstag")
    unset.set_defaults(act="unset")
    unset.add_argument("municipality", metavar="KOMMUN")
    unset.add_argument("risk_date", metavar="RISKDATUM", help="till exempel student")
    unset.add_argument("year", metavar="ÅR", type=_number)
    unset.add_argument("--place", metavar="PLATS", default="", help="vilken skola eller ort")
    _as(unset)
    facts = _command(commands, "facts", "signing:facts", "visa fakta, eller bekräfta ett som har kontrollerats")
    _json(facts)
    acts = facts.add_subparsers(title="kommandon", metavar="KOMMANDO")
    confirm = acts.add_parser("confirm", help="bekräfta ett faktum")
    confirm.add_argument("fact", metavar="FAKTUM")
    confirm.add_argument("--until", type=_day, metavar="DATUM", help="gäller till och med (annars årets slut)")
    _as(confirm)


def _sign_links(commands: argparse._SubParsersAction) -> None:  # type: ignore[type-arg]  # as above
    link = _command(commands, "sign-link", "signing_links:sign_link", "personliga länkar, att godkänna med utan konto")
    acts = link.add_subparsers(title="kommandon", metavar="KOMMANDO", required=True)
    create = acts.add_parser("create", help="gör en länk som gäller de texter som finns nu, i sju dagar")
    create.set_defaults(act="create")
    create.add_argument("municipality", metavar="KOMMUN")
    create.add_argument("--party", metavar="PART", required=True, help="till exempel polis")
    create.add_argument("--name", dest="person_name", metavar="NAMN", required=True, help="vem länken är till")
    create.add_argument("--post", metavar="ID", action="append", default=[], help="ett budskap; kan anges flera gånger")
    create.add_argument("--campaign", metavar="KAMPANJ", help="allt som väntar i en kampanj, tillsammans med --year")
    create.add_argument("--year", type=_number, metavar="ÅR", help="kampanjens år")
    _as(create)
    listing = acts.add_parser("list", help="visa länkarna, utan hemligheterna")
    listing.set_defaults(act="list")
    _municipality(listing)
    _json(listing)
    revoke = acts.add_parser("revoke", help="dra in en länk: den slutar gälla nu")
    revoke.set_defaults(act="revoke")
    revoke.add_argument("link", metavar="NR", type=_number)
    _as(revoke)


def _sending(commands: argparse._SubParsersAction) -> None:  # type: ignore[type-arg]  # as above
    queue = _command(
        commands, "queue", "sending:queue", "visa leveranserna: vad som väntar, gick ut eller måste ses över"
    )
    queue.add_argument(
        "--state", metavar="LÄGE", action="append", default=[], help="bara det här läget, till exempel unknown"
    )
    _municipality(queue)
    _json(queue)
    retry = _command(commands, "retry", "sending:retry", "försök igen med en leverans som inte gick ut")
    retry.add_argument("delivery", metavar="ID", type=_number)
    _as(retry)
    done = _command(commands, "done", "sending:done", "en uppgift är gjord, eller en osäker leverans gick ut")
    done.add_argument("delivery", metavar="ID", type=_number)
    done.add_argument("--url", metavar="ADRESS", default="", help="var det går att se")
    _as(done)
    simulate = _command(
        commands, "simulate", "sending:simulate", "repetera: vad som skulle hända, utan att något skickas"
    )
    _span(simulate, is_required=True)
    simulate.add_argument("--approve", choices=("all", "none"), default="all", help="om allt godkänns eller inget")
    simulate.add_argument(
        "--date",
        dest="dates",
        metavar="RISKDATUM[/PLATS]=DATUM",
        action="append",
        default=[],
        help="räkna med ett lokalt datum, till exempel student/holaveden=2027-06-11",
    )
    _municipality(simulate)
    _json(simulate)


def _stopping(commands: argparse._SubParsersAction) -> None:  # type: ignore[type-arg]  # as above
    pause = _command(commands, "pause", "stopping:pause", "stoppa allt schemalagt nu, eller visa vad som är pausat")
    pause.add_argument("--reason", metavar="SKÄL", help="varför (utan skäl visas det som är pausat)")
    pause.add_argument("--as", dest="name", metavar="NAMN", help="vem som pausar")
    _json(pause)
    resume = _command(commands, "resume", "stopping:resume", "avsluta en paus (det som missades skickas inte)")
    _as(resume)
    for parser in (pause, resume):
        _municipality(parser)
        parser.add_argument("--channel", metavar="KANAL", default="", help="bara den här kanalen i kommunen")
    crisis = _command(commands, "crisis", "stopping:crisis", "låt ett budskap gå ut även om allt annat är pausat")
    crisis.add_argument("reference", metavar="ID", help="budskapets nummer eller nyckel")
    crisis.add_argument("--reason", metavar="SKÄL", required=True, help="varför")
    crisis.add_argument("--undo", action="store_true", help="ta tillbaka: budskapet följer pauser igen")
    _as(crisis)
    withdraw = _command(commands, "withdraw", "stopping:withdraw", "dra tillbaka en leverans eller ett helt budskap")
    withdraw.add_argument(
        "delivery", metavar="ID", type=_number, nargs="?", help="leveransens nummer, se kampanjhjul queue"
    )
    withdraw.add_argument("--post", metavar="ID", help="hela budskapet i stället: dess nummer eller nyckel")
    withdraw.add_argument("--reason", metavar="SKÄL", required=True, help="varför")
    _as(withdraw)
    correct = _command(commands, "correct", "stopping:correct", "öppna ett publicerat budskap för rättelse")
    correct.add_argument("reference", metavar="ID", help="budskapets nummer eller nyckel")
    correct.add_argument("--reason", metavar="SKÄL", required=True, help="vad som är fel")
    _as(correct)


def _channels(commands: argparse._SubParsersAction) -> None:  # type: ignore[type-arg]  # as above
    channel = _command(commands, "channel", "channels:channel", "kanalerna: visa dem, prova en, starta en som stoppats")
    acts = channel.add_subparsers(title="kommandon", metavar="KOMMANDO", required=True)
    listing = acts.add_parser("list", help="visa kanalerna: hur de mår och vad de kan")
    listing.set_defaults(act="list")
    _municipality(listing)
    _json(listing)
    test = acts.add_parser("test", help="skicka ett märkt prov som bara redaktörerna ser, och ta bort det")
    start = acts.add_parser("start", help="starta en stoppad kanal när felet är rättat: det som väntar skickas")
    for name, parser in (("test", test), ("start", start)):
        parser.set_defaults(act=name)
        parser.add_argument("channel", metavar="ID", help="kanalens id, se kampanjhjul channel list")
        parser.add_argument("--municipality", metavar="KOMMUN", help="vilken kommuns kanal, om flera har den")
    _as(start)
    price = acts.add_parser("price", help="vad ett budskap skulle kosta som SMS; inget skickas")
    price.set_defaults(act="price")
    price.add_argument("channel", metavar="ID", help="kanalens id, se kampanjhjul channel list")
    price.add_argument("reference", metavar="BUDSKAP", help="budskapets nummer eller nyckel")


def _feeds(commands: argparse._SubParsersAction) -> None:  # type: ignore[type-arg]  # as above
    feed = _command(commands, "feed", "publishing:feed", "skriv ett flöde till standard ut")
    feed.add_argument(
        "which", choices=("public", "editorial", "news"), metavar="FLÖDE", help="public, editorial eller news"
    )
    _municipality(feed)
    token = _command(commands, "token", "publishing:token", "hemliga adresser och nycklar: skapa, visa, dra in")
    acts = token.add_subparsers(title="kommandon", metavar="KOMMANDO", required=True)
    feed_token = acts.add_parser("feed", help="skapa en personlig adress till redaktionens kalender")
    feed_token.set_defaults(act="feed")
    feed_token.add_argument("municipality", metavar="KOMMUN")
    _as(feed_token)
    api = acts.add_parser("api", help="skapa en nyckel till API:et")
    api.set_defaults(act="api")
    api.add_argument("municipality", metavar="KOMMUN")
    api.add_argument("--party", metavar="PART", default="", help="nyckeln får godkänna för den här parten")
    _as(api)
    listing = acts.add_parser("list", help="visa alla, utan hemligheterna")
    listing.set_defaults(act="list")
    _json(listing)
    revoke = acts.add_parser("revoke", help="dra in en")
    revoke.set_defaults(act="revoke")
    revoke.add_argument("token", metavar="ID", type=_number)
    _as(revoke)


def _follow_up(commands: argparse._SubParsersAction) -> None:  # type: ignore[type-arg]  # as above
    follow_up = _command(commands, "follow-up", "following_up:follow_up", "följ upp löftena: vad som är gjort, räknat")
    follow_up.add_argument(
        "--period", metavar="PERIOD", default="", help="till exempel 2026-t1, 2026 (annars tertialet som pågår)"
    )
    follow_up.add_argument("--list", action="store_true", dest="periods", help="visa perioderna och deras utkast")
    follow_up.add_argument(
        "--format", choices=("text", "csv", "json", "pdf"), default="text", help="text, csv, json eller pdf"
    )
    follow_up.add_argument("--output", metavar="FIL", help="skriv till en fil i stället för standard ut")
    _municipality(follow_up)
    _json(follow_up)
    approve = _command(commands, "approve-follow-up", "follow_up_signing:approve", "godkänn en uppföljning för en part")
    reject = _command(
        commands, "reject-follow-up", "follow_up_signing:reject", "skicka tillbaka en uppföljning, med skäl"
    )
    for each in (approve, reject):
        each.add_argument("period", metavar="PERIOD", help="till exempel 2026-t1: se follow-up --list")
        each.add_argument("--party", metavar="PART", required=True, help="till exempel kommun eller polis")
        _municipality(each)
        _as(each)
    approve.add_argument("--digest", metavar="SIGILL", help="godkänn bara om den är den med hela det här sigillet")
    reject.add_argument("--reason", metavar="SKÄL", required=True, help="vad som behöver ändras")
    effort = _command(
        commands, "effort", "following_up:effort", "lägg till en insats utanför kampanjerna, för ett löfte"
    )
    effort.add_argument("municipality", metavar="KOMMUN")
    effort.add_argument("promise", metavar="LÖFTE", help="löftets id i config/promises.toml, till exempel trafik")
    effort.add_argument("title", metavar="NAMN", help="vad som ska göras")
    effort.add_argument("day", metavar="DATUM", type=_day)
    effort.add_argument("--situation", metavar="LÄGESBILD", required=True, help="vad som har ändrats")
    effort.add_argument("--responsible", metavar="ANSVARIG", default="", help="vem som ansvarar")
    _as(effort)


def _yearly(commands: argparse._SubParsersAction) -> None:  # type: ignore[type-arg]  # as above
    new_year = _command(commands, "new-year", "yearly:start", "vad som är kvar innan ett nytt år kan börja")
    new_year.add_argument("year", nargs="?", type=_number, metavar="ÅR", help="annars nästa år")
    new_year.add_argument("--begin", action="store_true", help="börja året: kan göras hur många gånger som helst")
    new_year.add_argument(
        "--take", metavar="NYCKEL", action="append", default=[], help="ta med det här från förra året, eller all"
    )
    new_year.add_argument("--as", dest="name", metavar="NAMN", default="", help="vem som börjar året")
    _municipality(new_year)
    _json(new_year)
    reach = _command(commands, "reach", "yearly:reach", "hur långt budskapen nådde, eller skriv in en siffra")
    reach.add_argument("reference", nargs="?", metavar="ID", help="budskapets nummer eller nyckel")
    reach.add_argument("--channel", metavar="KANAL", help="i vilken kanal siffran lästes")
    reach.add_argument("--measure", metavar="MÅTT", help="till exempel visningar, reaktioner eller mottagare")
    reach.add_argument("--number", type=_number, metavar="ANTAL", help="siffran")
    reach.add_argument("--as", dest="name", metavar="NAMN", default="", help="vem som läste den")
    _municipality(reach)
    _json(reach)
    national = _command(commands, "national", "yearly:national", "visa de nationella kampanjerna och om de får spridas")
    _municipality(national)
    _json(national)
    archive = _command(commands, "archive", "yearly:archive", "skriv ett års arkiv i en mapp, med kontrollsummor")
    archive.add_argument("municipality", metavar="KOMMUN")
    archive.add_argument("year", metavar="ÅR", type=_number)
    archive.add_argument("folder", metavar="MAPP", help="en mapp som inte finns än, eller en fil som slutar på .zip")
    archive.add_argument("--campaign", metavar="KAMPANJ", default="", help="bara den här kampanjen")
    _as(archive)
    retention = _command(commands, "retention", "yearly:retention", "visa vad som får gallras, eller gallra det nu")
    retention.add_argument("--remove", action="store_true", help="gallra nu; annars gör arbetaren det av sig själv")
    retention.add_argument("--as", dest="name", metavar="NAMN", default="", help="vem som gallrar")
    _municipality(retention)
    _json(retention)
    log = _command(commands, "log", "yearly:log", "loggen: kontrollera att ingen har ändrat i den")
    acts = log.add_subparsers(title="kommandon", metavar="KOMMANDO", required=True)
    verify = acts.add_parser("verify", help="gå igenom loggens kedja och säg den första raden som inte stämmer")
    verify.set_defaults(act="verify")
    verify.add_argument(
        "--known", metavar="SUMMA", default="", help="en summa som skrevs ner förut, till exempel ur ett arkiv"
    )
    _json(verify)
    seal = acts.add_parser("seal", help="försegla loggens slut med en ny nyckel, när KAMPANJHJUL_SECRET_KEY har bytts")
    seal.set_defaults(act="seal")
    seal.add_argument("--reason", required=True, metavar="SKÄL", help="varför nyckeln har bytts; det står i loggen")
    _as(seal)


def _people(commands: argparse._SubParsersAction) -> None:  # type: ignore[type-arg]  # as above
    user = _command(commands, "user", "people:user", "vilka som kan logga in, och vad de får göra")
    acts = user.add_subparsers(title="kommandon", metavar="KOMMANDO", required=True)
    listed = acts.add_parser("list", help="visa personerna och deras roller")
    listed.set_defaults(act="list")
    _municipality(listed)
    _json(listed)
    add = acts.add_parser("add", help="bjud in en person, eller ge en roll till: visar en länk för att välja lösenord")
    add.set_defaults(act="add")
    add.add_argument("email", metavar="E-POST")
    add.add_argument("--name", dest="person_name", metavar="NAMN", required=True, help="personens namn")
    add.add_argument(
        "--role",
        metavar="ROLL",
        required=True,
        choices=["editor", "approver", "administrator"],
        help="editor (redaktör), approver (godkännare) eller administrator (administratör)",
    )
    add.add_argument("--party", metavar="PART", default="", help="vilken part en godkännare godkänner för")
    add.add_argument("--municipality", metavar="KOMMUN", help="i vilken kommun (en administratör kan få alla)")
    _as(add)
    for name, text in (
        ("link", "gör en ny länk för att välja lösenord: den förra slutar gälla"),
        ("disable", "stäng av personens inloggning, nu och överallt"),
        ("enable", "släpp in en avstängd person igen"),
    ):
        act = acts.add_parser(name, help=text)
        act.set_defaults(act=name)
        act.add_argument("email", metavar="E-POST")
        _as(act)


def _operating(commands: argparse._SubParsersAction) -> None:  # type: ignore[type-arg]  # as above
    backup = _command(
        commands, "backup", "safekeeping:backup", "kopiera databas, inställningar och mallar till en ny mapp, i drift"
    )
    backup.add_argument("directory", metavar="MAPP")
    restore = _command(commands, "restore", "safekeeping:restore", "läs tillbaka en säkerhetskopia i en tom databas")
    restore.add_argument("directory", metavar="MAPP")
    restore.add_argument("--files", metavar="MAPP", help="lägg också config och templates i den här mappen")
    restore.add_argument("--overwrite", action="store_true", help="ersätt allt som redan finns i databasen")
    municipality = _command(commands, "municipality", "operating:municipality", "lägg till en kommun")
    add = municipality.add_subparsers(title="kommandon", metavar="KOMMANDO", required=True).add_parser(
        "add", help="skriv kommunens fil, med det som måste bekräftas märkt"
    )
    add.add_argument("id", metavar="KOMMUN", help="id i adresser, till exempel habo")
    add.add_argument("--name", dest="title", metavar="NAMN", default="", help="till exempel ”Habo kommun”")
    add.add_argument("--code", metavar="KOD", default="", help="kommunkoden, fyra siffror")
    add.add_argument("--police-area", metavar="NAMN", default="", help="till exempel ”lokalpolisområde Höglandet”")
    add.add_argument("--website", metavar="ADRESS", default="", help="kommunens webbplats")
    operator = _command(commands, "operator", "operating:operator", "hur alla kommuner står, för driftansvariga")
    operator.set_defaults(act="show")
    _json(operator)
    acts = operator.add_subparsers(title="kommandon", metavar="KOMMANDO")
    for name, text in (("add", "låt en person se alla kommuners läge på sidan /drift"), ("remove", "ta bort rätten")):
        act = acts.add_parser(name, help=text)
        act.set_defaults(act=name)
        act.add_argument("email", metavar="E-POST")
        if name == "add":
            act.add_argument("--name", dest="person_name", metavar="NAMN", required=True, help="personens namn")
        _as(act)
    translated = _command(
        commands,
        "translations",
        "packing:translations",
        "översättningar i filer: om de är lästa mot den svenska texten",
    )
    _json(translated)
    acts = translated.add_subparsers(title="kommandon", metavar="KOMMANDO")
    vouch = acts.add_parser("vouch", help="skriv i filerna att de är lästa mot den svenska texten som den är nu")
    vouch.add_argument("files", nargs="+", metavar="FIL", help="till exempel valborg/infor.syskon.en.md")
    pack = _command(commands, "pack", "packing:pack", "kampanjpaketet: vad som är anpassat, och vad som har ändrats")
    acts = pack.add_subparsers(title="kommandon", metavar="KOMMANDO", required=True)
    diff = acts.add_parser("diff", help="visa filerna som skiljer sig; med en fil: hur")
    diff.set_defaults(act="diff")
    diff.add_argument("files", nargs="*", metavar="FIL", help="till exempel templates/messages/jul/tidigt.foraldrar.md")
    _json(diff)
    for name, text in (
        ("seen", "notera att er fil har jämförts med paketets och ska vara som den är"),
        ("take", "ta in paketets version av filer som ingen har anpassat"),
    ):
        act = acts.add_parser(name, help=text)
        act.set_defaults(act=name)
        act.add_argument("files", nargs="+", metavar="FIL")
