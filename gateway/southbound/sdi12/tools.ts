import type { SimulatedDevice, SimulationInput, Turn } from "../protocol.ts";
import { crcText, withoutCrc } from "./codec.ts";
import { givenSchema, type Sdi12Given } from "./schema.ts";
import type { Sdi12Connection, Sdi12Device } from "./settings.ts";

/** What a new SDI-12 profile begins with, from `protocol:` on: passes `profile check` and `profile test`. */
export const sdi12Skeleton = `protocol: sdi12
sdi12:
  measure:
    M: {wait: 2s, values: 2}       # how long the sensor takes for it, and how many values it gives
points:
  level:
    title: {en: Water level, sv: Vattennivå}
    at: {measure: M, value: 1}     # M M1..M9 | C C1..C9 | V | R0..R9; MC CC RC0 with a CRC; value counts from 1
    unit: m                        # SenML units: m Cel m/s deg hPa mm %RH V S/m ...
    resolution: 0.001              # smallest step that means something
    range: [0, 20]                 # outside it has no value
    # absent: [-9999]              # what the sensor says instead of a value
    doc: p. 1                      # where the datasheet says so
  water_temperature:
    title: {en: Water temperature, sv: Vattentemperatur}
    at: {measure: M, value: 2}
    unit: Cel
    resolution: 0.1
  serial_number:
    title: {en: Serial number, sv: Serienummer}
    at: {identity: serial}         # standard | vendor | model | version | serial
    class: once                    # fast | normal | slow | once: gateway.yaml says what the words mean
examples:                          # commands to address 0 and what it says, and what must come of it: run by profile test
  - name: nominal
    given:
      exchange:
        - {">": "0M!", "<": "00022\\r\\n0\\r\\n"}
        - {">": "0D0!", "<": "0+1.204+7.3\\r\\n"}
        - {">": "0I!", "<": "014ACME    PROBE 100123456\\r\\n"}
    expect: {level: 1.204, water_temperature: 7.3, serial_number: "123456"}
`;

/** Of the sensor in examples. */
const exampleAddress = "0";

/**
 * A sensor that answers as the examples' sensor did, example after example, over and over again; under
 * the address of the settings.
 */
export function simulateSdi12(
  _profile: unknown,
  { given, settings: { address } }: SimulationInput<Sdi12Connection, Sdi12Device>,
): SimulatedDevice {
  const turns = given
    .flatMap((one) => givenSchema.parse(one).exchange)
    .map((turn) => ({ ">": address + turn[">"].slice(1), "<": underAddress(turn["<"], address) }));
  let next = 0;
  return {
    answer(bytes) {
      const command = /[0-9A-Za-z?]\w*!$/.exec(Buffer.from(bytes).toString("latin1"))?.[0];
      if (command === "?!" || command === `${address}!`) return Buffer.from(`${address}\r\n`, "latin1");
      const order = [...turns.keys()].map((index) => (next + index) % turns.length);
      const index = order.find((at) => turns[at]?.[">"] === command);
      if (index === undefined) return undefined;
      next = index + 1;
      return Buffer.from(turns[index]?.["<"] ?? "", "latin1");
    },
  };
}

/** Each line of a response, its CRC made anew where it had one. */
function underAddress(response: string, address: string): string {
  return response.replace(/^.([^\r\n]*)/gm, (line: string, rest: string) => {
    const body = withoutCrc(line);
    if (body === undefined) return address + rest;
    const renamed = address + body.slice(1);
    return renamed + crcText(renamed);
  });
}

/** A tapped dialogue as an example has it: under address 0, without breaks, and without our own echo. */
export function recordSdi12(dialogue: readonly Turn[]): Sdi12Given {
  const text = (bytes: Uint8Array) => Buffer.from(bytes).toString("latin1").replace(/^\0+/, "");
  const exchange = dialogue.flatMap(({ sent, received }) => {
    const command = text(sent);
    const said = text(received);
    const answer = said.startsWith(command) ? said.slice(command.length) : said;
    if (!command.endsWith("!") || !answer.endsWith("\r\n")) return [];
    return [{ ">": `${exampleAddress}${command.slice(1)}`, "<": underAddress(answer, exampleAddress) }];
  });
  return { exchange };
}
