// Prints what ical.js (Nextcloud's and Thunderbird's parser) and node-ical read from the feed at the given address.
import ICAL from "ical.js";
import ical from "node-ical";

const response = await fetch(process.argv[2]);
if (response.status !== 200) throw new Error(`HTTP ${response.status}`);
const text = await response.text();

const root = new ICAL.Component(ICAL.parse(text));
for (const zone of root.getAllSubcomponents("vtimezone")) ICAL.TimezoneService.register(zone);
const pad = (number) => String(number).padStart(2, "0");
const instant = (milliseconds) => new Date(milliseconds).toISOString().slice(0, 19) + "Z";

const withIcalJs = root.getAllSubcomponents("vevent").map((component) => {
  const event = new ICAL.Event(component);
  const when = (time) => (time.isDate ? time.toString() : instant(time.toUnixTime() * 1000));
  return [event.uid, when(event.startDate), when(event.endDate), event.summary, component.getFirstPropertyValue("status")];
});

const withNodeIcal = Object.values(ical.sync.parseICS(text))
  .filter((item) => item.type === "VEVENT")
  .map((event) => {
    const day = (time) => `${time.getFullYear()}-${pad(time.getMonth() + 1)}-${pad(time.getDate())}`;
    const when = (time) => (event.datetype === "date" ? day(time) : instant(time.getTime()));
    return [event.uid, when(event.start), when(event.end), event.summary, event.status];
  });

console.log(JSON.stringify({ "ical.js": withIcalJs, "node-ical": withNodeIcal }));
