import { createHash } from "node:crypto";
import { renderSVG } from "uqr";
import { compactJws } from "../../codec/jws.ts";
import { qrText, type Report, type VerifiedReport } from "./report.ts";
import {
  inLanguage,
  type Language,
  missingWords,
  outcomeWords,
  qualityWords,
  unitWords,
  words,
} from "./words.ts";

// One file that is read on a phone and printed on A4: no script, nothing from elsewhere. Everything in it follows
// from the signed report, so that it can be made again and compared.

const style = `
:root{color-scheme:light}
*{box-sizing:border-box}
body{margin:0 auto;max-width:60rem;padding:1rem;font:15px/1.45 system-ui,"Segoe UI",Roboto,"Noto Sans",sans-serif;color:#1a1a1a;background:#fff}
h1{font-size:1.5rem;margin:0 0 .25rem}
h2{font-size:1.15rem;margin:2rem 0 .5rem;border-bottom:2px solid #1a1a1a}
h3{font-size:1rem;margin:1.5rem 0 .25rem}
header{display:flex;gap:1rem;justify-content:space-between;align-items:flex-start}
header svg{width:9.5rem;height:9.5rem;flex:none}
.verdict{display:inline-block;margin:.5rem 0;padding:.35rem .75rem;border:2px solid;font-weight:700}
.ok{color:#0b5d1e}.bad{color:#a3160c}
dl{display:grid;grid-template-columns:minmax(8rem,max-content) 1fr;gap:.15rem 1rem;margin:.5rem 0}
dt{color:#555}dd{margin:0;overflow-wrap:anywhere}
.wide{overflow-x:auto}
table{width:100%;border-collapse:collapse;font-size:.87rem;margin:.25rem 0 .75rem}
th,td{text-align:left;vertical-align:top;padding:.25rem .5rem .25rem 0;border-bottom:1px solid #ccc}
th{border-bottom:1px solid #1a1a1a;white-space:nowrap}
td.number{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}
small{color:#555}
code,pre{font:.8rem/1.35 ui-monospace,"DejaVu Sans Mono",monospace;overflow-wrap:anywhere;white-space:pre-wrap}
pre{max-height:12rem;overflow:auto;border:1px solid #ccc;padding:.5rem}
.sign{margin-top:2.5rem;border-top:1px solid #1a1a1a;max-width:22rem;padding-top:.25rem}
@media (max-width:40rem){
header{flex-direction:column}
dl{grid-template-columns:1fr;gap:0}dd{margin-bottom:.4rem}
thead{display:none}
tr{display:block;border-bottom:1px solid #999;padding:.3rem 0}
td,td.number{display:grid;grid-template-columns:8.5rem 1fr;border:0;padding:.1rem 0;text-align:left;white-space:normal;overflow-wrap:anywhere}
td::before{content:attr(data-label);color:#555}
td:empty{display:none}
}
@media print{
@page{size:A4;margin:14mm}
body{max-width:none;padding:0;font-size:10pt}
h2,h3{break-after:avoid}tr{break-inside:avoid}.wide{overflow:visible}
pre{max-height:none;font-size:5.5pt;line-height:1.2}
}
`;

/** For the header of an answer and the file itself: nothing is loaded, nothing runs. */
export const reportPolicy = `default-src 'none'; style-src 'sha256-${createHash("sha256").update(style).digest("base64")}'; base-uri 'none'; form-action 'none'`;

/** The report as a page. Pure: the same report gives the same text. */
export function reportHtml(verified: VerifiedReport, language: Language): string {
  const { report, jws, kid, hash } = verified;
  const say = (word: keyof typeof words) => html(words[word][language]);
  const { gateway, configuration, machine = {} } = report;
  const title = gateway.title ? `${gateway.id}, ${inLanguage(gateway.title, language)}` : gateway.id;
  const qr = renderSVG(qrText(verified), { ecc: "M", border: 2, pixelSize: 4 });
  const generation =
    configuration.generation === undefined
      ? ""
      : `, ${words.generation[language]} ${configuration.generation}`;
  return `<!doctype html>
<html lang="${language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta http-equiv="content-security-policy" content="${html(reportPolicy)}">
<title>${say("title")} ${html(gateway.id)} ${html(report.id)}</title>
<style>${style}</style>
</head>
<body>
<header><div>
<h1>${say("title")}</h1>
<p>${html(title)}<br><small>${html(report.id)}</small></p>
<p class="verdict ${report.ok ? "ok" : "bad"}">${say(report.ok ? "accepted" : "despite")}</p>
</div>
${qr}
</header>
<main>
${facts([
  [say("time"), `${when(report.time)}${report.clockTrusted ? "" : ` (${say("clockUntrusted")})`}`],
  [say("technician"), `${html(report.technician)} <small>(${say("loggedIn")} ${html(report.by)})</small>`],
  [say("note"), html(report.note ?? "")],
  [say("reason"), html(report.despite ?? "")],
])}
${report.missing.length === 0 ? "" : `<h2>${say("remarks")}</h2>\n<ul class="bad">\n${report.missing.map((one) => `<li>${html(missingWords(one, language))}</li>`).join("\n")}\n</ul>`}
<h2>${say("gateway")}</h2>
${facts([
  [say("name"), html(title)],
  [say("position"), place(gateway.position)],
  [say("version"), `Stadsnod ${html(gateway.version)}`],
  [say("run"), html(gateway.run)],
  [say("machine"), shown(machine.model)],
  [say("system"), [machine.os, machine.hostname].map(shown).filter(Boolean).join(", ")],
  [say("addresses"), Array.isArray(machine.addresses) ? machine.addresses.map(shown).join(", ") : ""],
  [say("configuration"), `<code>${html(configuration.hash)}</code>${html(generation)}`],
])}
<h2>${say("northbound")}</h2>
${table(
  [words.farSide[language], words.verdict[language], words.time[language]],
  report.northbound.map(({ name, ok, at }) => [
    html(name),
    verdict(ok, at === undefined ? say("untested") : say(ok ? "works" : "fails")),
    at === undefined ? "" : when(at),
  ]),
)}
<h2>${say("connections")}</h2>
${table(
  [words.connection[language], words.protocol[language], words.settings[language]],
  report.connections.map(({ name, protocol, settings }) => [html(name), html(protocol), code(settings)]),
)}
<h2>${say("devices")}</h2>
${report.devices.map((device) => deviceHtml(device, language)).join("\n")}
<h2>${say("signature")}</h2>
<p>${say("signed")} <code>stadsnod acceptance verify</code>.</p>
${facts([
  [say("key"), `<code>${html(kid)}</code>`],
  [say("hash"), `<code>${html(hash)}</code>`],
])}
<details><summary>${say("document")}</summary>
<pre id="jws">${compactJws(jws)}</pre>
</details>
<p class="sign">${say("signHere")}</p>
</main>
</body>
</html>
`;
}

function deviceHtml(device: Report["devices"][number], language: Language): string {
  const say = (word: keyof typeof words) => html(words[word][language]);
  const title = device.title ? ` – ${html(inLanguage(device.title, language))}` : "";
  const named = (point: string, text: { en: string; sv?: string | undefined } | undefined) =>
    `${text ? `${html(inLanguage(text, language))}<br>` : ""}<small>${html(point)}</small>`;
  const withNote = (words: string, note: string | undefined) =>
    note === undefined ? words : `${words} <small>${html(note)}</small>`;
  const points = table(
    [
      words.point[language],
      words.value[language],
      words.range[language],
      words.quality[language],
      words.measured[language],
      words.verdict[language],
    ],
    device.points.map(({ point, title, value, unit, range, quality, time, ok, seen, note }) => [
      named(point, title),
      value === undefined
        ? ""
        : `${html(valueWords(value, language))}${unit === undefined ? "" : ` ${html(unitWords(unit))}`}`,
      range ? html(`${range[0]} – ${range[1]}`) : "",
      html(qualityWords(quality, language)),
      time === undefined ? "" : when(time),
      withNote(verdict(ok, say(ok ? "good" : "bad")) + (seen ? `, ${say(seen)}` : ""), note),
    ]),
    [1],
  );
  const actuators = table(
    [
      words.actuator[language],
      words.command[language],
      words.outcome[language],
      words.onSite[language],
      words.time[language],
    ],
    device.actuators.map(({ point, title, command, outcome, seen, note, at, by }) => [
      named(point, title),
      command === undefined ? "" : `<code>${html(command)}</code>`,
      outcome === undefined
        ? say("untested")
        : verdict(outcome === "succeeded", html(outcomeWords(outcome, language))),
      withNote(seen ? verdict(seen === "confirmed", say(seen)) : "", note),
      at === undefined ? "" : `${when(at)}${by === undefined ? "" : ` <small>${html(by)}</small>`}`,
    ]),
  );
  return `<section>
<h3>${html(device.device)}${title}: ${verdict(device.ok, say(device.ok ? "good" : "bad"))}</h3>
${facts([
  [
    say("profile"),
    `${html(device.profile)} ${html(device.profileVersion)} <small><code>${html(device.profileHash)}</code></small>`,
  ],
  [say("connection"), `${html(device.connection)} ${code(device.settings)}`],
  [say("owner"), html(device.owner ?? "")],
  [say("place"), html(device.place ?? "")],
  [say("position"), place(device.position)],
])}
${points}${device.actuators.length === 0 ? "" : `\n<h3>${say("actuators")}</h3>\n${actuators}`}
</section>`;
}

/** Rows without a value are left out; values are HTML. */
function facts(rows: readonly (readonly [string, string])[]): string {
  const said = rows.filter(([, value]) => value !== "");
  return `<dl>\n${said.map(([name, value]) => `<dt>${name}</dt><dd>${value}</dd>`).join("\n")}\n</dl>`;
}

/** Cells are HTML; on a phone each shows the word of its column. */
function table(
  heads: readonly string[],
  rows: readonly (readonly string[])[],
  numbers: readonly number[] = [],
): string {
  const cell = (inner: string, column: number) =>
    `<td${numbers.includes(column) ? ' class="number"' : ""} data-label="${html(heads[column] ?? "")}">${inner === "" ? "" : `<span>${inner}</span>`}</td>`;
  return `<div class="wide"><table>
<thead><tr>${heads.map((head) => `<th scope="col">${html(head)}</th>`).join("")}</tr></thead>
<tbody>
${rows.map((row) => `<tr>${row.map(cell).join("")}</tr>`).join("\n")}
</tbody></table></div>`;
}

function verdict(ok: boolean, inner: string): string {
  return `<span class="${ok ? "ok" : "bad"}">${inner}</span>`;
}

function valueWords(value: number | boolean | string, language: Language): string {
  if (typeof value === "boolean") return words[value ? "yes" : "no"][language];
  return String(value);
}

/** To the second, in UTC: whoever reads it may be anywhere. */
function when(iso: string): string {
  return html(iso.replace("T", " ").replace(/\.\d+Z$|Z$/, " UTC"));
}

function place(position: { lat: number; lon: number } | undefined): string {
  return position ? html(`${position.lat}, ${position.lon}`) : "";
}

function shown(value: unknown): string {
  return typeof value === "string" || typeof value === "number" ? html(String(value)) : "";
}

/** Settings, short enough for a table. */
function code(settings: unknown): string {
  const text = JSON.stringify(settings) ?? "";
  return text === "{}" || text === "" ? "" : `<code>${html(text.replaceAll('"', "").slice(0, 2000))}</code>`;
}

/** As text in a page. */
function html(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replaceAll("'", "&#39;");
}
