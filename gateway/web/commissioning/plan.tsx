/** What a scan looks at. What it costs at most is said as soon as the gateway has worked it out. */
export function Plan({ hint }: { what: Readonly<Record<string, unknown>>; hint: string }) {
  return <p class="quiet">{hint}</p>;
}
