import { readCertsOnly, readPemCertificates } from "../../../gateway/enrolment/certs-only.ts";
import {
  context,
  DerError,
  element,
  objectIdentifier,
  readElements,
  sequence,
  tags,
} from "../../../gateway/enrolment/der.ts";
import { EstClient } from "../../../gateway/enrolment/est.ts";
import type { ExchangeAnswer } from "../../../gateway/enrolment/exchange.ts";
import { VirtualClock } from "../../fault/virtual-clock.ts";
import { gatewayErrors, hex, latin, ready, type TargetSource, utf8 } from "../target.ts";
import { certificatePem } from "./fixed.ts";

// What a certificate authority answers, and what claims to be one.

const [certificate] = readPemCertificates(certificatePem);
const raw = certificate?.raw ?? Buffer.alloc(0);

/** Certs-only, RFC 5652 section 5: SignedData without signers. */
function certsOnly(...certificates: readonly Uint8Array[]): Uint8Array {
  const integer = element(tags.integer, hex("01"));
  const data = sequence(objectIdentifier("1.2.840.113549.1.7.1"));
  const signed = sequence(
    integer,
    element(tags.set),
    data,
    element(context(0), ...certificates),
    element(tags.set),
  );
  return sequence(objectIdentifier("1.2.840.113549.1.7.2"), element(context(0), signed));
}

const messages = [certsOnly(raw), certsOnly(raw, raw), certsOnly()];
const words = [
  hex("30 80"),
  hex("30 84 ff ff ff ff"),
  hex("a0"),
  hex("1f"),
  hex("06 09"),
  hex("00 00"),
  hex("82 01"),
];

function elementsIn(bytes: Uint8Array, depth: number): void {
  for (const { tag, content } of readElements(bytes))
    if ((tag & 0x20) !== 0 && depth < 8) elementsIn(content, depth + 1);
}

/** An answer of HTTP as text: status, `name: value` lines, an empty line, the body. */
function answerOf(input: Uint8Array): ExchangeAnswer {
  const text = Buffer.from(input).toString("latin1");
  const [head = "", ...body] = text.split("\n\n");
  const [status = "", ...lines] = head.split("\n");
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const [name = "", value = ""] = line.split(": ");
    if (/^[a-z-]+$/.test(name)) headers[name] = value;
  }
  return { status: Number.parseInt(status, 10) || 0, headers, body: latin(body.join("\n\n")) };
}

const signal = new AbortController().signal;
const clock = new VirtualClock();

function estOf(answer: ExchangeAnswer): EstClient {
  const base = "https://ca.example.org/.well-known/est";
  return new EstClient({ base, authorities: certificatePem, clock, exchange: async () => answer });
}

export const certificateTargets: readonly TargetSource[] = [
  ready({
    name: "der",
    share: 5,
    seeds: [raw, ...messages],
    words,
    take(input) {
      elementsIn(input, 0);
      readCertsOnly(input);
    },
    errors: [DerError],
  }),
  ready({
    name: "pem",
    share: 1,
    seeds: [utf8(certificatePem), utf8(certificatePem.repeat(3))],
    words: ["-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----", "\n", "=", "MII", " "],
    take: (input) => readPemCertificates(Buffer.from(input).toString("utf8")),
    errors: [DerError],
  }),
  ready({
    name: "est-answer",
    share: 2,
    seeds: [
      ...messages.map((one) => utf8(`200\n\n${Buffer.from(one).toString("base64")}`)),
      utf8("202\nretry-after: 120\n\n"),
      utf8("503\nretry-after: Wed, 21 Oct 2026 07:28:00 GMT\ndate: Wed, 21 Oct 2026 07:27:00 GMT\n\n"),
      utf8("400\ncontent-type: text/plain\n\nwrong name"),
    ],
    words: ["200\n\n", "retry-after: ", "MII", "==", "401\n\n", "date: ", "\n\n"],
    async take(input) {
      const est = estOf(answerOf(input));
      await est.enrol(raw, "gw-1", "token", signal);
      await est.authorities(signal);
    },
    errors: gatewayErrors,
  }),
];
