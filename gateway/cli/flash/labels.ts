import { renderSVG } from "uqr";
import type { Language } from "../register-words.ts";

/** What is stuck on a gateway. None of it is secret. */
export interface Label {
  readonly gateway: string;
  readonly site?: string | undefined;
  /** The day the card was written: 2026-11-22. */
  readonly day: string;
}

const words = {
  en: { title: "Gateway labels", site: "Site", card: "Card" },
  sv: { title: "Etiketter för gatewayar", site: "Plats", card: "Kort" },
} as const;

// 24 on a sheet of A4, three by eight, as sold in offices (70 x 37 mm).
const style = `
@page{size:A4;margin:0}
*{box-sizing:border-box}
body{margin:0;font:11pt/1.25 system-ui,"Segoe UI",Roboto,"Noto Sans",sans-serif;color:#000;background:#fff}
main{display:grid;grid-template-columns:repeat(3,70mm);grid-auto-rows:37mm;width:210mm}
article{display:grid;grid-template-columns:25mm minmax(0,1fr);gap:1.5mm;align-items:center;padding:4mm 3mm;break-inside:avoid;overflow:hidden}
svg{width:25mm;height:25mm;display:block}
h1{font-size:11pt;line-height:1.15;margin:0;overflow-wrap:anywhere;max-height:3.45em;overflow:hidden}
p{margin:.5mm 0 0;font-size:8pt;overflow-wrap:anywhere}
p.site{display:-webkit-box;-webkit-box-orient:vertical;-webkit-line-clamp:3;overflow:hidden}
@media screen{main{margin:1rem auto}article{outline:1px dashed #999}}
`;

/** What the QR code says: an address of our own scheme, with gateway and site and nothing else. */
export function labelText({ gateway, site }: Pick<Label, "gateway" | "site">): string {
  const query = site === undefined ? "" : `?site=${encodeURIComponent(site)}`;
  return `stadsnod:${encodeURIComponent(gateway)}${query}`;
}

/** A page to print, one label for each gateway. */
export function labelsHtml(labels: readonly Label[], language: Language): string {
  const { title, site: siteWord, card } = words[language];
  const articles = labels.map((label) => {
    const { gateway, site, day } = label;
    const qr = renderSVG(labelText(label), { ecc: "M", border: 2, pixelSize: 4 });
    const place = site === undefined ? "" : `<p class="site">${siteWord}: ${escapeHtml(site)}</p>`;
    return `<article>${qr}<div><h1>${escapeHtml(gateway)}</h1>${place}<p>${card} ${escapeHtml(day)}</p></div></article>`;
  });
  return `<!doctype html>
<html lang="${language}">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${title}</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<style>${style}</style></head>
<body><main>
${articles.join("\n")}
</main></body>
</html>
`;
}

function escapeHtml(text: string): string {
  const entities: Readonly<Record<string, string>> = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    '"': "&quot;",
    "'": "&#39;",
  };
  return text.replaceAll(/[&<>"']/g, (one) => entities[one] ?? one);
}
