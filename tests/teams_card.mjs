// Reads an Adaptive Card as JSON and prints what Microsoft's own reader finds in it: {faults, types, texts}.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

// Its modules name each other in a way that only bundlers follow; the bundle is whole.
const reader = createRequire(import.meta.url)("adaptivecards/dist/adaptivecards.js");

const card = new reader.AdaptiveCard();
const context = new reader.SerializationContext(reader.Versions.v1_4);
card.parse(JSON.parse(readFileSync(0, "utf-8")), context);
const faults = Array.from({ length: context.eventCount }, (_, index) => context.getEventAt(index).message);
faults.push(...card.validateProperties().validationEvents.map((event) => event.message));
const items = Array.from({ length: card.getItemCount() }, (_, index) => card.getItemAt(index));
const texts = items.flatMap((item) =>
  item instanceof reader.RichTextBlock
    ? Array.from({ length: item.getInlineCount() }, (_, index) => item.getInlineAt(index).text)
    : [],
);
console.log(JSON.stringify({ faults, types: items.map((item) => item.getJsonTypeName()), texts }));
