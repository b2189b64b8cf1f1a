// SPDX-License-Identifier: AGPL-3.0-or-later
//
// Reads values as JSON on standard input and prints how Intl (CLDR) writes each of them in each language.
// Its answers are what the tables of this package are compared with. {languages: [tag], values: [{what, ...}]}
// -> {tag: [text]}.
import { stdin, stdout } from "node:process";

let input = "";
for await (const part of stdin) input += part;
const { languages, values } = JSON.parse(input);

const day = (l, iso, style) => new Intl.DateTimeFormat(l, { timeZone: "UTC", ...style }).format(new Date(iso + "T12:00:00Z"));
const unit = (l, [n, name], display) =>
  new Intl.NumberFormat(l, { style: "unit", unit: name, unitDisplay: display }).format(n);

const write = {
  number: (l, v) => new Intl.NumberFormat(l).format(BigInt(v.n)),
  percent: (l, v) => new Intl.NumberFormat(l, { style: "percent" }).format(v.n / 100),
  money: (l, v) =>
    new Intl.NumberFormat(l, {
      style: "currency", currency: v.currency, minimumFractionDigits: v.digits, maximumFractionDigits: v.digits,
    }).format(v.decimal), // a string: Intl reads it exactly
  date: (l, v) => day(l, v.date, { dateStyle: "long" }),
  dateShort: (l, v) => day(l, v.date, { dateStyle: "medium" }),
  dateFull: (l, v) => day(l, v.date, { dateStyle: "full" }),
  day: (l, v) => day(l, v.date, { weekday: "short", day: "numeric", month: "short" }),
  month: (l, v) => day(l, v.date, { month: "long", year: "numeric" }),
  weekday: (l, v) => day(l, v.date, { weekday: "long" }),
  clock: (l, v) => new Intl.DateTimeFormat(l, { timeZone: v.zone, timeStyle: "short" }).format(new Date(v.at)),
  dateTime: (l, v) => new Intl.DateTimeFormat(l, { timeZone: v.zone, dateStyle: "long", timeStyle: "short" }).format(new Date(v.at)),
  dateTimeShort: (l, v) =>
    new Intl.DateTimeFormat(l, { timeZone: v.zone, dateStyle: "medium", timeStyle: "short" }).format(new Date(v.at)),
  list: (l, v) => new Intl.ListFormat(l).format(v.items),
  listOr: (l, v) => new Intl.ListFormat(l, { type: "disjunction" }).format(v.items),
  duration: (l, v) => new Intl.ListFormat(l, { type: "unit" }).format(v.parts.map((p) => unit(l, p, "long"))),
  durationShort: (l, v) =>
    new Intl.ListFormat(l, { type: "unit", style: "short" }).format(v.parts.map((p) => unit(l, p, "short"))),
  // Only days have names of their own here ("yesterday"), and 0 seconds is "now".
  ago: (l, v) =>
    new Intl.RelativeTimeFormat(l, { numeric: v.unit === "day" || v.unit === "second" ? "auto" : "always" }).format(v.n, v.unit),
};

const out = {};
for (const tag of languages) {
  const l = tag === "en" ? "en-GB" : tag;
  out[tag] = values.map((v) => write[v.what](l, v));
}
stdout.write(JSON.stringify(out));
