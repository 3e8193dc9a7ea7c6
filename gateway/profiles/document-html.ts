import type { DeviceProfile } from "../model/device.ts";
import { type Language, type Page, type PlanSummary, pageOf, type Section } from "./document.ts";
import type { ProfileAbout } from "./load.ts";

const languages: readonly { readonly language: Language; readonly name: string }[] = [
  { language: "en", name: "English" },
  { language: "sv", name: "Svenska" },
];

/** No script: two buttons and what they show. Colours follow the reader's system. */
const style = `
:root { color-scheme: light dark; --line: color-mix(in srgb, CanvasText 20%, Canvas); }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 0 auto; padding: 1rem; }
h1 { margin-bottom: 0; }
table { border-collapse: collapse; width: 100%; font-size: 0.9rem; }
th, td { border-bottom: 1px solid var(--line); padding: 0.3rem 0.6rem 0.3rem 0; text-align: left; vertical-align: top; }
td, li, dd { overflow-wrap: anywhere; }
.wide { overflow-x: auto; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 0 1rem; }
dt { font-weight: 600; }
dd { margin: 0; }
.warning { border-left: 0.3rem solid; padding-left: 0.8rem; font-weight: 600; }
#en:checked ~ main[lang="sv"], #sv:checked ~ main[lang="en"] { display: none; }
@media print { input, label { display: none; } }
`;

/**
 * One self-contained page about a model of device, in both languages, of which `language` is shown
 * first. No script, and nothing that it loads.
 */
export function documentHtml(
  profile: DeviceProfile,
  about: ProfileAbout,
  language: Language = "en",
  plan?: PlanSummary,
): string {
  const pages = languages.map((one) => ({ ...one, page: pageOf(profile, about, one.language, plan) }));
  const title = pages.find((one) => one.language === language)?.page.title ?? profile.id;
  const buttons = pages.map(
    (one) =>
      `<input type="radio" name="language" id="${one.language}"${one.language === language ? " checked" : ""}>` +
      `<label for="${one.language}" lang="${one.language}">${one.name}</label>`,
  );
  return `<!doctype html>
<html lang="${language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escaped(title)}</title>
<style>${style}</style>
</head>
<body>
${buttons.join("\n")}
${pages.map((one) => mainHtml(one.page, one.language)).join("\n")}
</body>
</html>
`;
}

function mainHtml({ title, id, facts, warning, sections }: Page, language: Language): string {
  return [
    `<main lang="${language}">`,
    `<h1>${escaped(title)}</h1>`,
    `<p><code>${escaped(id)}</code></p>`,
    "<dl>",
    ...facts.map(([name, value]) => `<dt>${escaped(name)}</dt><dd>${escaped(value)}</dd>`),
    "</dl>",
    ...(warning === undefined ? [] : [`<p class="warning">${escaped(warning)}</p>`]),
    ...sections.map(sectionHtml),
    "</main>",
  ].join("\n");
}

function sectionHtml(section: Section): string {
  const heading = `<h2>${escaped(section.title)}</h2>`;
  if ("entries" in section)
    return `${heading}\n<ul>\n${section.entries.map((entry) => `<li>${linked(entry)}</li>`).join("\n")}\n</ul>`;
  const { header, rows, note } = section;
  const cells = (tag: string, texts: readonly string[]) =>
    `<tr>${texts.map((text) => `<${tag}>${escaped(text)}</${tag}>`).join("")}</tr>`;
  return [
    heading,
    `<div class="wide"><table>`,
    `<thead>${cells("th", header)}</thead>`,
    "<tbody>",
    ...rows.map((row) => cells("td", row)),
    "</tbody>",
    "</table></div>",
    ...(note === undefined ? [] : [`<p>${escaped(note)}</p>`]),
  ].join("\n");
}

/** Addresses of sources can be followed; nothing else of a profile becomes markup. */
function linked(text: string): string {
  const [, before = "", url] = /^(.*?)(https:\/\/[^\s<>"']+)$/.exec(text) ?? [];
  if (url === undefined) return escaped(text);
  return `${escaped(before)}<a href="${escaped(url)}" rel="noreferrer">${escaped(url)}</a>`;
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (sign) => entities[sign] ?? sign);
}
