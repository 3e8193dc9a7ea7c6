import { Badge } from "../components/badge.tsx";
import { Card, Fact, Facts } from "../components/card.tsx";
import { Meter } from "../components/progress.tsx";
import { formatBytes, formatDuration, formatNumber } from "../format.ts";
import { language } from "../preferences.ts";
import type { MachineFacts } from "../types.ts";
import { overviewWords } from "./overview.words.ts";

export function Machine({ machine }: { machine: MachineFacts }) {
  const t = overviewWords.value;
  const { disk, memory, temperatureC, undervoltage } = machine;
  const used = (whole: { totalMB: number; freeMB: number }) => 1 - whole.freeMB / Math.max(1, whole.totalMB);
  const tone = (part: number) => (part > 0.95 ? "bad" : part > 0.85 ? "warn" : "good");
  const bytes = (mb: number) => formatBytes(mb * 1e6, language.value);
  const hot =
    temperatureC === undefined ? "good" : temperatureC >= 80 ? "bad" : temperatureC >= 70 ? "warn" : "good";
  return (
    <Card title={t.machine}>
      <div class="stack">
        {(
          [
            ["disk", disk],
            ["memory", memory],
          ] as const
        ).map(([name, whole]) => (
          <div key={name} class="stack tight">
            <div class="row spread">
              <span class="quiet">{t[name]}</span>
              <strong class="numbers">{t.free(bytes(whole.freeMB), bytes(whole.totalMB))}</strong>
            </div>
            <Meter label={t[name]} part={used(whole)} tone={tone(used(whole))} />
          </div>
        ))}
      </div>
      <Facts>
        {temperatureC !== undefined && (
          <Fact name={t.temperature}>
            <Badge tone={hot} text={`${formatNumber(temperatureC, language.value, 1)} °C`} />
          </Fact>
        )}
        {undervoltage && (
          <Fact name={t.supply}>
            <Badge
              tone={undervoltage === "never" ? "good" : undervoltage === "now" ? "bad" : "warn"}
              text={t.supplyWords[undervoltage]}
            />
          </Fact>
        )}
        <Fact name={t.load}>
          <span class="numbers">{formatNumber(machine.load, language.value, 2)}</span>
        </Fact>
        {machine.model && <Fact name={t.model}>{machine.model}</Fact>}
        <Fact name={t.os}>{machine.os}</Fact>
        <Fact name={t.hostname}>{machine.hostname}</Fact>
        <Fact name={t.addresses}>
          <span class="mono">{machine.addresses.join(", ")}</span>
        </Fact>
        <Fact name={t.machineUptime}>
          <span class="numbers">{formatDuration(machine.uptimeS * 1000, language.value)}</span>
        </Fact>
      </Facts>
    </Card>
  );
}
