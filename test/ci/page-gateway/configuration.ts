import { createHash } from "node:crypto";

const sampleText = `gateway:
  id: sodermalm-07
  pen: 32473

connections:
  roof:
    protocol: modbus
    serial: {port: /dev/ttyUSB0, baud: 9600}

devices:
  lamp-1:
    profile: test/lamp
    connection: roof
    unit: 1
`;

const schema = {
  type: "object",
  required: ["gateway"],
  properties: {
    gateway: {
      description: "What the gateway is called and where it stands.",
      type: "object",
      properties: {
        id: { type: "string", description: "a-z, 0-9 and -; unique in the city; stands in every topic" },
        pen: { type: "integer", minimum: 1, description: "Private enterprise number from IANA" },
        position: { type: "object", description: "WGS 84" },
        timeZone: { type: "string", default: "Europe/Stockholm" },
      },
    },
    connections: { type: "object", description: "Lines to devices." },
    devices: { type: "object", description: "Devices, by their ids." },
  },
};

const hashOf = (text: string) => createHash("sha256").update(text).digest("hex");

/** Configurations as `gateway/config` keeps them, in memory. */
export class Configuration {
  text = sampleText;
  readonly applied: string[] = [];
  #generations = [
    { number: 1, at: new Date(Date.now() - 86_400_000).toISOString(), by: "kim", note: "Driftsatt" },
  ];
  #texts = new Map([[1, sampleText.replace("9600", "4800")]]);

  async read() {
    return { text: this.text, hash: hashOf(this.text) };
  }
  async check(text: string) {
    const line = text.split("\n").findIndex((one) => one.includes("wrong"));
    const diagnostics =
      line < 0
        ? []
        : [
            {
              severity: "error" as const,
              code: "unknown-key",
              message: 'unknown key "wrong"',
              hint: 'did you mean "unit"?',
              file: "gateway.yaml",
              line: line + 1,
              column: 5,
              length: 5,
            },
          ];
    return { diagnostics, changes: text === this.text ? [] : ["lamp-1: changed"], restartNeeded: [] };
  }
  async apply(text: string, _hash: string, by: string, note?: string) {
    const checked = await this.check(text);
    if (checked.diagnostics.length > 0 || text.includes("refuse me")) {
      const finding = {
        severity: "error" as const,
        code: "port-taken",
        message: "the port is taken",
        file: "gateway.yaml",
        line: 1,
        column: 1,
        length: 1,
      };
      return { ...checked, diagnostics: [...checked.diagnostics, finding], applied: false };
    }
    this.applied.push(text);
    const number = this.#generations.length + 1;
    this.#texts.set(number, this.text);
    this.#generations.push({ number, at: new Date().toISOString(), by, note: note ?? "" });
    this.text = text;
    return { ...(await this.check(text)), applied: true, generation: number };
  }
  async generations() {
    return this.#generations.map((one, index) => ({
      ...one,
      hash: hashOf(this.#texts.get(one.number) ?? this.text),
      current: index === this.#generations.length - 1,
    }));
  }
  async generation(number: number) {
    return { text: this.#texts.get(number) ?? "" };
  }
  async rollBack(number: number, by: string) {
    return this.apply(this.#texts.get(number) ?? "", "", by, `back to ${number}`);
  }
  async schema() {
    return schema;
  }
}
