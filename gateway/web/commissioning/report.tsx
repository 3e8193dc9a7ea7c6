import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { at } from "../api.ts";
import { Card } from "../components/card.tsx";
import { Notice } from "../components/error-box.tsx";
import { formatMoment } from "../format.ts";
import { words as pageWords } from "../text/text.ts";
import type { CommissioningState } from "../types.ts";
import { words } from "./words.ts";

/** One report: its QR code, and how to take it along. */
export function ReportCard({ report }: { report: CommissioningState["reports"][number] }) {
  const text = words().acceptance;
  const html = at`/v1/commissioning/reports/${report.id}.html`;
  const code = useCode(html);
  return (
    <Card title={text.made} tone={report.ok ? "good" : "warn"}>
      <p class="wz-name">{report.id}</p>
      <p>
        {formatMoment(report.at)} {words().by(report.by)}
      </p>
      {!report.ok && <Notice tone="warn">{text.withRemarks}</Notice>}
      {code && (
        <figure class="wz-qr">
          <img src={code} alt={text.qr} width={220} height={220} />
          <figcaption class="quiet">{text.qrHint}</figcaption>
        </figure>
      )}
      <div class="wz-buttons">
        <a class="button button-primary" href={html} target="_blank" rel="noopener">
          {text.open} <span class="hidden">({pageWords.value.common.opensNew})</span>
        </a>
        <a
          class="button button-plain"
          href={at`/v1/commissioning/reports/${report.id}.json`}
          download={`${report.id}.json`}
        >
          {text.download}
        </a>
      </div>
    </Card>
  );
}

/** The drawing of the code that stands in the report, as a picture: a picture runs no scripts. */
function useCode(html: string): string | undefined {
  const code = useSignal<string | undefined>(undefined);
  useEffect(() => {
    const asking = new AbortController();
    fetch(html, { signal: asking.signal, credentials: "same-origin" })
      .then((response) => (response.ok ? response.text() : ""))
      .then((page) => {
        const svg = new DOMParser().parseFromString(page, "text/html").querySelector("svg");
        if (!svg) return;
        svg.setAttribute("xmlns", "http://www.w3.org/2000/svg");
        code.value = `data:image/svg+xml,${encodeURIComponent(svg.outerHTML)}`;
      })
      // Without it the report is opened all the same.
      .catch(() => {});
    return () => asking.abort();
  }, [html]);
  return code.value;
}
